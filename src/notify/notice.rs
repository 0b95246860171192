//! One thing that people are told.

use std::fmt;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::model::runbook::LOOP;

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something is not as it was last applied.
    Drift,
    /// It is as it should be again.
    Mended,
    /// Changes wait for a person.
    Held,
    /// Something failed, and is tried again.
    Failed,
    /// What failed is well again.
    Recovered,
    /// The history that the desired state comes from was rewritten.
    Rewritten,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drift => "drift",
            Self::Mended => "mended",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Rewritten => "rewritten",
        })
    }
}

/// One thing that people are told. A machine format: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The same when it is delivered twice.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// The stack's name.
    pub stack: String,
    /// The address, or what of the loop itself (`the pass`, `kind aws.vpc`).
    pub subject: String,
    /// In words.
    pub words: String,
    /// The digest of the plan that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// When, in RFC 3339.
    pub at: String,
}

/// How many lines a message has at most.
const LINES: usize = 40;

impl Notice {
    /// Puts it into the log.
    pub fn log(&self) {
        let Self { kind, subject, words, plan, .. } = self;
        match kind {
            Kind::Mended | Kind::Recovered => info!(notice = kind.to_string(), subject, plan, "{subject}: {words}"),
            Kind::Drift | Kind::Held | Kind::Failed | Kind::Rewritten => {
                warn!(notice = kind.to_string(), subject, plan, "{subject}: {words}")
            }
        }
    }
}

/// Some notices of one stack for people: one line each.
#[must_use]
pub fn text(stack: &str, notices: &[Notice]) -> String {
    let mut text = format!("reeve, stack {stack}:");
    for one in notices.iter().take(LINES) {
        text.push_str(&format!("\n{}: {}: {}", one.kind, one.subject, one.words));
    }
    if notices.len() > LINES {
        text.push_str(&format!("\nand {} more", notices.len() - LINES));
    }
    text.push_str(&format!("\nWhat to do: {LOOP}"));
    text
}
