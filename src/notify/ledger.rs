//! Which notices come of what a pass has seen: each thing once, and its end once. Pure; at rest it lies in the record.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Kind, Notice};
use crate::record::sha256;

/// The longest that a notice says of one thing, in characters.
const WORDS: usize = 400;

/// What was told and has not ended, and what could not be delivered yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The version of this form.
    pub format_version: u32,
    /// What has drifted, and whether the loop mended it.
    drifted: BTreeMap<String, bool>,
    /// What fails.
    failing: BTreeSet<String>,
    /// What is held, by its fingerprint; empty: nothing.
    held: String,
    /// By channel, what is to be sent still.
    unsent: BTreeMap<String, Vec<Notice>>,
}

/// What a pass has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The digest of its plan.
    pub plan: Option<String>,
    /// What has drifted, and how; `None`: it could not be planned.
    pub drifted: Option<BTreeMap<String, String>>,
    /// What the loop did in it.
    pub done: BTreeSet<String>,
    /// What is held: a fingerprint (empty: nothing) and words; `None`: not known for sure.
    pub held: Option<(String, String)>,
    /// What happened once: the words.
    pub rewritten: Option<String>,
    /// What fails, and how.
    pub failing: BTreeMap<String, String>,
    /// Of what failed before and does not fail now: what is not known to be well either.
    pub unknown: BTreeSet<String>,
}

impl Ledger {
    /// What failed when it was last told.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        self.failing.iter().map(String::as_str)
    }

    /// Takes in what a pass has seen; answers what people are to be told, at most once each.
    pub fn turn(&mut self, stack: &str, at: &str, seen: &Seen) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut tell = |kind: Kind, subject: &str, words: &str| {
            let short: String = words.chars().take(WORDS).collect();
            let id = sha256(format!("{kind}|{stack}|{subject}|{at}").as_bytes()).trim_start_matches("sha256:").chars().take(16).collect();
            let plan = seen.plan.clone();
            notices.push(Notice { id, kind, stack: stack.into(), subject: subject.into(), words: short, plan, at: at.into() });
        };
        if let Some(words) = &seen.rewritten {
            tell(Kind::Rewritten, "the source", words);
        }
        if let Some(drifted) = &seen.drifted {
            for (subject, words) in drifted {
                if !self.drifted.contains_key(subject) {
                    tell(Kind::Drift, subject, words);
                }
                *self.drifted.entry(subject.clone()).or_default() |= seen.done.contains(subject);
            }
            self.drifted.retain(|subject, ours| {
                let stays = drifted.contains_key(subject);
                if !stays {
                    tell(Kind::Mended, subject, if *ours { "it was mended" } else { "it is as it should be again, and not by the loop" });
                }
                stays
            });
        }
        for (subject, words) in &seen.failing {
            if self.failing.insert(subject.clone()) {
                tell(Kind::Failed, subject, words);
            }
        }
        self.failing.retain(|subject| {
            let stays = seen.failing.contains_key(subject) || seen.unknown.contains(subject);
            if !stays {
                tell(Kind::Recovered, subject, "it is well again");
            }
            stays
        });
        if let Some((fingerprint, words)) = &seen.held
            && self.held != *fingerprint
        {
            // What was to be approved before and could not be delivered is nothing to approve any more.
            self.unsent.values_mut().for_each(|all| all.retain(|one| one.kind != Kind::Held));
            if !fingerprint.is_empty() {
                tell(Kind::Held, "approval", words);
            }
            self.held.clone_from(fingerprint);
        }
        self.format_version = 1;
        notices
    }

    /// Puts notices by for each of these channels.
    pub fn post(&mut self, channels: &[&str], notices: &[Notice]) {
        for channel in channels {
            self.unsent.entry((*channel).to_owned()).or_default().extend_from_slice(notices);
        }
    }

    /// What is to be sent to a channel.
    #[must_use]
    pub fn unsent(&self, channel: &str) -> &[Notice] {
        self.unsent.get(channel).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first `number` of what was to be sent to a channel arrived, or nobody reads that channel any more.
    pub fn sent(&mut self, channel: &str, number: usize) {
        if let Some(all) = self.unsent.get_mut(channel) {
            all.drain(..number.min(all.len()));
        }
        self.unsent.retain(|_, all| !all.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> BTreeMap<String, String> {
        all.iter().map(|one| ((*one).to_owned(), "words".to_owned())).collect()
    }

    fn names(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    fn told(ledger: &mut Ledger, seen: &Seen) -> Vec<String> {
        ledger.turn("s", "now", seen).iter().map(|one| format!("{} {}", one.kind, one.subject)).collect()
    }

    #[test]
    fn drift_is_told_once_and_so_is_its_end() {
        let mut ledger = Ledger::default();
        let drift = Seen { drifted: Some(words(&["a.x"])), done: names(&["a.x"]), ..Seen::default() };
        assert_eq!(told(&mut ledger, &drift), ["drift a.x"]);
        assert!(told(&mut ledger, &drift).is_empty());
        // A pass that could not plan knows nothing of it.
        assert!(told(&mut ledger, &Seen::default()).is_empty());
        let well = Seen { drifted: Some(words(&[])), ..Seen::default() };
        let end = ledger.turn("s", "now", &well);
        assert_eq!((end.len(), end[0].kind, end[0].words.as_str()), (1, Kind::Mended, "it was mended"));
        assert!(told(&mut ledger, &well).is_empty());
        // It drifts again: that is another time.
        assert_eq!(told(&mut ledger, &Seen { done: names(&[]), ..drift }), ["drift a.x"]);
        assert!(ledger.turn("s", "now", &well)[0].words.contains("not by the loop"));
    }

    #[test]
    fn a_failure_is_told_once_and_recovers_only_when_it_is_known_to_be_well() {
        let mut ledger = Ledger::default();
        let fails = Seen { failing: words(&["a.x", "the pass"]), ..Seen::default() };
        assert_eq!(told(&mut ledger, &fails), ["failed a.x", "failed the pass"]);
        assert!(told(&mut ledger, &fails).is_empty());
        // The pass gets through; of the resource nothing is known yet.
        assert_eq!(told(&mut ledger, &Seen { unknown: names(&["a.x"]), ..Seen::default() }), ["recovered the pass"]);
        assert_eq!(told(&mut ledger, &Seen::default()), ["recovered a.x"]);
        assert!(told(&mut ledger, &Seen::default()).is_empty());
    }

    #[test]
    fn what_is_held_is_told_when_it_becomes_another() {
        let mut ledger = Ledger::default();
        let held = |fingerprint: &str| Seen { held: Some((fingerprint.into(), "2 deletes".into())), ..Seen::default() };
        assert_eq!(told(&mut ledger, &held("one")), ["held approval"]);
        assert!(told(&mut ledger, &held("one")).is_empty());
        assert!(told(&mut ledger, &Seen::default()).is_empty());
        assert_eq!(told(&mut ledger, &held("two")), ["held approval"]);
        assert!(told(&mut ledger, &held("")).is_empty());
        let notices = ledger.turn("s", "now", &Seen { failing: words(&["a.x"]), ..held("two") });
        assert_eq!(notices.len(), 2);
        // Somebody approves it before the channel takes anything: nobody is asked any more, and all else is still told.
        ledger.post(&["webhook"], &notices);
        assert!(told(&mut ledger, &Seen { failing: words(&["a.x"]), ..held("") }).is_empty());
        assert_eq!(ledger.unsent("webhook").iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Failed]);
    }

    #[test]
    fn a_new_leader_reads_it_back_and_repeats_nothing() {
        let mut ledger = Ledger::default();
        let seen =
            Seen { drifted: Some(words(&["a.x"])), failing: words(&["a.y"]), held: Some(("h".into(), String::new())), ..Seen::default() };
        let notices = ledger.turn("s", "now", &seen);
        ledger.post(&["webhook", "topic"], &notices);
        ledger.sent("webhook", 3);
        let mut again: Ledger = serde_json::from_slice(&serde_json::to_vec(&ledger).unwrap()).unwrap();
        assert!(again.turn("s", "later", &seen).is_empty());
        assert_eq!((again.unsent("webhook").len(), again.unsent("topic").len()), (0, 3));
        again.sent("topic", 1);
        assert_eq!(again.unsent("topic"), &notices[1..]);
    }

    #[test]
    fn long_words_are_cut() {
        let seen = Seen { failing: [("a.x".to_owned(), "é".repeat(5000))].into(), ..Seen::default() };
        assert_eq!(Ledger::default().turn("s", "now", &seen)[0].words.chars().count(), WORDS);
    }
}
