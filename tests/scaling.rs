//! The fleet's policy through days of use: who waits, who is disturbed, what it costs. The same simulation as `benches/days.rs`, smaller.

#[path = "support/days.rs"]
mod days;

use days::{DAY, Dice, HOUR, Outcome, Rules, TURN, Tenant, clinics, offices, recorded, run};
use jiff::SignedDuration;

/// Offices and clinics, for so many days.
fn tenants(number: usize, days: i64) -> Vec<Tenant> {
    let mut all = offices(number * 3 / 4, days, &mut Dice::new(7));
    all.extend(clinics(number / 4, days, &mut Dice::new(8)));
    all
}

/// What has to be so on all days.
fn is_right(out: &Outcome, rules: &Rules) {
    assert!(out.wrong.is_empty(), "{:?}", out.wrong);
    assert!(out.wakes > 0);
    let bound = rules.boot + 2 * TURN;
    assert!(out.longest_without_room <= bound, "somebody found no room for {} s", out.longest_without_room);
    assert!(out.sizes.iter().all(|(_, size)| *size <= rules.max), "{:?}", out.sizes);
    let shrunk_by = out.sizes.windows(2).map(|two| two[0].1.saturating_sub(two[1].1)).max();
    assert!(shrunk_by.is_none_or(|by| by <= 1), "by more than one at once: {:?}", out.sizes);
}

#[test]
fn a_week_costs_less_than_one_in_which_nobody_sleeps_and_nobody_is_moved_while_he_works() {
    let (tenants, rules) = (tenants(80, 7), Rules::of(7));
    let out = run(&tenants, &rules);
    is_right(&out, &rules);
    let never = run(&tenants, &Rules { idle: None, ..rules.clone() });
    assert!(out.host_seconds * 10 < never.host_seconds * 8, "{} of {}", out.host_seconds, never.host_seconds);
    assert_eq!(out.disturbed, 0);
    assert_eq!(out.turned_within(HOUR / 2), 0, "{:?}", out.sizes);
    assert!(out.grown >= 5 && out.shrunk >= 5, "each working day: {out:?}");
    assert_eq!((never.grown, never.shrunk), (0, 0), "a constant load: {:?}", never.sizes);
    assert_eq!(run(&tenants, &rules), out, "the same days are the same");

    // What the long wait is for.
    let mut hasty = rules.clone();
    hasty.settings.linger = SignedDuration::from_mins(10);
    let hasty = run(&tenants, &hasty);
    assert!(hasty.disturbed > 10 && hasty.host_seconds < out.host_seconds, "{hasty:?}");
}

#[test]
fn on_a_monday_morning_all_come_at_once() {
    let rush = |n: i64| Tenant { name: format!("t{n}"), reserve: 2 << 30, used: vec![(8 * HOUR + n * 5, 17 * HOUR)] };
    let tenants: Vec<Tenant> = (0..120).map(rush).collect();
    let mut rules = Rules { max_waking: 120, ..Rules::of(1) };
    let out = run(&tenants, &rules);
    is_right(&out, &rules);
    assert!(out.longest_wake <= rules.boot + rules.start + 2 * TURN, "{out:?}");
    assert_eq!(out.most_hosts, 9, "120 of 2 GiB, 15 on a host, and one host for the tenth that is spare");
    assert_eq!(out.turned_within(DAY), 0, "{:?}", out.sizes);
    // Few at a time: their queue takes longer than hosts take to boot, and nobody waits for room.
    rules.max_waking = 4;
    let out = run(&tenants, &rules);
    is_right(&out, &rules);
    assert_eq!(out.longest_without_room, 0);
}

#[test]
fn a_fleet_that_may_not_grow_stays_within_its_bounds() {
    let (tenants, rules) = (tenants(80, 2), Rules { max: 1, ..Rules::of(2) });
    let out = run(&tenants, &rules);
    assert!(out.wrong.is_empty() && out.most_hosts == 4, "{out:?}");
}

#[test]
fn a_worker_that_dies_is_replaced_and_its_tenants_have_moved_before() {
    let tenants = tenants(80, 2);
    let rules = Rules { dies: Some(DAY + 18 * HOUR), ..Rules::of(2) };
    let out = run(&tenants, &rules);
    is_right(&out, &rules);
    assert!(out.replaced == 1 && out.lost > 0, "{out:?}");
}

#[test]
fn a_recorded_day_is_read_and_lived() {
    let tenants = recorded(include_str!("support/days/tuesday.csv"), 2);
    assert_eq!(tenants.len(), 60);
    let rules = Rules::of(2);
    let out = run(&tenants, &rules);
    is_right(&out, &rules);
    let never = run(&tenants, &Rules { idle: None, ..rules.clone() });
    assert!(out.host_seconds < never.host_seconds && out.disturbed == 0, "{out:?}");
}
