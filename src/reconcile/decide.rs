//! What of a plan is done now, what is held for people, and what rests because it failed lately. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::desired::stack::{Reconcile, Verb as Allowed};
use crate::model::Address;
use crate::model::plan::{Plan, Verb};

/// What is not done now, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Left to people: what would happen to each. What an earlier replacement left over counts as a delete of its address.
    pub held: BTreeMap<Address, Verb>,
    /// It failed lately, and is left alone for a while.
    pub resting: BTreeSet<Address>,
}

impl Decision {
    /// Sorts what `plan` changes by what `rules` allow.
    #[must_use]
    pub fn of(plan: &Plan, rules: &Reconcile, resting: &BTreeSet<Address>) -> Self {
        let mut decision = Self::default();
        for action in plan.changes() {
            if !may(rules, action.action) {
                decision.held.insert(action.address.clone(), action.action);
            } else if resting.contains(&action.address) {
                decision.resting.insert(action.address.clone());
            }
        }
        // The end of a replacement: whoever may replace may also drop what that left.
        if !may(rules, Verb::Delete) && !may(rules, Verb::Replace) {
            decision.held.extend(plan.leftovers.iter().map(|left| (left.address.clone(), Verb::Delete)));
        }
        decision
    }

    /// Whether everything may be done now.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.held.is_empty() && self.resting.is_empty()
    }

    /// What must be left out of what is done now.
    pub fn left_out(&self) -> impl Iterator<Item = &Address> {
        self.held.keys().chain(&self.resting)
    }

    /// Takes in what a narrower plan still holds: what is left out may change what happens to others.
    pub fn join(&mut self, other: Self) {
        self.held.extend(other.held);
        self.resting.extend(other.resting);
    }

    /// What is held, as one short text: the same while nothing of it changes. What else is in the plan does not count.
    #[must_use]
    pub fn fingerprint(&self, plan: &Plan) -> String {
        let mut hash = Sha256::new();
        for action in plan.changes().filter(|action| self.held.contains_key(&action.address)) {
            hash.update(serde_json::to_vec(action).unwrap_or_default());
        }
        for left in plan.leftovers.iter().filter(|left| self.held.contains_key(&left.address)) {
            hash.update(&left.seen.id);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether the rules let `verb` be done without asking. What is in neither list is held, and what is taken over counts as made.
fn may(rules: &Reconcile, verb: Verb) -> bool {
    let verb = match verb {
        Verb::NoOp => return true,
        Verb::Create | Verb::Adopt => Allowed::Create,
        Verb::Update => Allowed::Update,
        Verb::Replace => Allowed::Replace,
        Verb::Delete => Allowed::Delete,
    };
    rules.auto.contains(&verb) && !rules.hold.contains(&verb)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(actions: &[(&str, &str)], leftovers: &[&str]) -> Plan {
        let action = |(address, verb): &(&str, &str)| json!({ "address": address, "kind": "aws.vpc", "action": verb, "cause": ["change"], "reason": "", "edits": [] });
        let mut plan: Plan = serde_json::from_value(json!({
            "format_version": 1, "stack": "s", "account": "1", "region": "r", "domain": "d", "complete": true, "destroy": false,
            "actions": actions.iter().map(action).collect::<Vec<_>>(),
            "waiting": [], "refusals": [], "unreadable": [], "wishes": {}, "seen": {},
            "scope": { "target": [], "exclude": [], "allow_delete": [], "planes": [] },
        }))
        .unwrap();
        plan.leftovers = leftovers.iter().map(|address| leftover(address)).collect();
        plan
    }

    fn leftover(address: &str) -> crate::model::plan::Leftover {
        let seen = crate::model::plan::Seen {
            kind: "aws.vpc".into(),
            id: "vpc-1".into(),
            attributes: BTreeMap::new(),
            fingerprint: "f".into(),
            shape: None,
            marks: crate::model::Marks::default(),
        };
        crate::model::plan::Leftover { address: Address::parse(address).unwrap(), seen, reason: String::new() }
    }

    fn rules(auto: &[Allowed], hold: &[Allowed]) -> Reconcile {
        Reconcile { auto: auto.to_vec(), hold: hold.to_vec(), ..Reconcile::default() }
    }

    fn held(decision: &Decision) -> Vec<&str> {
        decision.held.keys().map(Address::as_str).collect()
    }

    #[test]
    fn what_is_allowed_is_done_and_everything_else_is_held() {
        let plan = plan(
            &[
                ("a.create", "create"),
                ("a.adopt", "adopt"),
                ("a.update", "update"),
                ("a.replace", "replace"),
                ("a.drop", "delete"),
                ("a.same", "no-op"),
            ],
            &[],
        );
        let of = |auto: &[Allowed], hold: &[Allowed]| Decision::of(&plan, &rules(auto, hold), &BTreeSet::new());
        assert_eq!(held(&of(&[Allowed::Create, Allowed::Update], &[Allowed::Replace, Allowed::Delete])), ["a.drop", "a.replace"]);
        // What is in neither list waits for people too, and what is in both.
        assert_eq!(held(&of(&[Allowed::Create], &[])), ["a.drop", "a.replace", "a.update"]);
        assert_eq!(held(&of(&[Allowed::Create, Allowed::Update], &[Allowed::Update])), ["a.drop", "a.replace", "a.update"]);
        assert_eq!(held(&of(&[], &[])), ["a.adopt", "a.create", "a.drop", "a.replace", "a.update"]);
        assert!(of(&[Allowed::Create, Allowed::Update, Allowed::Replace, Allowed::Delete], &[]).is_all());
    }

    #[test]
    fn what_failed_lately_rests_and_what_is_held_is_held_all_the_same() {
        let plan = plan(&[("a.one", "update"), ("a.two", "update"), ("a.drop", "delete")], &[]);
        let resting = ["a.one", "a.drop", "a.gone"].map(|text| Address::parse(text).unwrap()).into();
        let decision = Decision::of(&plan, &Reconcile::default(), &resting);
        assert_eq!((held(&decision), decision.resting.len()), (vec!["a.drop"], 1));
        let left: Vec<&str> = decision.left_out().map(Address::as_str).collect();
        assert_eq!(left, ["a.drop", "a.one"]);
    }

    #[test]
    fn what_is_left_over_goes_where_replacing_or_deleting_is_allowed() {
        let plan = plan(&[], &["a.old"]);
        let of = |auto: &[Allowed]| Decision::of(&plan, &rules(auto, &[]), &BTreeSet::new()).is_all();
        assert!(!of(&[Allowed::Create, Allowed::Update]));
        assert!(of(&[Allowed::Replace]) && of(&[Allowed::Delete]));
    }

    #[test]
    fn the_fingerprint_is_that_of_what_is_held() {
        let whole = |actions: &[(&str, &str)]| {
            let plan = plan(actions, &[]);
            Decision::of(&plan, &Reconcile::default(), &BTreeSet::new()).fingerprint(&plan)
        };
        assert_eq!(whole(&[("a.drop", "delete")]), whole(&[("a.drop", "delete"), ("a.new", "create")]));
        assert_ne!(whole(&[("a.drop", "delete")]), whole(&[("a.drop", "delete"), ("a.other", "delete")]));
        assert_ne!(whole(&[("a.drop", "delete")]), whole(&[("a.drop", "replace")]));
    }
}
