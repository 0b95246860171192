//! Objects in the way: they have a name that one of ours could have, and bear no mark of this stack.

use serde::{Deserialize, Serialize};

/// An object that a kind's listing showed though it is not ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stranger {
    /// Its kind.
    pub kind: &'static str,
    /// Its name, as `Kind::name_of` says it of a new one.
    pub name: String,
    /// Its id, as `reeve adopt` takes it.
    pub id: String,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a stranger is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// It bears no owner mark: it was made by hand, or lost its mark.
    Nobody,
    /// The stack of that name's.
    Stack(String),
    /// It stands where reeve never looks for its own, so that it could not be ours: where that is.
    OutOfReach(String),
}

/// Who bears the name that a creation was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namesake {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub whose: Whose,
}
