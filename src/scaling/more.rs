//! When the fleet is to have more: something finds no room, or less than the spare is left.

use super::policy::Step;
use super::room::Room;
use super::settings::Settings;
use super::world::{Away, Host, Loads, State, Takes, World};

/// What needs room, and what there is.
#[derive(Debug, Clone)]
pub(super) struct Need<'w> {
    /// What waits: whose it is, and its size. Without those that not every host may take, and those that no host is large enough for.
    pub waiting: Vec<(String, u64)>,
    /// Those that no host is large enough for.
    pub too_large: Vec<(String, u64)>,
    /// The size that room is kept for.
    pub size: u64,
    /// So many of that size are kept free.
    pub spare: u64,
    /// A new host's memory.
    pub typical: Option<u64>,
    /// What each host bears.
    pub loads: Loads<'w>,
}

impl<'w> Need<'w> {
    pub(super) fn of(world: &'w World, settings: &Settings) -> Self {
        let typical = world.typical();
        let most = world.hosts.iter().map(|host| host.memory).max().unwrap_or_default();
        let unplaced = world.tasks.iter().filter(|task| task.node.is_none() && task.anywhere);
        let unplaced = unplaced.map(|task| (task.of.clone(), task.reserve));
        let queued = world.queued.iter().map(|queued| (queued.of.clone(), queued.reserve));
        let (too_large, waiting) = unplaced.chain(queued).partition(|(_, size)| *size > most);
        let sizes = world.tasks.iter().map(|task| task.reserve).chain(world.queued.iter().map(|queued| queued.reserve));
        let largest = sizes.chain([world.largest]).filter(|size| *size <= most).max().unwrap_or_default();
        let reserved = world.tasks.iter().map(|task| task.reserve).chain(world.queued.iter().map(|queued| queued.reserve)).sum();
        Self {
            waiting,
            too_large,
            size: largest.max(1),
            spare: spare(reserved, largest.max(1), settings.spare),
            typical,
            loads: world.loads(),
        }
    }

    /// What waits and finds no room in it, by its place; and whether the spare is left.
    fn short(&self, mut room: Room) -> (Vec<usize>, bool) {
        let sizes: Vec<u64> = self.waiting.iter().map(|(_, size)| *size).collect();
        let left = room.place_all(&sizes);
        (left, room.fits(self.size) < self.spare)
    }

    /// What waits and finds no room now or on what is coming.
    pub(super) fn without_room(&self, world: &World) -> Vec<String> {
        let (left, _) = self.short(room(world, self, Count::Coming));
        left.into_iter().map(|at| self.waiting[at].0.clone()).collect()
    }

    /// What waits in sum.
    pub(super) fn waits(&self) -> u64 {
        self.waiting.iter().map(|(_, size)| size).sum()
    }

    /// Whether less than the spare is left, also once what is down is there again.
    pub(super) fn is_tight(&self, world: &World) -> bool {
        self.short(room(world, self, Count::Mended)).1
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a fleet's memory")]
fn spare(reserved: u64, size: u64, share: f64) -> u64 {
    ((reserved as f64 * share / size as f64).ceil() as u64).max(1)
}

/// Which hosts count as room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    /// Those that serve, those that are on their way, and those that the swarm has just not heard of.
    Coming,
    /// Also those that are down: they are mended or replaced.
    Mended,
}

fn room(world: &World, need: &Need<'_>, count: Count) -> Room {
    let counts = |host: &&Host| {
        host.takes == Takes::Active
            && match host.state {
                State::Ready | State::Unknown => true,
                State::Down => count == Count::Mended && host.grouped && !host.held,
                State::Joining => false,
            }
    };
    // What a dead host bore is elsewhere by now.
    let free = |host: &Host| if host.state == State::Down { host.memory } else { need.loads.free(host) };
    let mut room = Room::new(world.hosts.iter().filter(counts).map(free));
    // One that is being replaced takes nothing, and the one in its place will.
    let replaced = world.hosts.iter().filter(|host| count == Count::Mended && host.away == Some(Away::Replace));
    let coming = world.coming() as usize + replaced.count();
    (0..coming).for_each(|_| room.add(need.typical.unwrap_or_default()));
    room
}

/// What is done about it: what was put away takes tasks again; what still lacks is launched.
pub(super) fn steps(world: &World, need: &Need<'_>) -> Vec<Step> {
    let (mut now, mut mended) = (room(world, need, Count::Coming), room(world, need, Count::Mended));
    let lacks = |now: &Room, mended: &Room| !need.short(now.clone()).0.is_empty() || need.short(mended.clone()).1;
    let mut steps = Vec::new();
    let away = world.hosts.iter().filter(|host| host.away == Some(Away::Shrink) && host.state == State::Ready && !host.serves());
    for host in away {
        if lacks(&now, &mended) {
            [&mut now, &mut mended].into_iter().for_each(|room| room.add(need.loads.free(host)));
            steps.push(Step::Undrain { host: host.name.clone() });
        }
    }
    let (Some(group), Some(typical)) = (&world.group, need.typical) else { return steps };
    let mut to = group.desired;
    // No longer than new hosts help: something may wait that only a larger one has room for.
    while to < group.max && lacks(&now, &mended) {
        let before = (need.short(now.clone()).0.len(), mended.fits(need.size));
        [&mut now, &mut mended].into_iter().for_each(|room| room.add(typical));
        if (need.short(now.clone()).0.len(), mended.fits(need.size)) == before {
            break;
        }
        to += 1;
    }
    if to > group.desired {
        steps.push(Step::Grow { to });
    }
    steps
}
