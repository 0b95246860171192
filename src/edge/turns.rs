//! Thousands of turns of sleep and wake with random timing, in memory: what the policy decides is carried out by the same functions as on a fleet, late and
//! out of date as it would be there.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::book::{Book, Entry, Rules};
use super::lead::changed;
use super::policy::{Do, Phase, Resting, Tenant, decide, failed, next, queue};
use crate::kinds::docker::service::wake::Wake;

const AFTER: i64 = 20;
const MAX_WAKING: usize = 3;

/// A tenant of the little world.
#[derive(Debug, Clone, Default)]
struct One {
    wake: Wake,
    runs: bool,
    /// It answers from then on.
    ready: Option<Timestamp>,
    used: Option<Timestamp>,
    /// A request that goes on until then.
    under_way: Option<Timestamp>,
    /// HAProxy sends to it: it follows a moment later.
    routed: bool,
    /// It never becomes ready.
    broken: bool,
    came: Option<Timestamp>,
}

struct World {
    rng: StdRng,
    now: Timestamp,
    all: BTreeMap<String, One>,
    /// Decisions on their way to the swarm.
    late: VecDeque<(Timestamp, String, Do)>,
    rests: usize,
    starts: usize,
    refused: usize,
    longest: i64,
}

fn seconds(of: i64) -> SignedDuration {
    SignedDuration::from_secs(of)
}

impl World {
    fn new(seed: u64) -> Self {
        let all = (0..12).map(|n| (format!("t{n:02}"), One { broken: n == 11, ..One::default() })).collect();
        let now = Timestamp::UNIX_EPOCH;
        Self { rng: StdRng::seed_from_u64(seed), now, all, late: VecDeque::new(), rests: 0, starts: 0, refused: 0, longest: 0 }
    }

    /// What the leader sees.
    fn seen(&self) -> BTreeMap<String, Tenant> {
        let of = |one: &One| Tenant {
            runs: one.runs,
            phase: match (one.runs, one.ready) {
                (false, _) => Phase::Down,
                (true, Some(ready)) if ready <= self.now => Phase::Up(ready),
                _ => Phase::Coming(String::new()),
            },
            wake: one.wake.clone(),
            used: one.used,
            left_alone: one.wake.resting.filter(|_| !one.routed && one.under_way.is_none()),
        };
        self.all.iter().map(|(name, one)| (name.clone(), of(one))).collect()
    }

    /// Somebody comes: the tenant answers, or he is noted.
    fn request(&mut self, name: &str, lasts: i64) {
        let now = self.now;
        let one = self.all.get_mut(name).expect("a tenant");
        one.used = Some(now);
        if one.routed {
            assert!(one.runs && one.ready.is_some_and(|ready| ready <= now), "{name} was sent to a container that does not answer");
            one.under_way = one.under_way.max(Some(now + seconds(lasts)));
            return;
        }
        if one.wake.wanted.is_none() && (!one.runs && one.wake.started.is_none() || one.wake.resting.is_some()) {
            one.wake.wanted = Some(now);
            one.came.get_or_insert(now);
        }
    }

    fn carry_out(&mut self, name: &str, what: &Do) {
        let (now, jitter) = (self.now, self.rng.random());
        let start = self.rng.random_range(2..9);
        let one = self.all.get_mut(name).expect("a tenant");
        let Some((wake, runs)) = changed(&one.wake, i64::from(one.runs), what, now, jitter) else {
            self.refused += 1;
            return;
        };
        let ran = std::mem::replace(&mut one.runs, runs > 0);
        one.wake = wake;
        // He was answered by the tenant that stays after all.
        one.came = one.came.filter(|_| one.wake.wanted.is_some());
        match (ran, one.runs) {
            (true, false) => {
                one.ready = None;
                if *what == Do::Stop {
                    assert!(!one.routed, "{name} was stopped while requests went to it");
                    assert!(one.under_way.is_none(), "{name} was stopped while a request was under way");
                    self.rests += 1;
                }
            }
            (false, true) => {
                one.ready = (!one.broken).then(|| now + seconds(start));
                self.starts += 1;
                if let Some(came) = one.came.take().filter(|_| !one.broken) {
                    self.longest = self.longest.max(now.duration_since(came).as_secs());
                }
            }
            _ => {}
        }
    }

    /// A second passes, and somebody may come.
    fn turn(&mut self, book: &Book) {
        self.pass();
        for n in 0..12 {
            let name = format!("t{n:02}");
            // Some are asked for all the time, others once in a long while, at any moment of their turns.
            if self.rng.random_bool(if n % 4 == 0 { 0.05 } else { 0.02 }) {
                let lasts = if self.rng.random_bool(0.1) { self.rng.random_range(5..60) } else { 0 };
                self.request(&name, lasts);
            }
        }
        self.work(book);
    }

    fn pass(&mut self) {
        self.now += seconds(1);
        let now = self.now;
        for one in self.all.values_mut() {
            one.under_way = one.under_way.filter(|until| *until > now);
            // HAProxy follows: away before anything is stopped, back once it answers and is not about to rest.
            one.routed = one.runs && one.ready.is_some_and(|ready| ready <= now) && one.wake.resting.is_none();
        }
    }

    /// What was decided before arrives, and what is so by now is decided on.
    fn work(&mut self, book: &Book) {
        let now = self.now;
        while let Some((_, name, what)) = self.late.pop_front_if(|(at, ..)| *at <= now) {
            self.carry_out(&name, &what);
        }
        for (name, what) in decide(now, &self.seen(), book, Resting::Allowed) {
            if what == Do::Rest {
                let idle = self.all[&name].used.is_none_or(|used| now.duration_since(used) >= seconds(AFTER));
                assert!(idle, "{name} is to rest though it was just used");
            }
            // Each decision arrives late, so that the next look decides the same once more.
            let at = now + seconds(self.rng.random_range(0..3));
            self.late.push_back((at, name, what));
        }
        let waking = self.all.values().filter(|one| one.runs && one.wake.started.is_some() && one.ready.is_none_or(|ready| ready > now));
        assert!(waking.count() <= MAX_WAKING, "more start than may");
    }
}

#[test]
fn whatever_comes_when_nobody_is_stopped_in_use_and_everybody_is_started() {
    let rules = Rules { after: Duration::from_secs(AFTER as u64), wake_timeout: Duration::from_secs(15), max_waking: MAX_WAKING };
    let entries = (0..12).map(|n| (format!("t{n:02}"), Entry { host: format!("t{n:02}.x"), ..Entry::default() })).collect();
    let book = Book::new(entries, rules);
    let (mut rests, mut starts, mut refused) = (0, 0, 0);
    for seed in 0..8 {
        let mut world = World::new(seed);
        for _ in 0..6000 {
            world.turn(&book);
        }
        // The broken one takes a place for as long as a start may take, and nobody else waits for it for longer.
        assert!(world.longest < 120, "somebody waited for {} s to be started", world.longest);
        let broken = &world.all["t11"];
        assert!(!broken.runs || broken.wake.started.is_some(), "who never starts is given up");
        rests += world.rests;
        starts += world.starts;
        refused += world.refused;
    }
    assert!(rests > 2000 && starts > 2000 && refused > 100, "{rests} rests, {starts} starts, {refused} decisions that came too late");
}

/// Everything that a leader that was killed, or whoever else, may have left of one service; `broken`: its container never becomes ready.
fn left(broken: bool) -> impl Iterator<Item = One> {
    let bits = |all: u32, bit: u32| all >> bit & 1 == 1;
    (0..128).map(move |all| {
        let ago = |bit: u32, of: i64| bits(all, bit).then_some(Timestamp::UNIX_EPOCH - seconds(of));
        let wake = Wake {
            wanted: ago(0, 40),
            started: ago(1, 10),
            resting: ago(2, 30),
            failures: if bits(all, 3) { 4 } else { 0 },
            not_before: bits(all, 4).then_some(Timestamp::UNIX_EPOCH + seconds(20)),
            why: String::new(),
        };
        let runs = bits(all, 5);
        let ready = (runs && !broken).then(|| Timestamp::UNIX_EPOCH + seconds(if bits(all, 6) { -100 } else { 5 }));
        One { wake, runs, ready, used: ago(6, 200), broken, ..One::default() }
    })
}

#[test]
fn whatever_was_left_half_way_comes_to_an_end_though_nobody_comes_and_whoever_comes_is_served() {
    let rules = Rules { after: Duration::from_secs(AFTER as u64), wake_timeout: Duration::from_secs(15), max_waking: MAX_WAKING };
    let book = Book::new(BTreeMap::from([("a".to_owned(), Entry { host: "a.x".into(), ..Entry::default() })]), rules);
    for one in left(false).chain(left(true)) {
        let mut world = World { all: BTreeMap::from([("a".to_owned(), one.clone())]), ..World::new(1) };
        let turns = |world: &mut World, what: &str, is_so: &dyn Fn(&One) -> bool| {
            for _ in 0..2000 {
                world.pass();
                world.work(&book);
                if world.late.is_empty() && is_so(&world.all["a"]) {
                    return;
                }
            }
            panic!("{what}: from {one:?} it came to {:?}", world.all["a"]);
        };
        // One that nobody started from here, and that is not ready, is Swarm's to start again and again.
        let is_swarms = |one: &One| one.broken && one.runs && one.wake.started.is_none() && one.wake.resting.is_none();
        // How often it failed stays, until somebody comes again and it starts.
        let is_given_up =
            |one: &One| !one.runs && Wake { failures: 0, not_before: None, why: String::new(), ..one.wake.clone() } == Wake::default();
        turns(&mut world, "it ends", &|one| is_given_up(one) || is_swarms(one));
        world.request("a", 0);
        let is_tried = |one: &One| one.broken && (one.runs || one.wake.not_before.is_some_and(|next| next > Timestamp::UNIX_EPOCH));
        turns(&mut world, "he is served", &|one| one.routed && one.wake == Wake::default() || is_tried(one));
    }
}

#[test]
fn what_is_left_of_one_that_is_not_served_is_forgotten_and_holds_up_nobody() {
    let suspended = Entry { host: "a.x".into(), suspended: true, ..Entry::default() };
    let served = Entry { host: "b.x".into(), ..Entry::default() };
    let rules = || Rules { max_waking: 1, ..Rules::default() };
    let both = [("a".to_owned(), suspended), ("b".to_owned(), served)];
    let books = [Book::new(both.clone().into(), rules()), Book::new(both[1..].iter().cloned().collect(), rules())];
    for (book, one) in books.iter().flat_map(|book| left(false).chain(left(true)).map(move |one| (book, one))) {
        let wanted = Wake { wanted: Some(Timestamp::UNIX_EPOCH), ..Wake::default() };
        let b = One { wake: wanted, ..One::default() };
        let mut world = World { all: BTreeMap::from([("a".to_owned(), one.clone()), ("b".to_owned(), b)]), ..World::new(1) };
        assert_eq!(queue(world.now, &world.seen(), book), ["b"], "{one:?}");
        let todo = decide(world.now, &world.seen(), book, Resting::Allowed);
        assert!(todo.contains(&("b".to_owned(), Do::Start)), "{one:?} takes no place: {todo:?}");
        // What may have been heard elsewhere just now is left a while.
        assert!(!todo.iter().any(|(name, _)| name == "a") || one.wake.wanted.or(one.wake.started).or(one.wake.resting).is_none());
        world.all.remove("b");
        for _ in 0..70 {
            world.pass();
            world.work(book);
            assert_eq!(next(world.now, &world.seen(), book), None, "{one:?}");
        }
        let now = &world.all["a"];
        assert_eq!((&now.wake, now.runs), (&Wake::default(), one.runs), "{one:?}");
    }
}

#[test]
fn one_that_nobody_asks_for_any_more_is_looked_at_no_more_often_and_one_that_pauses_when_it_is_due() {
    let now = Timestamp::UNIX_EPOCH;
    let book = Book::new(BTreeMap::from([("a".to_owned(), Entry { host: "a.x".into(), ..Entry::default() })]), Rules::default());
    let soon = |wake: Wake| {
        let one = One { wake, ..One::default() };
        next(now, &World { all: BTreeMap::from([("a".to_owned(), one)]), ..World::new(1) }.seen(), &book)
    };
    assert_eq!(soon(Wake::default()), None);
    let mut wake = Wake { wanted: Some(now), ..Wake::default() };
    assert_eq!(soon(wake.clone()), Some(Duration::ZERO));
    wake = failed(&wake, "no", now, 0.0);
    assert_eq!(soon(wake.clone()), Some(Duration::from_secs(30)));
    for _ in 0..4 {
        wake = failed(&wake, "no", now, 0.0);
    }
    assert_eq!((wake.wanted, wake.failures, soon(wake)), (None, 5, None));
    assert_eq!(soon(Wake { started: Some(now), ..Wake::default() }), Some(Duration::ZERO));
    assert_eq!(soon(Wake { resting: Some(now), ..Wake::default() }), Some(Duration::ZERO));
}

#[test]
fn while_hosts_are_not_heard_others_start_and_nobody_is_put_to_rest() {
    let now = Timestamp::UNIX_EPOCH;
    let rests = now - seconds(30);
    let of = |wake: Wake, runs: bool| Tenant {
        runs,
        phase: if runs { Phase::Up(now - seconds(1000)) } else { Phase::Down },
        left_alone: wake.resting,
        wake,
        used: None,
    };
    let names = ["idle", "resting", "visited", "wanted"];
    let wanted = Wake { wanted: Some(now), ..Wake::default() };
    let resting = Wake { resting: Some(rests), ..Wake::default() };
    let visited = Wake { wanted: Some(now), ..resting.clone() };
    let all = [of(Wake::default(), true), of(resting, true), of(visited, true), of(wanted, false)];
    let tenants: BTreeMap<String, Tenant> = names.iter().map(|name| (*name).to_owned()).zip(all).collect();
    let entries = names.iter().map(|name| ((*name).to_owned(), Entry { host: format!("{name}.x"), ..Entry::default() })).collect();
    let book = Book::new(entries, Rules { after: Duration::from_secs(AFTER as u64), ..Rules::default() });
    let todo = |now, resting| decide(now, &tenants, &book, resting);
    let is = |name: &str, what: Do| (name.to_owned(), what);
    let (stays, starts) = (is("visited", Do::Stay), is("wanted", Do::Start));
    assert_eq!(todo(now, Resting::Allowed), [is("idle", Do::Rest), is("resting", Do::Stop), stays.clone(), starts.clone()]);
    assert_eq!(todo(now, Resting::Forbidden), [is("resting", Do::Stay), stays.clone(), starts.clone()]);
    // It is not counted as used, as one that stays is: it waits.
    assert_eq!(todo(now, Resting::Unknown), [stays.clone(), starts.clone()]);
    assert_eq!(todo(now + seconds(300), Resting::Unknown), [is("resting", Do::Stay), stays, starts], "and not for ever");
}
