//! `reeve drift`

use clap::Args;

use super::Exit;
use super::plan::{Look, exit, show};
use super::terminal::Terminal;
use crate::view::words::drift;

/// Show only what differs though the YAML is the one last applied.
#[derive(Debug, Args)]
pub struct Drift {
    #[command(flatten)]
    pub(super) what: Look,
}

impl Drift {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let (plan, words) = drift(self.what.plan(terminal).await?);
        show(&plan, self.what.format, &words, terminal)?;
        Ok(exit(&plan))
    }
}
