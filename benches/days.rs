//! Days of use: what a fleet that follows the policy costs in host-hours, beside one that never sleeps, and what its tenants wait. The policy is the real one, the
//! days and the fleet are simulated (`tests/support/days.rs`), so that this takes seconds; `--write` puts the table into the README.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "../tests/support/days.rs"]
mod days;

use std::fmt::Write as _;
use std::path::Path;

use days::{Dice, HOUR, Outcome, Rules, Tenant, clinics, offices, recorded, run};

const RECORDED: &str = include_str!("../tests/support/days/tuesday.csv");

fn main() {
    let weeks = 2;
    let days = 7 * weeks;
    let mut both = offices(150, days, &mut Dice::new(1));
    both.extend(clinics(50, days, &mut Dice::new(2)));
    let cases: [(&str, Vec<Tenant>, i64); 4] = [
        ("200 offices in four time zones, two weeks", offices(200, days, &mut Dice::new(3)), days),
        ("150 of these and 50 clinics that never close", both, days),
        ("100 clinics, one week", clinics(100, 7, &mut Dice::new(4)), 7),
        ("60 tenants, the same Tuesday three times (a generated file)", recorded(RECORDED, 3), 3),
    ];
    let mut text = String::from(
        "| Days | Sleep after | Host-hours | Never asleep | Hosts at most | Wakes | Longest wait for room | Longest wake | Grown, shrunk | Moved while used |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (name, tenants, days) in &cases {
        let never = run(tenants, &Rules { idle: None, ..Rules::of(*days) });
        for (word, idle) in [("1 h", HOUR), ("4 h", 4 * HOUR), ("14 d", 14 * 24 * HOUR)] {
            let out = run(tenants, &Rules { idle: Some(idle), ..Rules::of(*days) });
            assert!(out.wrong.is_empty(), "{:?}", out.wrong);
            let _ = writeln!(text, "{}", row(name, word, &out, &never));
        }
    }
    println!("{text}");
    if std::env::args().any(|one| one == "--write") {
        write(&text);
    }
}

fn row(name: &str, idle: &str, out: &Outcome, never: &Outcome) -> String {
    let hours = |out: &Outcome| out.host_seconds as f64 / HOUR as f64;
    format!(
        "| {name} | {idle} | {:.0} ({:.0} %) | {:.0} | {} | {} | {} s | {:.0} min | {}, {} | {} |",
        hours(out),
        100.0 * hours(out) / hours(never),
        hours(never),
        out.most_hosts,
        out.wakes,
        out.longest_without_room,
        out.longest_wake as f64 / 60.0,
        out.grown,
        out.shrunk,
        out.disturbed,
    )
}

/// Puts `text` into the README's section.
fn write(text: &str) {
    const BEGIN: &str = "<!-- bench-days:begin -->\n";
    const END: &str = "<!-- bench-days:end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(BEGIN).expect("a line <!-- bench-days:begin --> in the README");
    let (_, after) = rest.split_once(END).expect("a line <!-- bench-days:end --> in the README");
    let rules = Rules::of(1);
    let how = format!(
        "Simulated, with the real policy: three managers and up to {} workers of 31 GiB, tenants that reserve 1.5 to 4 GiB, hosts that boot in {} s, containers that start in {} s, {} that wake at once; Swarm puts a task where the fewest are. \
         *Room* is waited for by who has had its turn in the queue; *the longest wake* is that of the Monday morning, when all come at once, and is the queue's.",
        rules.max, rules.boot, rules.start, rules.max_waking,
    );
    std::fs::write(&path, format!("{before}{BEGIN}{text}\n{how}\n{END}{after}")).expect("the README is written");
}
