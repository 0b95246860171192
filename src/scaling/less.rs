//! When the fleet is to have less: too much for a long time. One worker is chosen; it takes nothing more, is drained, and goes when it is empty.
//!
//! Which one: out of the zones that have most, so that Auto Scaling never has to balance them by ending a host that bears tenants; among those, who bears
//! least (`AZRebalance`: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>).

use std::collections::BTreeMap;

use super::memory::Turn;
use super::more::Need;
use super::policy::Step;
use super::room::Room;
use super::settings::Settings;
use super::world::{Away, Group, Host, State, Takes, World};

/// The next step down, if there is one. `busy`: something else is done or wrong.
pub(super) fn step(world: &World, settings: &Settings, need: &Need<'_>, busy: bool, turn: &mut Turn<'_>) -> Option<Step> {
    let group = world.group.as_ref()?;
    let chosen = world.hosts.iter().find(|host| host.away == Some(Away::Shrink));
    if !world.unread.is_empty() || busy || !is_settled(world) {
        // What was begun goes on later, and waits anew.
        return None;
    }
    let Some(host) = chosen else {
        let candidate = candidate(world, need, group)?;
        // Has it lasted?
        return (turn.lasts("too much room") >= settings.quiet).then(|| Step::Pause { host: candidate.name.clone() });
    };
    turn.lasts("too much room");
    let still = group.desired > group.min && !host.held && suffices(world, need, host);
    let host_name = || host.name.clone();
    match host.takes {
        // Somebody made it take tasks again by hand, or it was undrained by halves.
        Takes::Active => Some(Step::Undrain { host: host_name() }),
        _ if !still => Some(Step::Undrain { host: host_name() }),
        Takes::Paused => {
            let waited = turn.lasts(&format!("paused {}", host.name)) >= settings.linger;
            (waited || need.loads.of(host).tasks == 0).then(|| Step::Drain { host: host_name(), why: Away::Shrink })
        }
        Takes::Drained => host.empty.then(|| Step::Shrink { host: host_name() }),
    }
}

/// Whether every other host is there and takes tasks, unless the YAML says that it does not, and none is on its way.
fn is_settled(world: &World) -> bool {
    let fine = |host: &Host| host.serves() || host.state == State::Ready && (host.named || host.away == Some(Away::Shrink));
    world.coming() == 0 && world.hosts.iter().all(fine)
}

/// Whether all the others have room for what it bears and for what waits, wherever Swarm puts it, and for the spare.
fn suffices(world: &World, need: &Need<'_>, host: &Host) -> bool {
    let rest = world.hosts.iter().filter(|other| other.name != host.name && other.serves());
    let load = need.loads.of(host);
    !load.fixed && Room::new(rest.map(|other| need.loads.free(other))).suffices(load.reserved + need.waits(), need.size, need.spare)
}

fn candidate<'a>(world: &'a World, need: &Need<'_>, group: &Group) -> Option<&'a Host> {
    if group.desired <= group.min {
        return None;
    }
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    world.workers().for_each(|host| *zones.entry(&host.zone).or_default() += 1);
    let most = zones.values().copied().max()?;
    let able = world.workers().filter(|host| !host.held && zones.get(host.zone.as_str()) == Some(&most) && suffices(world, need, host));
    able.min_by_key(|host| (need.loads.of(host).reserved, need.loads.of(host).tasks, &host.name))
}
