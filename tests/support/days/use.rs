//! Who is used when.

use super::{DAY, Dice, GIB, HOUR};

/// A tenant, and when somebody works with it.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub name: String,
    /// Bytes that it reserves.
    pub reserve: u64,
    /// From and until, in seconds from the beginning, in order.
    pub used: Vec<(i64, i64)>,
}

fn tenant(name: String, dice: &mut Dice, used: Vec<(i64, i64)>) -> Tenant {
    let reserve = match dice.between(0, 10) {
        0 => 4 * GIB,
        1..4 => 2 * GIB,
        _ => 3 * GIB / 2,
    };
    Tenant { name, reserve, used }
}

/// Offices in four time zones: they begin at about eight, on Mondays within half an hour, have lunch, and end at about five; on weekends nearly none work.
pub fn offices(number: usize, days: i64, dice: &mut Dice) -> Vec<Tenant> {
    let zones = [0, 2, 3, 8];
    let office = |n: usize, dice: &mut Dice| {
        let zone = zones[n % zones.len()] * HOUR;
        let mut used = Vec::new();
        for day in 0..days {
            let weekday = day % 7;
            if dice.percent(if weekday >= 5 { 95 } else { 5 }) {
                continue;
            }
            let late = if weekday == 0 { dice.between(0, HOUR / 2) } else { dice.between(0, 2 * HOUR) };
            let begin = day * DAY + 8 * HOUR + late + 8 * HOUR - zone;
            let lunch = begin + dice.between(3 * HOUR, 5 * HOUR);
            used.push((begin, lunch));
            used.push((lunch + HOUR, begin + dice.between(8 * HOUR, 10 * HOUR)));
        }
        used
    };
    (0..number)
        .map(|n| {
            let used = office(n, dice);
            tenant(format!("office{n}"), dice, used)
        })
        .collect()
}

/// Clinics that are never closed: somebody comes every few hours, day and night, and stays for some minutes up to two hours.
pub fn clinics(number: usize, days: i64, dice: &mut Dice) -> Vec<Tenant> {
    let visits = |dice: &mut Dice| {
        let (mut used, mut at) = (Vec::new(), dice.between(0, 8 * HOUR));
        while at < days * DAY {
            let until = at + dice.between(300, 2 * HOUR);
            used.push((at, until));
            at = until + dice.between(600, 10 * HOUR);
        }
        used
    };
    (0..number)
        .map(|n| {
            let used = visits(dice);
            tenant(format!("clinic{n}"), dice, used)
        })
        .collect()
}

/// What a file says: lines `tenant,mib,from,until`, times as `HH:MM` of one day, which is repeated.
pub fn recorded(text: &str, days: i64) -> Vec<Tenant> {
    let mut tenants: Vec<Tenant> = Vec::new();
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':').expect("HH:MM");
        hours.parse::<i64>().expect("hours") * HOUR + minutes.parse::<i64>().expect("minutes") * 60
    };
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("tenant,")) {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, mib, from, until] = cells[..] else { panic!("four columns: {line}") };
        if tenants.last().is_none_or(|last| last.name != name) {
            tenants.push(Tenant { name: name.into(), reserve: mib.parse::<u64>().expect("MiB") << 20, used: Vec::new() });
        }
        tenants.last_mut().expect("one").used.push((minutes(from), minutes(until)));
    }
    for tenant in &mut tenants {
        let day = tenant.used.clone();
        tenant.used = (0..days).flat_map(|n| day.iter().map(move |(from, until)| (from + n * DAY, until + n * DAY))).collect();
    }
    tenants
}
