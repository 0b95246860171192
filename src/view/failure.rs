//! An error on one screen: what, where, what to do.

use std::fmt::Write as _;

use super::{Style, Tone};

/// An error with advice.
#[must_use]
pub fn human(message: &str, advice: Option<&str>, style: Style) -> String {
    let mut out = format!("{} {message}\n", style.paint(Tone::Bad, "error:"));
    if let Some(advice) = advice {
        let _ = writeln!(out, "  {} {advice}", style.paint(Tone::Notice, "help:"));
    }
    out
}
