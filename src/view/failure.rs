//! An error on one screen: what, where, what to do.

use std::fmt::Write as _;

use super::value::clean;
use super::{Style, Tone};

/// An error with advice. What others had a say in (AWS, the YAML) moves no cursor; its lines stay lines.
#[must_use]
pub fn human(message: &str, advice: Option<&str>, style: Style) -> String {
    let message: Vec<String> = message.split('\n').map(clean).collect();
    let mut out = format!("{} {}\n", style.paint(Tone::Bad, "error:"), message.join("\n"));
    if let Some(advice) = advice {
        let _ = writeln!(out, "  {} {advice}", style.paint(Tone::Notice, "help:"));
    }
    out
}
