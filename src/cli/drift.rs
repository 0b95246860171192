//! `reeve drift`

use clap::Args;

use super::Exit;
use super::plan::{Look, exit, show};
use super::terminal::Terminal;
use crate::session::seal;
use crate::view::words::drift;

/// Show only what differs though the YAML is the one last applied.
#[derive(Debug, Args)]
pub struct Drift {
    #[command(flatten)]
    pub(super) what: Look,
}

impl Drift {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let (mut plan, words) = drift(self.what.plan(terminal).await?);
        plan.digest = seal(&plan)?.digest;
        show(&plan, self.what.format, &words, terminal)?;
        Ok(exit(&plan))
    }
}
