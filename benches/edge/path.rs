//! What the way through HAProxy costs an awake tenant, and what it sees of others that wake and sleep.

use std::fmt::Write as _;
use std::time::Duration;

use reeve::edge::{Entry, Pace, Rules, Said};
use reeve::planes::{Haproxy, Plane};

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, tenant, until};
use crate::ground::{Edge, book, door, host};
use crate::numbers::median;
use crate::wrk::{Seen, Wrk};

/// Pairs of runs, one straight to the container and one through HAProxy.
const ROUNDS: usize = 7;
const RUN: Duration = Duration::from_secs(4);
/// What is asked for, and what that is.
const PATHS: [(&str, &str); 2] =
    [("/openmrs/spa/home", "a page that lies in memory"), ("/openmrs/ws/rest/v1/patient?q=none", "one query of the database")];

/// The way through HAProxy against the container alone.
pub async fn overhead() -> String {
    let fleet = Fleet::start(1).await;
    let estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;
    let edge = Edge::leads_at(&fleet, &estate, book(&[("alpha", Entry::default())], Rules::default()), Pace::default()).await;
    let door = door(&fleet);
    until("alpha answers", 60, async || ask(&door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    let servers = Haproxy::of(estate.session.planes()).expect("a host").servers().await.expect("HAProxy").expect("it runs");
    let straight = servers["alpha"].address.to_string();
    let wrk = Wrk::on(&fleet);
    let mut text = String::from(
        "| Through HAProxy against the container alone | Median | p99 | Median, more by | p99, more by | Answers |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (path, what) in PATHS {
        let mut pairs: Vec<(Seen, Seen)> = Vec::new();
        for _ in 0..ROUNDS {
            let alone = wrk.ask(&straight, "alpha", path, RUN).await;
            let through = wrk.ask(&door, "alpha", path, RUN).await;
            assert_eq!((alone.wrong(), through.wrong()), (0, 0), "{alone:?} {through:?}");
            pairs.push((alone, through));
        }
        let ratio = |of: fn(&Seen) -> u64| median(pairs.iter().map(|(alone, through)| through.ratio(alone, of)));
        let more = |of: fn(&Seen) -> u64| median(pairs.iter().map(|(alone, through)| through.more(alone, of)));
        let answers: u64 = pairs.iter().map(|(alone, through)| alone.requests + through.requests).sum();
        let (p50, p99) = (|seen: &Seen| seen.p50, |seen: &Seen| seen.p99);
        let _ =
            writeln!(text, "| {what} | {:.2} | {:.2} | {:.2} ms | {:.2} ms | {answers} |", ratio(p50), ratio(p99), more(p50), more(p99));
    }
    edge.stop().await;
    let _ = writeln!(
        text,
        "\nOne connection on the host itself, asked again at once by `wrk`; {ROUNDS} pairs of runs of {} s, the median of their ratios and differences. The container is the stand-in, \
         which answers in a fraction of a millisecond: what HAProxy adds stays, the ratio comes down to 1 with an application that works. reeve is in none of these.",
        RUN.as_secs()
    );
    text
}

/// Who is asked by `wrk` all the time, and how many others come and go meanwhile.
const AWAKE: [&str; 2] = ["alpha", "beta"];
const OTHERS: usize = 6;
const QUIET: Duration = Duration::from_secs(20);
const BUSY: Duration = Duration::from_secs(60);

/// Awake tenants are asked while others wake and sleep.
pub async fn load() -> String {
    let others: Vec<String> = (1..=OTHERS).map(|number| format!("clinic{number}")).collect();
    let names: Vec<&str> = AWAKE.into_iter().chain(others.iter().map(String::as_str)).collect();
    let fleet = Fleet::start(1).await;
    let estate = fleet.estate(fleet.wishes(&names.iter().map(|name| tenant(name, "")).collect::<String>())).await;
    estate.apply().await;
    let entry = |name: &&str| Entry { keep_awake: AWAKE.contains(name), ..Entry::default() };
    let entries: Vec<(&str, Entry)> = names.iter().map(|name| (*name, entry(name))).collect();
    let rules = Rules { after: Duration::from_secs(1), max_waking: 4, ..Rules::default() };
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, rules)).await;
    let door = door(&fleet);
    for name in AWAKE {
        until(name, 60, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }
    let mut rested = 0;
    until("the others rest", 120, async || {
        rested += edge.said().iter().filter(|said| matches!(said, Said::Rests { .. })).count();
        rested >= OTHERS
    })
    .await;
    let wrk = Wrk::on(&fleet);
    let both = async |lasts| {
        let (one, two) = tokio::join!(wrk.ask(&door, AWAKE[0], PATHS[0].0, lasts), wrk.ask(&door, AWAKE[1], PATHS[0].0, lasts));
        [one, two]
    };
    let quiet = both(QUIET).await;
    edge.said();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let turning = async {
        loop {
            for name in &others {
                ask(&door, &host(name), Asks::Page, "").await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    };
    let busy = tokio::select! {
        busy = both(BUSY) => busy,
        () = turning => unreachable!("it goes on"),
    };
    let said = edge.said();
    let count = |is: fn(&Said) -> bool| said.iter().filter(|said| is(said)).count();
    let (starts, rests) = (count(|said| matches!(said, Said::Starts { .. })), count(|said| matches!(said, Said::Rests { .. })));
    edge.stop().await;
    let sum = |of: &[Seen]| (of.iter().map(|seen| seen.requests).sum::<u64>(), of.iter().map(Seen::wrong).sum::<u64>());
    let rate = |of: &[Seen]| of.iter().map(Seen::rate).sum::<f64>();
    let ((before, wrong_before), (requests, wrong)) = (sum(&quiet), sum(&busy));
    assert_eq!((wrong_before, wrong), (0, 0), "{quiet:?} {busy:?}");
    format!(
        "Two awake tenants under `wrk`, one connection each, while {OTHERS} others were started {starts} times and put to rest {rests} times in {} s: {requests} answers, each looked at, \
         {wrong} of them not 200 or not the tenant's own ({before} and {wrong_before} before, with nobody else about); {:.2} times the answers a second of the quiet fleet. What is missing is what starting \
         containers takes of the same cores.\n",
        BUSY.as_secs(),
        rate(&busy) / rate(&quiet),
    )
}
