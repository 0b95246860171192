//! `reeve diff`

use std::path::PathBuf;

use clap::Args;

use super::stack::saved_plan;
use super::terminal::Terminal;
use super::{Exit, code};
use crate::view::{self, Style, plan::Detail, words::Words};

/// Compare two saved plans.
#[derive(Debug, Args)]
pub struct Diff {
    /// One plan.
    #[arg(value_name = "PLAN_FILE")]
    first: PathBuf,
    /// The other.
    #[arg(value_name = "PLAN_FILE")]
    second: PathBuf,
}

impl Diff {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let (first, second) = (saved_plan(&self.first)?, saved_plan(&self.second)?);
        if first.digest == second.digest {
            terminal.say("the two plans do the same");
            return Ok(code::DONE);
        }
        let text = |plan| view::plan::human(plan, Style::default(), &Words::plan(plan), Detail::All);
        let (a, b) = (text(&first), text(&second));
        if a == b {
            terminal.say("the two plans do the same, but they saw different worlds: an object that stays as it is has changed meanwhile");
            return Ok(code::CHANGES);
        }
        let diff = similar::TextDiff::from_lines(&a, &b);
        let names = (self.first.display().to_string(), self.second.display().to_string());
        terminal.data(&diff.unified_diff().context_radius(2).header(&names.0, &names.1).to_string())?;
        Ok(code::CHANGES)
    }
}
