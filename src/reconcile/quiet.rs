//! What the last pass saw, when nothing was to be done about it. A plan is a function of what is wished and what is seen (the record only says why something differs, and
//! holds back): while both are the same to the last bit there is nothing to do, and of an estate at rest that is each pass. Everything is read all the same.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Loaded;
use super::kept::Kept;
use super::pass::{End, Passed};
use crate::model::Marks;
use crate::model::plan::{Plan, Seen};
use crate::observe::Observed;

/// A plan without changes, and what it was made of.
#[derive(Debug)]
pub(super) struct Quiet {
    loaded: Arc<Loaded>,
    print: Print,
    /// The plan; of what it saw, only how that is called.
    pub plan: Plan,
    /// Who is served on.
    pub kept: Kept,
}

impl Quiet {
    /// What to remember of a pass; nothing where there was something to do, or something that nobody could read.
    pub(super) fn of(loaded: Arc<Loaded>, passed: Passed) -> Option<Self> {
        let Passed { end, plan, decision, kept, print, .. } = passed;
        let (mut plan, print) = (plan?, print?);
        let is_all = plan.waiting.is_empty() && plan.refusals.is_empty() && plan.unreadable.is_empty() && decision.is_all();
        if end != End::Quiet || !plan.is_empty() || !is_all {
            return None;
        }
        plan.seen.values_mut().for_each(bare);
        Some(Self { loaded, print, plan, kept })
    }

    /// Whether it is what comes of these.
    pub(super) fn is_of(&self, loaded: &Arc<Loaded>, print: &Print) -> bool {
        Arc::ptr_eq(&self.loaded, loaded) && self.print == *print
    }
}

/// Leaves of an object what it is called: that is all that anybody asks a plan for in which nothing is done, and the rest would be most of what a loop at rest keeps.
fn bare(seen: &mut Seen) {
    let (kind, id) = (std::mem::take(&mut seen.kind), std::mem::take(&mut seen.id));
    *seen = Seen { kind, id, attributes: BTreeMap::new(), fingerprint: String::new(), shape: None, marks: Marks::default() };
}

/// What stands for everything that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Print([u8; 32]);

impl Print {
    /// Of what was seen.
    pub(super) fn of(observed: &Observed) -> Self {
        let mut hasher = Whole(Sha256::new());
        observed.hash(&mut hasher);
        Self(hasher.0.finalize().into())
    }
}

/// A hash of which nobody finds two that are alike: names and tags are also other people's.
struct Whole(Sha256);

impl Hasher for Whole {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::AnyLive;

    #[test]
    fn whatever_is_another_makes_another_print() {
        let live = |field: &str, value: &str| AnyLive {
            kind: "aws.vpc",
            id: "vpc-1".into(),
            attributes: [("arn".to_owned(), "x".to_owned())].into(),
            shape: json!({ field: value }),
            marks: Marks::default(),
            made_at: String::new(),
        };
        let of = |one: AnyLive| Print::of(&Observed { live: vec![one], ..Observed::default() });
        let same = of(live("cidr", "a"));
        assert_eq!(of(live("cidr", "a")), same);
        let others = [
            live("cidr", "b"),
            live("cid", "ra"),
            AnyLive { id: "vpc-2".into(), ..live("cidr", "a") },
            AnyLive { marks: Marks { protect: true, ..Marks::default() }, ..live("cidr", "a") },
            AnyLive { attributes: [].into(), ..live("cidr", "a") },
        ];
        for other in others {
            assert_ne!(of(other.clone()), same, "{other:?}");
        }
        let beside = Observed { live: vec![live("cidr", "a")], beyond: ["docker.service"].into(), ..Observed::default() };
        assert_ne!(Print::of(&beside), same);
    }
}
