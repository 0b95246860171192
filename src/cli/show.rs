//! `reeve show`

use std::path::PathBuf;

use clap::Args;

use super::plan::{available, show};
use super::stack::saved_plan;
use super::terminal::Terminal;
use super::{Exit, Format};
use crate::view::words::Words;

/// Render a saved plan, offline.
#[derive(Debug, Args)]
pub struct Show {
    /// The saved plan.
    #[arg(value_name = "PLAN_FILE")]
    plan: PathBuf,
    /// How to show it.
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Show {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        available(self.format)?;
        let plan = saved_plan(&self.plan)?;
        show(&plan, self.format, &Words::plan(&plan), terminal)?;
        Ok(super::code::DONE)
    }
}
