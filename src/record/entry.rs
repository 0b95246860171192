//! The entries of the journal, as they lie in the record. A machine format: fields are added, never changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Address;
use crate::model::plan::Verb;

/// The `format_version` of everything in a record.
pub const FORMAT_VERSION: u32 = 1;

/// What one write put into the journal: `journal/<run>/<sequence>.json`. What was waiting while the write before was
/// under way goes into one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The version of this form.
    pub format_version: u32,
    /// The run it belongs to.
    pub run: String,
    /// Its place among the run's objects, from 1.
    pub sequence: u64,
    /// In order; never empty.
    pub entries: Vec<Entry>,
}

/// One entry. Its digest is SHA-256 over its canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the run, from 1.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The digest of the entry before it; for the first of a run, of the last one the journal held then.
    pub previous: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// The step that drops an object.
pub const DROP: &str = "drop";

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted(RunStart),
    /// A call is about to be made.
    Attempt(Attempt),
    /// What came of it.
    Result {
        /// The resource.
        address: Address,
        /// The action the step belongs to.
        verb: Verb,
        /// The step.
        step: String,
        /// The kind of an object that bears no mark of its own: only here stands which address it was made for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmarked: Option<String>,
        /// What came of it.
        outcome: Outcome,
    },
    /// A run came to its end. Without this entry it crashed, or is still going on.
    RunEnded(RunEnd),
}

/// How a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// The digest of the plan that is applied.
    pub plan: String,
    /// The caller's ARN.
    pub who: String,
    /// The commit the YAML came from.
    pub commit: Option<String>,
    /// The command.
    pub command: String,
}

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The resource.
    pub address: Address,
    /// The action the step belongs to.
    pub verb: Verb,
    /// The step, such as `create`, `retire` or `drop`.
    pub step: String,
    /// The `reeve:attempt` mark or client token, which a resumed run uses again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It worked.
    Ok {
        /// The live object's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The applied mark that the object now bears (or would, if it could).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        applied: Option<String>,
        /// Whether the address has no object any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
    /// It failed.
    Failed {
        /// The error's class, such as `throttled` or `denied`.
        class: String,
        /// What AWS said; the caller has taken secrets out.
        message: String,
        /// Whether the call may have taken effect all the same (its answer was lost).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown: bool,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// The exit code of the command.
    pub exit_code: i32,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Whether all that was not done only waits for what is not ready yet: a later pass goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// What was done.
    pub tally: Tally,
}

/// How many resources came to what end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Done.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Not begun or not finished, because of a failure or an interruption.
    pub skipped: u64,
    /// Of those that were skipped, the begun: something of them was done.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub begun: u64,
    /// In flight when the run was told to stop at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The key of a run's object.
pub(super) fn batch_key(run: &str, sequence: u64) -> String {
    format!("journal/{run}/{sequence:08}.json")
}

/// The run and the sequence in an object's key.
pub(super) fn parse_key(key: &str) -> Option<(&str, u64)> {
    let (run, name) = key.strip_prefix("journal/")?.split_once('/')?;
    let sequence = name.strip_suffix(".json")?.parse().ok()?;
    Some((run, sequence))
}

/// A run's name: numbered, so that runs sort in their order whatever the clocks say; random, so that two never meet.
pub(super) fn run_name(number: u64, at: Timestamp) -> String {
    format!("{number:08}-{}-{:08x}", at.strftime("%Y%m%dt%H%M%Sz"), rand::random::<u32>())
}

/// The number in a run's name.
pub(super) fn run_number(run: &str) -> u64 {
    run.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
