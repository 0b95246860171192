//! What a restored server lacks of what the live one has. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Seen;

/// A tenant's schema on one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    /// The tenant.
    pub tenant: String,
    /// When it was made, in seconds since 1970.
    pub made: Option<i64>,
    /// It is there; else only its mark is.
    pub there: bool,
    /// Its tables, and when each was made.
    pub tables: BTreeMap<String, Option<i64>>,
    /// The newest time in the wrapper's log, in seconds since 1970.
    pub newest: Option<i64>,
    /// The newest visit to a patient, as OpenMRS wrote its time.
    pub encounter: Option<String>,
}

/// How many tables of one tenant are named.
const NAMED: usize = 5;

/// Compares, and writes down what was found. What was made after the restored state cannot be in it.
pub(super) fn compare(live: &BTreeMap<String, Schema>, copy: &BTreeMap<String, Schema>, data_at: Timestamp, seen: &mut Seen) {
    let is_whole = seen.wrong.is_empty() && seen.unseen.is_empty();
    let is_younger = |made: &Option<i64>| made.is_some_and(|made| made > data_at.as_second());
    let (mut tenants, mut tables, mut younger, mut behind) = (0_u64, 0_u64, 0_u64, 0_i64);
    for (name, expected) in live.iter().filter(|(_, schema)| schema.there) {
        let Some(copied) = copy.get(name).filter(|schema| schema.there) else {
            match is_younger(&expected.made) {
                true => younger += 1,
                false => seen.wrong.push(format!("{}: its schema {name} is not in the copy", expected.tenant)),
            }
            continue;
        };
        tenants += 1;
        tables += copied.tables.len() as u64;
        let missing: Vec<(&String, &Option<i64>)> =
            expected.tables.iter().filter(|(table, _)| !copied.tables.contains_key(*table)).collect();
        let (late, lost): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(_, made)| is_younger(made));
        younger += late.len() as u64;
        if !lost.is_empty() {
            let named: Vec<&str> = lost.iter().take(NAMED).map(|(table, _)| table.as_str()).collect();
            let more = if lost.len() > NAMED { ", ..." } else { "" };
            let (number, all) = (lost.len(), expected.tables.len());
            seen.wrong.push(format!("{}: {number} of its {all} tables are not in the copy: {}{more}", expected.tenant, named.join(", ")));
        }
        if let (Some(then), Some(now)) = (copied.newest, expected.newest) {
            behind = behind.max(now - then);
        }
        if let Some(now) = &expected.encounter {
            let then = copied.encounter.as_deref().unwrap_or("none");
            seen.found.push(format!("{}: its newest encounter is of {then}, on the live server of {now}", expected.tenant));
        }
    }
    let opened = if is_whole { ", each of them opened" } else { "" };
    seen.found.insert(0, format!("{tenants} tenants with {tables} tables{opened}"));
    seen.found.push(match copy.values().filter_map(|schema| schema.newest).max().and_then(|time| Timestamp::from_second(time).ok()) {
        Some(newest) => format!("the wrapper's newest row is of {newest:.0}, {behind} s behind the live server's"),
        None => "no row of the wrapper tells how old the newest one is".to_owned(),
    });
    if younger > 0 {
        seen.found.push(format!("{younger} schemas and tables were made after the restored state and are not expected in it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(schemas: &[(&str, &[(&str, i64)])]) -> BTreeMap<String, Schema> {
        let schema = |(name, tables): &(&str, &[(&str, i64)])| {
            let tables = tables.iter().map(|(table, made)| ((*table).to_owned(), Some(*made))).collect();
            let tenant = name.trim_start_matches("s-").to_owned();
            ((*name).to_owned(), Schema { tenant, made: Some(50), there: true, tables, newest: Some(90), encounter: None })
        };
        schemas.iter().map(schema).collect()
    }

    fn judged(live: &BTreeMap<String, Schema>, copy: &BTreeMap<String, Schema>) -> Seen {
        let mut seen = Seen::default();
        compare(live, copy, Timestamp::from_second(100).unwrap(), &mut seen);
        seen
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_younger_is_not_expected() {
        let mut live = server(&[("s-a", &[("t", 10), ("u", 10), ("new", 101)]), ("s-b", &[("t", 10)]), ("s-c", &[])]);
        live.get_mut("s-c").unwrap().made = Some(101);
        live.get_mut("s-a").unwrap().newest = Some(97);
        let seen = judged(&live, &server(&[("s-a", &[("t", 10)])]));
        assert_eq!(seen.wrong, ["a: 1 of its 3 tables are not in the copy: u", "b: its schema s-b is not in the copy"]);
        assert_eq!(seen.found[0], "1 tenants with 1 tables, each of them opened");
        assert!(seen.found[1].contains("1970-01-01T00:01:30Z, 7 s behind"), "{:?}", seen.found);
        assert!(seen.found[2].starts_with("2 schemas and tables were made after"), "{:?}", seen.found);
    }

    #[test]
    fn a_copy_that_has_everything_is_whole_and_a_mark_without_a_schema_is_no_schema() {
        let live = server(&[("s-a", &[("t", 10)])]);
        assert_eq!(judged(&live, &live).wrong, Vec::<String>::new());
        let mut empty = live.clone();
        empty.get_mut("s-a").unwrap().there = false;
        assert_eq!(judged(&live, &empty).wrong, ["a: its schema s-a is not in the copy"]);
        assert_eq!(judged(&empty, &empty).wrong, Vec::<String>::new());
    }
}
