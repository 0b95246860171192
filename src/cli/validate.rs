//! `reeve validate`

use clap::Args;

use super::stack::{load, warn};
use super::terminal::Terminal;
use super::{Dir, Exit, code};
use crate::view::count;

/// Read and check everything; no network.
#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    pub(super) dir: Dir,
}

impl Validate {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.dir.dir)?;
        warn(&loaded, terminal);
        terminal.say(&format!("{} is valid: {}", loaded.stack.name, count(loaded.wishes.len(), "resource")));
        Ok(code::DONE)
    }
}
