//! The drills of several servers as one result: a part of the estate is as whole as the least of them. Pure.

use crate::model::drill::{Drill, Outcome};

/// Why a server has no result of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDrilled {
    /// It could not be restored.
    Refused(String),
    /// The record did not let it: it says nothing of the server.
    Kept(String),
}

/// One result of all: the first server's, and of each later one its name and what it showed, or why it was not restored. A single one is as it is.
#[must_use]
pub fn together(first: Drill, others: Vec<(String, Result<Drill, NotDrilled>)>) -> Drill {
    if others.is_empty() {
        return first;
    }
    let name = first.source.clone();
    let mut whole = Drill { source: String::new(), copy: String::new(), found: vec![], wrong: vec![], unseen: vec![], ..first.clone() };
    for (name, result) in std::iter::once((name, Ok(first))).chain(others) {
        let tell = |told: Vec<String>| told.into_iter().map(|one| format!("{name}: {one}")).collect::<Vec<_>>();
        add(&mut whole.source, &name);
        match result {
            Ok(one) => {
                add(&mut whole.copy, &one.copy);
                whole.found.push(format!("{name}: took {} s, data of {:.0}, {} s before", one.seconds, one.data_at, one.data_age_seconds));
                whole.found.extend(tell(one.found));
                whole.wrong.extend(tell(one.wrong));
                whole.unseen.extend(tell(one.unseen));
                whole.seconds = whole.seconds.max(one.seconds);
                whole.data_at = whole.data_at.min(one.data_at);
                whole.data_age_seconds = whole.data_age_seconds.max(one.data_age_seconds);
                whole.outcome = worse(whole.outcome, one.outcome);
            }
            Err(NotDrilled::Kept(why)) => {
                whole.unseen.push(format!("{name}: it was not drilled: {why}"));
                whole.outcome = worse(whole.outcome, Outcome::Incomplete);
            }
            Err(NotDrilled::Refused(why)) => {
                whole.wrong.push(format!("{name}: it was not restored: {why}"));
                whole.outcome = Outcome::Broken;
            }
        }
    }
    whole
}

fn add(all: &mut String, one: &str) {
    if !all.is_empty() {
        all.push_str(", ");
    }
    all.push_str(one);
}

fn worse(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Broken, _) | (_, Outcome::Broken) => Outcome::Broken,
        (Outcome::Incomplete, _) | (_, Outcome::Incomplete) => Outcome::Incomplete,
        _ => Outcome::Whole,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::drill::Part;

    fn drill(source: &str, seconds: u64, data_at: i64, outcome: Outcome) -> Drill {
        Drill {
            format_version: Drill::FORMAT_VERSION,
            part: Part::Database,
            at: Timestamp::from_second(1000).unwrap(),
            by: "somebody".into(),
            source: source.into(),
            copy: format!("{source}-copy"),
            seconds,
            data_at: Timestamp::from_second(data_at).unwrap(),
            data_age_seconds: (1000 - data_at).unsigned_abs(),
            outcome,
            found: vec!["something".into()],
            wrong: if outcome == Outcome::Broken { vec!["a table".into()] } else { vec![] },
            unseen: if outcome == Outcome::Incomplete { vec!["the data".into()] } else { vec![] },
        }
    }

    #[test]
    fn one_is_as_it_is_and_several_are_as_whole_as_the_least_of_them() {
        let shared = drill("shared", 10, 990, Outcome::Whole);
        assert_eq!(together(shared.clone(), vec![]), shared);
        let own = |outcome| ("own".to_owned(), Ok(drill("own", 20, 900, outcome)));
        let all = together(shared.clone(), vec![own(Outcome::Incomplete)]);
        assert_eq!((all.outcome, all.source.as_str(), all.copy.as_str()), (Outcome::Incomplete, "shared, own", "shared-copy, own-copy"));
        assert_eq!((all.seconds, all.data_at.as_second(), all.data_age_seconds), (20, 900, 100));
        assert_eq!(all.unseen, ["own: the data"]);
        assert_eq!(all.found[1..], ["shared: something", "own: took 20 s, data of 1970-01-01T00:15:00Z, 100 s before", "own: something"]);
        let broken = together(shared.clone(), vec![own(Outcome::Broken), own(Outcome::Whole)]);
        assert_eq!((broken.outcome, broken.wrong.as_slice()), (Outcome::Broken, ["own: a table".to_owned()].as_slice()));
        let kept = together(shared.clone(), vec![("own".into(), Err(NotDrilled::Kept("locked".into())))]);
        assert_eq!((kept.outcome, kept.unseen[0].as_str()), (Outcome::Incomplete, "own: it was not drilled: locked"));
        let refused = together(shared, vec![("own".into(), Err(NotDrilled::Refused("denied".into())))]);
        assert_eq!((refused.outcome, refused.wrong[0].as_str()), (Outcome::Broken, "own: it was not restored: denied"));
    }
}
