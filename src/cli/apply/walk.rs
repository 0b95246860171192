//! The walk as the command line sees it: progress, Ctrl-C, the report, the exit code.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::super::terminal::Terminal;
use super::super::{Exit, Failure};
use super::locked::Locked;
use crate::apply::Halt;
use crate::model::plan::Plan;
use crate::model::report::Event;
use crate::session::{Command, Session, Walk};
use crate::view;
use crate::view::progress::Progress;

/// How often the living line is written anew.
const BEAT: Duration = Duration::from_millis(250);

/// Applies, showing how it goes. The first signal asks to stop soon, the second now.
pub async fn walk(
    session: &Session,
    plan: &Plan,
    locked: &mut Locked,
    command: &Command,
    parallelism: usize,
    again: &str,
    terminal: &Terminal,
) -> Exit {
    terminal.say(&view::progress::heading(plan.changes().count(), plan.leftovers.len(), parallelism));
    let (events, received) = mpsc::unbounded_channel();
    let (halt_in, halt) = watch::channel(Halt::No);
    let began = Instant::now();
    let Locked { held, stop } = locked;
    let work = async {
        tokio::join!(
            session.apply(plan, held, command, Walk { parallelism, waits: None, starting: BTreeMap::new(), events, halt }),
            show(received, began, terminal)
        )
    };
    tokio::pin!(work);
    let mut asked = Halt::No;
    let (applied, ()) = loop {
        tokio::select! {
            biased;
            () = stop.asked(), if asked != Halt::Now => {
                asked = if asked == Halt::No { Halt::Soon } else { Halt::Now };
                let _ = halt_in.send(asked);
            }
            done = &mut work => break done,
        }
    };
    let applied = applied.map_err(Failure::from)?;
    applied.warnings.iter().for_each(|warning| terminal.say(&format!("warning: {warning}")));
    terminal.say(&view::report::human(plan, &applied.report, terminal.err, began.elapsed(), again));
    Ok(applied.exit_code)
}

async fn show(mut events: mpsc::UnboundedReceiver<Event>, began: Instant, terminal: &Terminal) {
    let mut progress = Progress::new(terminal.err, terminal.live);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let lines = tokio::select! {
            event = events.recv() => match event {
                Some(event) => progress.event(&event, began.elapsed()),
                None => break,
            },
            _ = beat.tick() => progress.tick(began.elapsed()),
        };
        if terminal.live {
            terminal.status("");
        }
        lines.iter().for_each(|line| terminal.say(line));
        if terminal.live {
            terminal.status(&progress.status(began.elapsed(), terminal.width()));
        }
    }
    if terminal.live {
        terminal.status("");
    }
}
