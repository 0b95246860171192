use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::scaling::world::{Group, Host, Queued, Role, State, Takes, Task};

const GIB: u64 = 1 << 30;
const TURN: SignedDuration = SignedDuration::from_secs(30);

fn host(name: &str, role: Role) -> Host {
    Host {
        name: name.into(),
        node: Some(format!("node-{name}")),
        role,
        zone: "a".into(),
        state: State::Ready,
        takes: Takes::Active,
        away: None,
        memory: 16 * GIB,
        sick: false,
        grouped: true,
        held: false,
        named: false,
        empty: false,
    }
}

fn worker(name: &str) -> Host {
    host(name, Role::Worker)
}

fn task(of: &str, gib: u64, on: Option<&str>) -> Task {
    let node = on.map(|host| format!("node-{host}"));
    Task { of: of.into(), id: format!("task-{of}"), reserve: gib * GIB, node, anywhere: true, said: String::new() }
}

fn world(workers: &[&str], max: u32) -> World {
    let managers = ["m1", "m2", "m3"].map(|name| host(name, Role::Manager { reachable: true }));
    World {
        hosts: managers.into_iter().chain(workers.iter().map(|name| worker(name))).collect(),
        largest: 2 * GIB,
        group: Some(Group { name: "workers".into(), min: 0, max, desired: u32::try_from(workers.len()).unwrap() }),
        ..World::default()
    }
}

/// The fleet: every host bears so many tenants of 2 GiB.
fn full(world: &mut World, on: &[(&str, u32)]) {
    for (host, number) in on {
        for n in 0..*number {
            world.tasks.push(task(&format!("{host}-{n}"), 2, Some(host)));
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// What is done when the world stays like that for so many minutes, turn by turn, each thing once.
fn over(world: &World, memory: &mut Memory, from: i64, minutes: i64) -> Vec<(i64, Step)> {
    let mut done: Vec<(i64, Step)> = Vec::new();
    for turn in 0..=minutes * 2 {
        for step in decide(world, &Settings::default(), memory, at(from + turn * 30)).steps {
            if !done.iter().any(|(_, one)| *one == step) {
                done.push((turn / 2, step));
            }
        }
    }
    done
}

fn once(world: &World) -> Decision {
    decide(world, &Settings::default(), &mut Memory::default(), at(0))
}

fn named(host: &str) -> String {
    host.to_owned()
}

#[test]
fn a_tenant_that_no_host_has_room_for_is_a_reason_to_grow_and_a_sum_is_no_room() {
    let mut world = world(&["w1"], 5);
    full(&mut world, &[("m1", 7), ("m2", 7), ("m3", 7), ("w1", 7)]);
    world.largest = 4 * GIB;
    world.tasks.push(task("big", 4, None));
    assert_eq!(once(&world).steps, [Step::Grow { to: 2 }], "8 GiB are free, 2 on each");
    // It is on its way: nothing more is asked for.
    world.group.as_mut().unwrap().desired = 2;
    assert_eq!(once(&world).steps, []);
}

#[test]
fn what_is_to_wake_counts_as_what_waits() {
    let mut world = world(&[], 5);
    full(&mut world, &[("m1", 7), ("m2", 7), ("m3", 7)]);
    world.queued = (0..12).map(|n| Queued { of: format!("t{n}"), reserve: 2 * GIB }).collect();
    // Three find room, nine need two hosts, and three are the spare.
    assert_eq!(once(&world).steps, [Step::Grow { to: 2 }]);
    world.group.as_mut().unwrap().max = 1;
    let decided = once(&world);
    assert_eq!(decided.steps, [Step::Grow { to: 1 }], "never above the most");
    world.group.as_mut().unwrap().desired = 1;
    let found = once(&world).findings;
    assert!(matches!(&found[..], [Finding::Full { waiting, max: 1 }] if waiting.len() == 1), "{found:?}");
    assert!(found[0].to_string().ends_with(": see reeve runbook fleet-full"), "{}", found[0]);
}

#[test]
fn it_grows_before_anything_waits_and_says_when_it_cannot() {
    let mut world = world(&[], 1);
    full(&mut world, &[("m1", 8), ("m2", 7), ("m3", 7)]);
    // 44 GiB run: a tenth of that is three tenants, and two fit.
    assert_eq!(once(&world).steps, [Step::Grow { to: 1 }]);
    world.group.as_mut().unwrap().max = 0;
    assert_eq!(once(&world).findings, [Finding::Full { waiting: vec![], max: 0 }]);
}

#[test]
fn no_host_is_added_for_what_no_host_is_large_enough_for_or_only_some_may_take() {
    let mut world = world(&[], 5);
    world.tasks = vec![task("huge", 17, None), Task { anywhere: false, ..task("labelled", 2, None) }];
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 10), []);
    let found = decide(&world, &Settings::default(), &mut memory, at(600)).findings;
    let keys: Vec<String> = found.iter().map(Finding::key).collect();
    assert_eq!(keys, ["too large huge", "pending labelled"]);
}

#[test]
fn it_shrinks_by_one_after_a_long_quiet_time_and_step_by_step() {
    let mut world = world(&["w1", "w2"], 5);
    full(&mut world, &[("m1", 2), ("w1", 2), ("w2", 1)]);
    let mut memory = Memory::default();
    let done = over(&world, &mut memory, 0, 30);
    assert_eq!(done, [(30, Step::Pause { host: named("w2") })], "who bears least, and not sooner");
    (world.hosts[4].takes, world.hosts[4].away) = (Takes::Paused, Some(Away::Shrink));
    let done = over(&world, &mut memory, 1830, 480);
    assert_eq!(done, [(480, Step::Drain { host: named("w2"), why: Away::Shrink })]);
    world.hosts[4].takes = Takes::Drained;
    assert_eq!(over(&world, &mut memory, 30660, 30), [], "something runs on it");
    world.tasks.retain(|task| task.node.as_deref() != Some("node-w2"));
    assert_eq!(over(&world, &mut memory, 32490, 1), [], "something ends on it");
    let mut asleep = world.clone();
    asleep.hosts[4].takes = Takes::Paused;
    assert_eq!(over(&asleep, &mut memory, 32550, 0), [(0, Step::Drain { host: named("w2"), why: Away::Shrink })], "nobody is moved");
    world.hosts[4].empty = true;
    assert_eq!(over(&world, &mut memory, 32580, 0), [(0, Step::Shrink { host: named("w2") })]);
}

#[test]
fn load_that_comes_back_takes_back_what_was_put_away_before_it_grows() {
    let mut world = world(&["w1", "w2"], 5);
    (world.hosts[4].takes, world.hosts[4].away) = (Takes::Drained, Some(Away::Shrink));
    full(&mut world, &[("m1", 8), ("m2", 8), ("m3", 8), ("w1", 8)]);
    world.tasks.push(task("more", 2, None));
    assert_eq!(once(&world).steps, [Step::Undrain { host: named("w2") }]);
    world.queued = (0..8).map(|n| Queued { of: format!("q{n}"), reserve: 2 * GIB }).collect();
    assert_eq!(once(&world).steps, [Step::Undrain { host: named("w2") }, Step::Grow { to: 3 }]);
}

#[test]
fn hosts_leave_the_zone_that_has_most_and_what_is_held_stays() {
    let mut world = world(&["w1", "w2", "w3"], 5);
    world.hosts[3].zone = "b".into();
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 30), [(30, Step::Pause { host: named("w2") })]);
    world.hosts[4].held = true;
    assert_eq!(over(&world, &mut memory, 1830, 0), [(0, Step::Pause { host: named("w3") })]);
    world.tasks.push(Task { anywhere: false, ..task("labelled", 1, Some("w3")) });
    assert_eq!(over(&world, &mut memory, 1860, 60), [], "what runs there may not run elsewhere");
}

#[test]
fn a_dead_worker_is_drained_and_replaced_and_one_that_comes_back_is_not() {
    let mut world = world(&["w1", "w2"], 2);
    full(&mut world, &[("m1", 7), ("m2", 7), ("m3", 7), ("w2", 7)]);
    world.hosts[3].state = State::Down;
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 5), [(5, Step::Drain { host: named("w1"), why: Away::Replace })]);
    (world.hosts[3].takes, world.hosts[3].away) = (Takes::Drained, Some(Away::Replace));
    let mut back = world.clone();
    assert_eq!(over(&world, &mut memory, 330, 0), [(0, Step::Replace { host: named("w1") })]);
    back.hosts[3].state = State::Ready;
    assert_eq!(over(&back, &mut memory, 360, 0), [(0, Step::Undrain { host: named("w1") })]);
    // It is gone, and another is on its way: a second dead one waits for it.
    world.hosts.remove(3);
    world.hosts[3].state = State::Down;
    assert_eq!(over(&world, &mut memory, 390, 30), []);
}

#[test]
fn a_sick_worker_keeps_its_tenants_until_they_have_moved() {
    let mut world = world(&["w1"], 1);
    full(&mut world, &[("w1", 1)]);
    (world.hosts[3].sick, world.hosts[3].takes, world.hosts[3].away) = (true, Takes::Drained, Some(Away::Replace));
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 20), [(15, Step::Replace { host: named("w1") })], "ten minutes after it was drained");
    world.hosts[3].empty = true;
    assert_eq!(over(&world, &mut memory, 1230, 0), [(0, Step::Replace { host: named("w1") })]);
}

#[test]
fn a_manager_is_replaced_only_when_the_others_lead_without_it() {
    let mut world = world(&["w1"], 1);
    (world.hosts[0].state, world.hosts[0].role) = (State::Down, Role::Manager { reachable: false });
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 15), [(15, Step::Drain { host: named("m1"), why: Away::Replace })]);
    world.hosts[1].role = Role::Manager { reachable: false };
    let found = decide(&world, &Settings::default(), &mut memory, at(930));
    assert_eq!(found.steps, []);
    assert!(found.findings.contains(&Finding::Quorum { there: 1, all: 3 }), "{found:?}");
}

#[test]
fn when_more_than_half_are_away_it_is_rather_the_network() {
    let mut world = world(&["w1", "w2", "w3", "w4"], 4);
    world.hosts.iter_mut().skip(3).for_each(|host| host.state = State::Down);
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 30), []);
    assert_eq!(decide(&world, &Settings::default(), &mut memory, at(1830)).findings.len(), 4, "each is told");
}

#[test]
fn what_never_joins_is_replaced_and_what_is_never_launched_is_told() {
    let mut world = world(&["w1"], 3);
    (world.hosts[3].state, world.hosts[3].node, world.hosts[3].memory) = (State::Joining, None, 0);
    let mut memory = Memory::default();
    assert_eq!(over(&world, &mut memory, 0, 20), [(15, Step::Replace { host: named("w1") })]);
    world.group.as_mut().unwrap().desired = 2;
    over(&world, &mut memory, 1230, 15);
    let found = decide(&world, &Settings::default(), &mut memory, at(2160)).findings;
    assert!(found.iter().any(|one| one.key() == "unlaunched workers"), "{found:?}");
}

#[test]
fn a_container_that_begins_again_and_again_is_told() {
    let mut world = world(&[], 0);
    let mut memory = Memory::default();
    let mut told = Vec::new();
    for turn in 0..40 {
        // Three starts, then it stays; later one start in a while is no news.
        let id = if turn < 8 { turn / 2 } else { 3 };
        world.tasks = vec![Task { id: format!("task-{id}"), ..task("ill", 1, Some("m1")) }];
        let found = decide(&world, &Settings::default(), &mut memory, at(turn * 30)).findings;
        told.push(found.iter().any(|one| matches!(one, Finding::Dying { of, times: 4, .. } if of == "ill")));
    }
    assert_eq!(told.iter().position(|told| *told), Some(6), "with the fourth");
    assert!(!told[39], "it has run for a quarter of an hour");
}

/// A fleet in which Swarm places by its own mind: `pick` chooses among the hosts that have room.
#[derive(Debug, Clone)]
struct Fleet {
    world: World,
    next: u32,
}

impl Fleet {
    fn place(&mut self, mut pick: impl FnMut(usize) -> usize) {
        for at in 0..self.world.tasks.len() {
            if self.world.tasks[at].node.is_some() {
                continue;
            }
            let size = self.world.tasks[at].reserve;
            let able: Vec<String> = self
                .world
                .hosts
                .iter()
                .filter(|host| host.serves() && self.world.loads().free(host) >= size)
                .filter_map(|host| host.node.clone())
                .collect();
            if !able.is_empty() {
                self.world.tasks[at].node = Some(able[pick(able.len()) % able.len()].clone());
            }
        }
    }

    /// Does it at once; what was launched has joined by the next turn.
    fn take(&mut self, step: &Step) {
        let of = |world: &World, name: &String| world.hosts.iter().position(|host| host.name == *name).expect("a host");
        match step {
            Step::Grow { to } => {
                let group = self.world.group.as_mut().unwrap();
                assert!(*to > group.desired && *to <= group.max, "outside of its bounds");
                for _ in group.desired..*to {
                    self.next += 1;
                    let zone = ["a", "b", "c"][self.next as usize % 3];
                    self.world.hosts.push(Host { zone: zone.into(), ..worker(&format!("new{}", self.next)) });
                }
                group.desired = *to;
            }
            Step::Pause { host } => {
                let at = of(&self.world, host);
                (self.world.hosts[at].takes, self.world.hosts[at].away) = (Takes::Paused, Some(Away::Shrink));
            }
            Step::Drain { host, why } => {
                let at = of(&self.world, host);
                (self.world.hosts[at].takes, self.world.hosts[at].away) = (Takes::Drained, Some(*why));
                self.world.hosts[at].empty = true;
                let node = self.world.hosts[at].node.clone();
                self.world.tasks.iter_mut().filter(|task| task.node == node).for_each(|task| task.node = None);
            }
            Step::Undrain { host } => {
                let at = of(&self.world, host);
                (self.world.hosts[at].takes, self.world.hosts[at].away, self.world.hosts[at].empty) = (Takes::Active, None, false);
            }
            Step::Shrink { host } => {
                let at = of(&self.world, host);
                let gone = self.world.hosts.remove(at);
                assert!(gone.takes == Takes::Drained && !gone.leads());
                assert_eq!(self.world.loads().of(&gone).tasks, 0, "something runs on it");
                let group = self.world.group.as_mut().unwrap();
                group.desired -= 1;
                assert!(group.desired >= group.min, "below its least");
            }
            Step::Replace { host } => {
                let at = of(&self.world, host);
                self.next += 1;
                let name = format!("new{}", self.next);
                self.world.hosts[at] = Host { zone: self.world.hosts[at].zone.clone(), ..worker(&name) };
            }
        }
    }
}

/// A fleet of so many workers, and tenants of these sizes, put anywhere.
fn fleets() -> impl Strategy<Value = (Fleet, Vec<usize>)> {
    let sizes = proptest::collection::vec(1u64..=6, 0..40);
    (0usize..8, sizes, proptest::collection::vec(0usize..64, 64..128), 0u32..3).prop_map(|(workers, sizes, picks, min)| {
        let names: Vec<String> = (0..workers).map(|n| format!("w{n}")).collect();
        let mut world = world(&names.iter().map(String::as_str).collect::<Vec<_>>(), 12);
        let zones = ["a", "b", "c"];
        world.hosts.iter_mut().skip(3).enumerate().for_each(|(at, host)| host.zone = zones[at % 3].into());
        world.group.as_mut().unwrap().min = min.min(u32::try_from(workers).unwrap());
        world.largest = sizes.iter().max().copied().unwrap_or(1) * GIB;
        world.tasks = sizes.iter().enumerate().map(|(n, gib)| task(&format!("t{n}"), *gib, None)).collect();
        let mut fleet = Fleet { world, next: 0 };
        let mut at = 0;
        fleet.place(|_| {
            at += 1;
            picks[at % picks.len()]
        });
        (fleet, picks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At a constant load it comes to rest, every tenant has a host all the time but for the turn in which it moves, nothing leaves the bounds
    /// (asserted in `take`), and whom a drain moves finds another host at once, wherever Swarm puts it.
    #[test]
    fn at_a_constant_load_it_comes_to_rest((mut fleet, picks) in fleets()) {
        let (mut memory, mut last, mut grown_after, mut at_pick) = (Memory::default(), 0, None, 0);
        let settings = Settings { linger: SignedDuration::from_mins(30), ..Settings::default() };
        for turn in 0..2 * 60 * 24 {
            let now = at(0) + TURN * turn;
            let decided = decide(&fleet.world, &settings, &mut memory, now);
            let begin: Vec<&Step> = decided.steps.iter().filter(|step| !matches!(step, Step::Grow { .. } | Step::Undrain { .. })).collect();
            prop_assert!(begin.len() <= 1, "more than one thing at once: {:?}", begin);
            let drains = decided.steps.iter().any(|step| matches!(step, Step::Drain { .. }));
            for step in &decided.steps {
                if matches!(step, Step::Shrink { .. }) {
                    grown_after = Some(false);
                }
                if matches!(step, Step::Grow { .. }) && grown_after.is_some() {
                    grown_after = Some(true);
                }
                fleet.take(step);
                last = turn;
            }
            let away = fleet.world.hosts.iter().filter(|host| !host.serves()).count();
            prop_assert!(away <= 1, "{away} are away");
            fleet.place(|_| { at_pick += 1; picks[at_pick % picks.len()] });
            if drains {
                let homeless: Vec<&Task> = fleet.world.tasks.iter().filter(|task| task.node.is_none()).collect();
                prop_assert!(homeless.is_empty(), "moved, and no room: {homeless:?}");
            }
        }
        prop_assert!(last < 2 * 60 * 18, "still at it after 18 hours");
        prop_assert_ne!(grown_after, Some(true), "shrunk, and grown again");
        let max = fleet.world.group.as_ref().unwrap().max;
        let waits = fleet.world.tasks.iter().any(|task| task.node.is_none());
        prop_assert!(!waits || fleet.world.group.as_ref().unwrap().desired == max, "something waits, and there may be more");
    }

    /// Whatever is wrong with the world that was read: nothing is taken away.
    #[test]
    fn of_what_was_not_read_whole_nothing_is_taken_away((fleet, _) in fleets(), downs in proptest::collection::vec(any::<bool>(), 11)) {
        let mut world = fleet.world;
        world.hosts.iter_mut().zip(downs).filter(|(_, down)| *down).for_each(|(host, _)| host.state = State::Down);
        world.unread = vec!["the memory of w1".into()];
        let mut memory = Memory::default();
        for turn in 0..240 {
            let steps = decide(&world, &Settings::default(), &mut memory, at(turn * 30)).steps;
            let adds = |step: &Step| matches!(step, Step::Grow { .. } | Step::Undrain { .. });
            prop_assert!(steps.iter().all(adds), "{steps:?}");
        }
    }

    /// With any hosts in any state: what is taken away is a worker that nobody holds, and never two at once; who leads stays enough.
    #[test]
    fn whatever_state_hosts_are_in((fleet, _) in fleets(), states in proptest::collection::vec((0u8..4, 0u8..3, 0u8..3, any::<(bool, bool, bool)>()), 11)) {
        let mut world = fleet.world;
        for (host, (state, takes, away, (sick, held, empty))) in world.hosts.iter_mut().zip(states) {
            host.state = [State::Ready, State::Down, State::Unknown, State::Joining][usize::from(state)];
            host.takes = [Takes::Active, Takes::Paused, Takes::Drained][usize::from(takes)];
            host.away = [None, Some(Away::Shrink), Some(Away::Replace)][usize::from(away)];
            (host.sick, host.held, host.empty) = (sick, held, empty);
        }
        let by_name: BTreeMap<String, Host> = world.hosts.iter().map(|host| (host.name.clone(), host.clone())).collect();
        let mut memory = Memory::default();
        for turn in 0..80 {
            let steps = decide(&world, &Settings::default(), &mut memory, at(turn * 30)).steps;
            let takes = steps.iter().filter_map(|step| match step {
                Step::Pause { host } | Step::Drain { host, .. } | Step::Shrink { host } | Step::Replace { host } => Some((step, &by_name[host])),
                Step::Grow { .. } | Step::Undrain { .. } => None,
            });
            let takes: Vec<_> = takes.collect();
            prop_assert!(takes.len() <= 1, "{takes:?}");
            for (step, host) in takes {
                prop_assert!(!host.held, "{step:?} of one that is held");
                let shrinks = matches!(step, Step::Pause { .. } | Step::Shrink { .. } | Step::Drain { why: Away::Shrink, .. });
                prop_assert!(!shrinks || !host.leads() && host.state == State::Ready, "{step:?}");
                let ends = matches!(step, Step::Shrink { .. });
                prop_assert!(!ends || host.takes == Takes::Drained && host.empty && world.loads().of(host).tasks == 0, "{step:?}");
            }
        }
    }
}
