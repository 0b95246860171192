//! What an operator reads in the container's log: one line each, on standard error, never with a secret in it.

use std::fmt::Display;
use std::io::Write;

/// Writes one line. A log that nobody reads any more is no reason to stop.
pub fn say(words: impl Display) {
    let _ = writeln!(std::io::stderr(), "reeve-hold: {words}");
}
