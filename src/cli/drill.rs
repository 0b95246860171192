//! `reeve drill`

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::sync::watch;

use super::stack::{connect, load, open};
use super::stop::Stop;
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, code};
use crate::drill::{Progress, Source};
use crate::model::drill::{self, Last, Outcome, Part};
use crate::model::runbook;
use crate::planes::{Class, Mysql, Plane};
use crate::session::{Drilled, Error, Session};
use crate::view::drill as view;

/// How often it is said that the same is still being done.
const SAID: Duration = Duration::from_secs(30);

/// Restore the newest state of every database server and of the files into copies beside the live ones, look into them, delete them.
#[derive(Debug, Args)]
pub struct Drill {
    #[command(flatten)]
    pub(super) dir: Dir,
    /// Only the database servers, the tenants' own with them, or only the files.
    #[arg(value_enum, value_name = "database|files", hide_possible_values = true)]
    part: Option<Which>,
    /// Only say when the last drills were and what they showed.
    #[arg(long, conflicts_with = "auto_approve")]
    last: bool,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
    /// How to show the result.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The database servers.
    Database,
    /// The file system.
    Files,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Human,
    /// For a program.
    Json,
}

impl Drill {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let parts = match self.part {
            None => Part::ALL.to_vec(),
            Some(Which::Database) => vec![Part::Database],
            Some(Which::Files) => vec![Part::Files],
        };
        if self.last {
            let session = open(&self.dir.dir, terminal).await?;
            let last = remembered(&session, &parts).await?;
            terminal.data(&match self.format {
                Format::Human => view::last(&last),
                Format::Json => view::last_json(&last),
            })?;
            return Ok(code::DONE);
        }
        let loaded = load(&self.dir.dir)?;
        let session = connect(&loaded, terminal).await?;
        let mut sources = Vec::new();
        for part in parts {
            sources.push((part, Source::find(&session.planes().aws, part).await.map_err(Error::from)?));
        }
        self.agree(&session, sources.iter().flat_map(|(_, sources)| sources), terminal).await?;
        let mut stop = Stop::listen()?;
        let held = session.hold_drill(&terminal.line).await?;
        let mut results = Vec::new();
        let outcome = self.each(&session, &held, &sources, &mut stop, &mut results, terminal).await;
        if let Err(error) = held.release().await {
            terminal.say(&format!("warning: {error}"));
        }
        // Also when the second failed: what the first showed.
        if outcome.is_ok() || !results.is_empty() {
            terminal.data(&match self.format {
                Format::Human => view::results(&results),
                Format::Json => view::json(&results),
            })?;
        }
        outcome?;
        exit(&results)
    }

    /// Says what comes, and asks.
    async fn agree<'s>(
        &self,
        session: &Session,
        sources: impl Iterator<Item = &'s Source> + Clone,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        terminal
            .say("a restore drill makes these beside the live ones, each part's one after the other, looks into them and deletes them:");
        for source in sources.clone() {
            terminal.say(&format!("  {}: {}", source.part(), source.words()));
        }
        terminal.say("AWS charges for them while they stand, an hour or more: some dollars. Nothing that runs is touched");
        if sources.clone().any(|source| source.part() == Part::Database)
            && let Err(error) = Mysql::of(session.planes())
        {
            terminal.say(&format!("the database's data will not be looked into: {}", error.message));
        }
        if self.auto_approve || terminal.ask("Begin?").await == Some(true) {
            return Ok(());
        }
        Err(Failure::new(code::REFUSED, "not approved: nothing was made").advice("--auto-approve agrees where there is no terminal"))
    }

    async fn each(
        &self,
        session: &Session,
        held: &crate::session::Held,
        parts: &[(Part, Vec<Source>)],
        stop: &mut Stop,
        results: &mut Vec<drill::Drill>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        for (part, sources) in parts {
            let (progress, _) = watch::channel(String::new());
            let work = session.drill(held, sources, &terminal.line, &progress, async || stop.asked().await);
            let drilled = told(&part.to_string(), &progress, terminal, work).await;
            match drilled.map_err(nothing_restored)? {
                Drilled::Done { drill, unwritten } => {
                    if let Some(why) = unwritten {
                        terminal.say(&format!("warning: the result is in the record, and not in the journal: {why}"));
                    }
                    results.push(drill);
                }
                Drilled::Interrupted { left: None } => return Err(Failure::new(code::INTERRUPTED, "interrupted: the copy is deleted")),
                Drilled::Interrupted { left: Some(left) } => {
                    let failure = Failure::new(code::INTERRUPTED, format!("interrupted: {left}"));
                    return Err(failure.advice("it goes on costing; the next `reeve drill DIR` deletes it"));
                }
            }
        }
        Ok(())
    }
}

/// What the drills came to.
fn exit(results: &[drill::Drill]) -> Exit {
    let any = |outcome| results.iter().any(|drill| drill.outcome == outcome);
    if any(Outcome::Broken) {
        return Err(Failure::new(code::ERROR, "a restore is not whole").advice(format!("what to do now: {}", runbook::RESTORE_DRILL)));
    }
    Ok(if any(Outcome::Incomplete) { code::PARTIAL } else { code::DONE })
}

/// An error before anything was restored.
fn nothing_restored(error: Error) -> Failure {
    let denied = matches!(&error, Error::Plane(error) if error.class == Class::Denied);
    let failure = Failure::from(error);
    if denied {
        failure.advice(format!("a drill needs more rights than a host has; see {} and {}", runbook::DENIED, runbook::RESTORE_DRILL))
    } else {
        failure
    }
}

/// What is remembered of those parts.
pub async fn remembered(session: &Session, parts: &[Part]) -> Result<Vec<(Part, Last)>, Failure> {
    let record = session.record();
    let mut all = Vec::new();
    for part in parts {
        all.push((*part, record.last_restore_drill(*part).await?));
    }
    Ok(all)
}

/// Says what is being done, when it changes and every half minute.
async fn told<T>(name: &str, progress: &Progress, terminal: &Terminal, work: impl Future<Output = T>) -> T {
    let (began, mut news) = (Instant::now(), progress.subscribe());
    let mut said = String::new();
    tokio::pin!(work);
    loop {
        let changed = tokio::select! {
            done = &mut work => return done,
            changed = tokio::time::timeout(SAID, news.changed()) => matches!(changed, Ok(Ok(()))),
        };
        let now = news.borrow_and_update().clone();
        if !changed || now != said {
            let seconds = began.elapsed().as_secs();
            terminal.say(&format!("{name}: {now} ({} min {} s)", seconds / 60, seconds % 60));
            said = now;
        }
    }
}
