//! `reeve drift`

use clap::Args;

use super::plan::{available, exit, make, show};
use super::stack::{connect, load};
use super::terminal::Terminal;
use super::{Dir, Exit, Format, ScopeArgs};
use crate::view::words::drift;

/// Show only what differs though the YAML is the one last applied.
#[derive(Debug, Args)]
pub struct Drift {
    #[command(flatten)]
    dir: Dir,
    #[command(flatten)]
    scope: ScopeArgs,
    /// How to show it.
    #[arg(long, default_value = "human")]
    format: Format,
    /// Print what it cost as the last line of stderr.
    #[arg(long)]
    stats: bool,
}

impl Drift {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        terminal.want_stats(self.stats);
        available(self.format)?;
        let scope = self.scope.scope()?;
        let loaded = load(&self.dir.dir)?;
        let session = connect(&loaded, terminal).await?;
        let plan = make(&session, &loaded, scope, false, terminal).await?;
        let (plan, words) = drift(plan);
        show(&plan, self.format, &words, terminal)?;
        Ok(exit(&plan))
    }
}
