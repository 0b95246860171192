//! A plan as data: what was wished, what was seen, what will be done and what will not, and why.
//!
//! Comparable, deterministic, and without a secret: nothing that holds one can be put into it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::edit::{Cause, Edit};
use super::{Access, Address, Marks, Starts};

/// The `format_version` of plan documents.
pub const FORMAT_VERSION: u32 = 1;

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Made new.
    Create,
    /// Changed in place.
    Update,
    /// Made new, its users moved, the old one dropped.
    Replace,
    /// Dropped.
    Delete,
    /// An object that bears no owner becomes ours.
    Adopt,
    /// Left as it is.
    NoOp,
}

/// One resource of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Its address.
    pub address: Address,
    /// Its kind, such as `aws.vpc`.
    pub kind: String,
    /// What happens to it.
    pub action: Verb,
    /// Why its edits are there (empty for no-op).
    pub cause: BTreeSet<Cause>,
    /// In words, for people.
    pub reason: String,
    /// The differences (for a create: every field that is not at rest).
    pub edits: Vec<Edit>,
    /// The live object's id, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Something that must wait, and for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    /// What waits.
    pub address: Address,
    /// Why.
    pub reason: String,
}

/// Something that was refused, and how to do it on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// What was refused.
    pub address: Address,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    /// What refused it.
    #[serde(default)]
    pub by: By,
}

/// What refused something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The engine's own protection: the rest of the plan may be applied.
    #[default]
    Protection,
    /// A policy of the stack: nothing of the plan may be applied.
    Policy,
}

/// A kind that could not be read whole: nothing of it is touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unreadable {
    /// The kind.
    pub kind: String,
    /// What AWS answered.
    pub error: String,
}

/// A plane that there is no way to from here: nothing of it was read, and nothing of it is touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unobserved {
    /// The plane.
    pub plane: String,
    /// Why, and how there could be a way.
    pub reason: String,
}

/// What a plan was asked to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Only these addresses (or what lies under them) and what they need; empty: everything.
    pub target: BTreeSet<String>,
    /// Not these.
    pub exclude: BTreeSet<String>,
    /// What may be deleted or replaced though it is protected: these addresses, and what lies under them.
    pub allow_delete: BTreeSet<String>,
    /// Only these planes; empty: all.
    pub planes: BTreeSet<String>,
}

impl Scope {
    /// Whether it looks at a part of the stack only.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        !(self.target.is_empty() && self.exclude.is_empty() && self.planes.is_empty())
    }

    /// Whether what is protected at `address` may be deleted or replaced all the same.
    #[must_use]
    pub fn allows_deletion_of(&self, address: &Address) -> bool {
        self.allow_delete.iter().any(|scope| address.is_under(scope))
    }
}

/// A live object as the plan saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What `${ref().attribute}` may name.
    pub attributes: BTreeMap<String, String>,
    /// Its fingerprint (kind, id, Shape, address), which must still hold when the plan is applied. Empty:
    /// nobody looked at it, and what is known of it was told by those that use it.
    pub fingerprint: String,
    /// Its Shape. Kept only for what the plan changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Value>,
    /// Its owner marks.
    pub marks: Marks,
}

/// A wish as the plan will apply it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// Its kind.
    pub kind: String,
    /// Canonical JSON of the kind's struct, with holes.
    pub spec: Value,
    /// Deletion and replacement are refused.
    pub protect: bool,
}

/// Who made a plan, when and from what; not part of its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The caller's ARN.
    pub by: String,
    /// When, in RFC 3339.
    pub at: String,
    /// The commit the YAML came from.
    pub commit: Option<String>,
}

/// A whole plan. `--format json` and a saved plan file are this document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The stack's name.
    pub stack: String,
    /// The AWS account it was made against.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack's domain.
    pub domain: String,
    /// The folder of the record, when it is a local one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// `sha256:...` over the canonical JSON without `digest` and `made`; empty until it is rendered.
    #[serde(default)]
    pub digest: String,
    /// Who, when, from what.
    #[serde(default)]
    pub made: Made,
    /// Whether it covers the whole stack, as far as there is a way to it ([`Plan::unobserved`]).
    pub complete: bool,
    /// Whether everything in the stack is to be destroyed.
    pub destroy: bool,
    /// Whether it says only what has drifted: it is not to be applied then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drift: bool,
    /// Every resource, by address.
    pub actions: Vec<Action>,
    /// What waits, and why.
    pub waiting: Vec<Waiting>,
    /// What was refused, and why.
    pub refusals: Vec<Refusal>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What there was no way to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unobserved: Vec<Unobserved>,
    /// What whoever reads it has to know: what a host cannot enforce, say.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub notes: BTreeSet<String>,
    /// The way to the inner planes that the stack names.
    #[serde(default, skip_serializing_if = "Access::is_empty")]
    pub access: Access,
    /// How fast containers are started.
    #[serde(default, skip_serializing_if = "Starts::is_default")]
    pub starts: Starts,
    /// What it was asked to look at.
    pub scope: Scope,
    /// The wishes of all resources that it acts on, and of those that use what took the place of a leftover.
    pub wishes: BTreeMap<Address, Wish>,
    /// The live objects it saw, by address.
    pub seen: BTreeMap<Address, Seen>,
    /// Old objects whose replacement was begun by an earlier apply, and twins of one attempt: to be dropped.
    #[serde(default)]
    pub leftovers: Vec<Leftover>,
}

/// A live object of ours that is not the one that counts at its address: it was replaced, stands under what was, or was made twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leftover {
    /// The address of the one that counts.
    pub address: Address,
    /// What is to be dropped.
    pub seen: Seen,
    /// Why.
    pub reason: String,
}

impl Plan {
    /// The actions that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| action.action != Verb::NoOp)
    }

    /// Whether a policy refused any of it, so that nothing of it may be applied.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.refusals.iter().any(|refusal| refusal.by == By::Policy)
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none() && self.leftovers.is_empty()
    }
}
