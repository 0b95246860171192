//! `reeve journal`

use clap::{Args, Subcommand};

use super::stack::{connect, load};
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, code};

use crate::record::RunSummary;
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
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let (dir, list) = match self.what {
            What::List(dir) => (dir, true),
            What::Verify(dir) => (dir, false),
        };
        let loaded = load(&dir.dir)?;
        let session = connect(&loaded, terminal).await?;
        let verified = session.record().verify().await.map_err(|error| Failure::from(crate::session::Error::from(error)))?;
        if list {
            terminal.data(&view::journal::list(&verified.runs.iter().map(row).collect::<Vec<_>>()));
        }
        if verified.problems.is_empty() {
            terminal.say(&format!("the journal is whole: {}", view::count(verified.runs.len(), "run")));
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
        Err(Failure::new(code::ERROR, "the journal is not whole").advice("see runbooks/journal.md"))
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
            Some(end) if end.interrupted => "interrupted".into(),
            Some(end) => {
                format!("exit {}, {} done, {} failed, {} not begun", end.exit_code, end.tally.done, end.tally.failed, end.tally.skipped)
            }
            None => "crashed, or still going on".into(),
        },
    }
}
