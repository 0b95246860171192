//! `reeve completions` and `reeve man`: both derive from the one table of commands.

use clap::Args;

use super::terminal::Terminal;
use super::{Exit, Failure, code};

/// Completions for a shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn run(self, terminal: &mut Terminal, table: &mut clap::Command) -> Exit {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, table, "reeve", &mut text);
        terminal.data(&String::from_utf8_lossy(&text));
        Ok(code::DONE)
    }
}

/// The man page.
pub fn man(terminal: &mut Terminal, table: clap::Command) -> Exit {
    let mut text = Vec::new();
    clap_mangen::Man::new(table).render(&mut text).map_err(|error| Failure::new(code::ERROR, error.to_string()))?;
    terminal.data(&String::from_utf8_lossy(&text));
    Ok(code::DONE)
}
