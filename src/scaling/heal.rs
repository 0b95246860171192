//! When a host is replaced: it has not answered for long, AWS says that it is sick, or it was launched and never joined.
//!
//! One at a time; never when so many are away that it is rather the network, or we, who are; never a manager without whose end the others would not be
//! enough to lead; never what somebody holds.

use super::findings::Finding;
use super::memory::Turn;
use super::policy::Step;
use super::settings::Settings;
use super::world::{Away, Host, Role, State, Takes, World};

/// The next step of it, if there is one; who is away for long is a finding also where nothing is done about it.
pub(super) fn step(world: &World, settings: &Settings, turn: &mut Turn<'_>, findings: &mut Vec<Finding>) -> Option<Step> {
    let mut due = Vec::new();
    for host in world.hosts.iter().filter(|host| is_away(host)) {
        let long = turn.lasts(&format!("away {}", host.name));
        let patience = match (host.state, host.leads()) {
            (State::Joining, _) => settings.join,
            (_, true) => settings.manager_down,
            (_, false) => settings.worker_down,
        };
        if long >= patience {
            let is_ours = host.grouped && !host.held;
            findings.push(match host.state {
                State::Joining => Finding::Late { host: host.name.clone(), long },
                _ => Finding::Gone { host: host.name.clone(), long, held: !is_ours },
            });
            due.extend(is_ours.then_some(host));
        }
    }
    if !world.unread.is_empty() {
        return None;
    }
    // What was put away to be replaced and is well again takes tasks again.
    let well = world.hosts.iter().find(|host| host.away == Some(Away::Replace) && host.state == State::Ready && !host.sick);
    if let Some(host) = well {
        return Some(Step::Undrain { host: host.name.clone() });
    }
    let away = world.hosts.iter().filter(|host| host.state != State::Ready && host.state != State::Joining).count();
    if away * 2 > world.hosts.len() {
        return None;
    }
    // What was begun first; managers last.
    due.sort_by_key(|host| (host.away != Some(Away::Replace), host.leads(), &host.name));
    due.into_iter().filter(|host| leads_without(world, host)).find_map(|host| replaced(world, settings, host, turn))
}

/// The next step to another in its place.
fn replaced(world: &World, settings: &Settings, host: &Host, turn: &mut Turn<'_>) -> Option<Step> {
    if host.state == State::Joining {
        return Some(Step::Replace { host: host.name.clone() });
    }
    let others = world.hosts.iter().any(|other| other.name != host.name && other.away == Some(Away::Replace));
    // Who was launched in another's place comes first.
    if others || world.coming() > 0 {
        return None;
    }
    if host.takes != Takes::Drained || host.away != Some(Away::Replace) {
        return Some(Step::Drain { host: host.name.clone(), why: Away::Replace });
    }
    let waited = turn.lasts(&format!("drained {}", host.name)) >= settings.empties;
    // Of one that does not answer nobody can say what runs on it; what does is held off by the lock on its database.
    (host.state == State::Down || host.empty || waited).then(|| Step::Replace { host: host.name.clone() })
}

/// Whether something is wrong with it. One of which the swarm has not heard since its leader changed may be well.
fn is_away(host: &Host) -> bool {
    matches!(host.state, State::Down | State::Joining) || host.sick
}

/// Whether those that lead are enough without it.
fn leads_without(world: &World, host: &Host) -> bool {
    let managers = world.hosts.iter().filter(|one| one.leads()).count();
    let fine = |one: &&Host| one.role == Role::Manager { reachable: true } && one.state == State::Ready && one.name != host.name;
    !host.leads() || world.hosts.iter().filter(fine).count() > managers / 2
}
