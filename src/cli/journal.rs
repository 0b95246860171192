//! `reeve journal`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::stack::open;
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, code};

use crate::record::{RunSummary, Tally};
use crate::view::{self, journal::Row};

/// The journal of what was done.
#[derive(Debug, Args)]
pub struct Journal {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every run: who, when, which plan, what came of it.
    List(Dir),
    /// Whether an entry is missing, altered or out of order.
    Verify(Dir),
}

impl Journal {
    /// The stack's folder as it was written.
    pub fn folder(&self) -> &PathBuf {
        match &self.what {
            What::List(dir) | What::Verify(dir) => &dir.dir,
        }
    }

    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let session = open(self.folder(), terminal).await?;
        let verified = session.record().verify().await?;
        if matches!(self.what, What::List(_)) {
            terminal.data(&view::journal::list(&verified.runs.iter().map(row).collect::<Vec<_>>()))?;
        }
        if verified.problems.is_empty() {
            terminal.say(&view::journal::whole(verified.runs.len(), verified.open_end.as_deref()));
            return Ok(code::DONE);
        }
        verified.problems.iter().for_each(|problem| {
            terminal.say(&format!(
                "{}{}: {}",
                problem.place,
                problem.entry.map(|n| format!(", entry {n}")).unwrap_or_default(),
                problem.what
            ))
        });
        Err(Failure::new(code::ERROR, "the journal is not whole").advice(format!("see {}", crate::model::runbook::JOURNAL)))
    }
}

fn row(run: &RunSummary) -> Row {
    let start = run.start.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Row {
        run: run.run.clone(),
        at: run.at.map(|at| at.to_string()).unwrap_or_default(),
        who: text(start.map(|s| &s.who)),
        command: text(start.map(|s| &s.command)),
        plan: text(start.map(|s| &s.plan)),
        outcome: match &run.end {
            Some(end) => {
                let Tally { done, failed, skipped, begun, unknown } = end.tally;
                view::journal::outcome(
                    end.exit_code,
                    end.interrupted,
                    end.waits,
                    [done, failed, unknown, begun, skipped.saturating_sub(begun)],
                )
            }
            None => "crashed, or still going on".into(),
        },
    }
}
