//! reeve, HAProxy, Docker and the database are killed again and again, at any moment and in any order, while clients talk. Who is answered is answered by his own
//! tenant; who is used is served for as long as only reeve is gone; and once what died was started again, as systemd does it, everything becomes as it was without
//! anybody.
//!
//! `REEVE_KILLS` is how many rounds there are, each with one to four of them, `REEVE_SEED` what is drawn: the same seed is the same rounds. `make kills` is for long runs.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::client::{Answer, Asks, Load, ask};
use crate::fleet_ground::{Fleet, tenant, until};
use crate::ground::{Told, door, host};
use crate::units::{Of, Unit, Units};

/// Clients work with these all the time.
const USED: [&str; 2] = ["alpha", "beta"];
/// These sleep at times, and somebody comes at times.
const VISITED: [&str; 2] = ["gamma", "delta"];
/// Milliseconds between two who come.
const PAUSES: std::ops::Range<u64> = 50..4000;

/// What happens to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Killed,
    Begun,
    /// And killed at once again, before what follows its start.
    Fails,
}

/// One round: what is killed when, and started again when, in milliseconds.
fn round(rng: &mut StdRng, number: usize) -> Vec<(u64, Unit, What)> {
    // Whoever is used has to see nothing of the first: only reeve is gone. Then all of them are once, and from then on any.
    let killed: BTreeSet<Unit> = match number {
        0 => BTreeSet::from([Unit::Reeve]),
        1 => BTreeSet::from(Unit::ALL),
        _ => (0..rng.random_range(1..=4)).map(|_| Unit::ALL[rng.random_range(0..4)]).collect(),
    };
    let at_once = rng.random_bool(0.3);
    let mut events = Vec::new();
    for unit in killed {
        let at = if at_once { 3000 } else { rng.random_range(500..8000) };
        let back = at + rng.random_range(if number == 0 { 5000..6000 } else { 300..12_000 });
        events.push((at, unit, What::Killed));
        if rng.random_bool(0.25) {
            events.push((back, unit, What::Fails));
            events.push((back + rng.random_range(0..3000), unit, What::Killed));
            events.push((back + 4000, unit, What::Begun));
        } else {
            events.push((back, unit, What::Begun));
        }
    }
    events.sort();
    events
}

/// What a leader that was killed may have left on a service, and whether its container was to run.
fn half_way(rng: &mut StdRng) -> (Option<serde_json::Value>, u8) {
    let mut ago = |seconds: i64| {
        let ago = SignedDuration::from_millis(rng.random_range(0..seconds * 1000));
        Timestamp::now().checked_sub(ago).expect("a time").to_string()
    };
    let (wanted, started, resting) = (ago(100), ago(30), ago(60));
    let soon = Timestamp::now().checked_add(SignedDuration::from_secs(20)).expect("a time").to_string();
    let (label, runs) = match rng.random_range(0..8) {
        0 => return (None, 0),
        1 => (json!({ "wanted": wanted }), 0),
        2 => (json!({ "wanted": wanted, "started": started }), 1),
        3 => (json!({ "wanted": wanted, "started": started }), 0),
        4 => (json!({ "resting": resting }), 1),
        5 => (json!({ "resting": resting }), 0),
        6 => (json!({ "resting": resting, "wanted": wanted }), rng.random_range(0..2)),
        _ => (json!({ "wanted": wanted, "failures": 2, "not_before": soon, "why": "it was killed" }), 0),
    };
    (Some(label), runs)
}

/// What was killed, and until when whoever is used had to see nothing of it: without reeve nothing changes for him, and his container outlives Docker until that starts anew.
#[derive(Debug, Default)]
struct Harm {
    killed: BTreeSet<Unit>,
    since: Option<Instant>,
}

impl Harm {
    fn add(&mut self, unit: Unit, what: What) {
        if what == What::Killed {
            self.killed.insert(unit);
        }
        let harms = match unit {
            Unit::Reeve => false,
            Unit::Docker => what != What::Killed,
            Unit::Haproxy | Unit::Database => true,
        };
        if harms {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// Why nobody should have got that answer.
    fn wrong(&self, answer: &Answer, tenant: &str) -> Option<&'static str> {
        let was_none = self.since.is_none_or(|since| answer.at < since);
        // Whatever happened, nobody is answered by another tenant.
        if answer.is_tenants() && !answer.is_of(tenant) {
            return Some("it is another tenant's");
        }
        // It breaks off where HAProxy itself was killed, and nowhere else.
        if !answer.is_whole() {
            return (was_none || !self.killed.contains(&Unit::Haproxy)).then_some("it broke off");
        }
        // A tenant that stops, or has no database, says so itself.
        if answer.is_good() || answer.is_tenants() && answer.status >= 500 && !was_none {
            return None;
        }
        if answer.is_tenants() || !answer.is_waiting_page() && !answer.says_soon() {
            return Some("nobody knows what to make of it");
        }
        (was_none && USED.contains(&tenant)).then_some("the tenant was used, and nothing that it needs was gone")
    }
}

fn number<T: std::str::FromStr<Err: Debug>>(variable: &str, default: T) -> T {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|error| panic!("{variable} is no number: {error:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_killed_when_nobody_is_answered_by_another_and_all_comes_back() {
    let (seed, rounds): (u64, usize) = (number("REEVE_SEED", 1), number("REEVE_KILLS", 2));
    println!("REEVE_SEED={seed} REEVE_KILLS={rounds}");
    let mut rng = StdRng::seed_from_u64(seed);
    let fleet = Fleet::start(1).await;
    let tenants: String = USED.iter().chain(&VISITED).map(|name| tenant(name, "")).collect();
    // It makes the whole estate by itself.
    let mut units = Units::start(&fleet, &tenants).await;
    let _told = Told { logs: vec![units.log.clone()], engines: vec![format!("unix://{}", fleet.engine().docker.display())] };
    let door = door(&fleet);
    all_answer(&door, &units).await;
    let mut seen = 0;
    for number in 0..rounds {
        seen += play(&round(&mut rng, number), &mut rng, &door, &mut units).await;
    }
    println!("{seen} answers");

    // Once it leads, everything becomes as the YAML says without anybody; asked to stop, it ends.
    until("there is nothing to change", 180, async || units.shell.run("reeve plan DIR").await.status.code() == Some(0)).await;
    let log = units.log.clone();
    assert!(units.ends_when_asked().await, "{}", log.display());
}

/// Everybody answers, as himself.
async fn all_answer(door: &str, units: &Units<'_>) {
    for name in USED.iter().chain(&VISITED) {
        let what = format!("{name} answers: {}", units.log.display());
        until(&what, 300, async || ask(door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }
}

/// Lets that happen, and all come back; the number of answers.
async fn play(events: &[(u64, Unit, What)], rng: &mut StdRng, door: &str, units: &mut Units<'_>) -> usize {
    println!("{events:?}");
    let mut harm = Harm::default();
    let used = USED.map(|name| (name, Load::start(door, &host(name), &[Asks::Write, Asks::Api])));
    let visited = VISITED.map(|name| (name, Load::now_and_then(door, &host(name), &[Asks::Page, Asks::Poll], PAUSES)));
    let begun = Instant::now();
    let mut gone = BTreeSet::new();
    let mut left = false;
    for (at, unit, what) in events {
        tokio::time::sleep(Duration::from_millis(*at).saturating_sub(begun.elapsed())).await;
        harm.add(*unit, *what);
        match what {
            What::Killed => {
                let of_haproxy = [Of::All, Of::Master, Of::Workers][rng.random_range(0..3)];
                units.kill(*unit, of_haproxy).await;
                gone.insert(*unit);
            }
            What::Begun | What::Fails => {
                units.begin(*unit).await;
                gone.remove(unit);
            }
        }
        if *what == What::Begun {
            units.after_start(*unit).await;
        }
        // Whoever led has left things half-way.
        if !left && gone.contains(&Unit::Reeve) && !gone.contains(&Unit::Docker) {
            left = true;
            for name in VISITED {
                let (wake, runs) = half_way(rng);
                println!("{name} has {} and {runs} to run", wake.as_ref().map(ToString::to_string).unwrap_or_default());
                units.leave(name, wake.as_ref(), runs).await;
            }
        }
    }
    println!("all were started again after {:?}", begun.elapsed());
    all_answer(door, units).await;
    println!("all answer after {:?}", begun.elapsed());
    // Whoever comes now and then has come once more.
    tokio::time::sleep(Duration::from_millis(PAUSES.end + 500)).await;
    let mut count = 0;
    for (name, load) in used.into_iter().chain(visited) {
        let answers = load.stop().await;
        let good = answers.iter().filter(|answer| answer.is_good()).count();
        assert!(good > 0, "{name}: none of {} answers is good", answers.len());
        let found: Vec<_> = answers.iter().filter_map(|answer| Some((harm.wrong(answer, name)?, answer))).collect();
        assert!(found.is_empty(), "{name}: {} of {} are wrong, such as {:?}", found.len(), answers.len(), &found[..found.len().min(3)]);
        count += answers.len();
    }
    // Nothing is left half-way.
    let label = async || units.wanted().await.into_iter().find(|(_, _, label)| !label.is_empty());
    until("nothing is wanted of anybody", 90, async || label().await.is_none()).await;
    println!("nothing is left half-way after {:?}, {count} answers", begun.elapsed());
    count
}
