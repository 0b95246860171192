//! An apply as it happens: on a terminal a line for what is done and one that lives; elsewhere plain lines.

use std::collections::BTreeMap;
use std::time::Duration;

use super::value::clean;
use super::{Style, Tone, count, span};
use crate::model::Address;
use crate::model::report::{Do, Event};

/// What is going on. Time comes in with each call, as the span since the walk began.
#[derive(Debug)]
pub struct Progress {
    style: Style,
    live: bool,
    steps: usize,
    done: usize,
    running: BTreeMap<(Address, Do), Running>,
}

#[derive(Debug)]
struct Running {
    since: Duration,
    state: String,
    told: Duration,
}

/// On plain output, how long something runs before it is spoken of, and then how often.
const PATIENCE: Duration = Duration::from_secs(20);

impl Progress {
    /// `live`: there is a terminal whose last line may be written over.
    #[must_use]
    pub fn new(style: Style, live: bool) -> Self {
        Self { style, live, steps: 0, done: 0, running: BTreeMap::new() }
    }

    /// Lines to print for an event (above the living one).
    pub fn event(&mut self, event: &Event, now: Duration) -> Vec<String> {
        match event {
            Event::Began { steps } => {
                self.steps = *steps;
                Vec::new()
            }
            Event::Started { address, what } => {
                self.running.insert((address.clone(), *what), Running { since: now, state: String::new(), told: now });
                Vec::new()
            }
            Event::Waiting { address, what, state } => {
                if let Some(running) = self.running.get_mut(&(address.clone(), *what)) {
                    running.state = clean(state);
                }
                self.tick(now)
            }
            Event::Done { address, what, id } => {
                let took = self.end(address, *what, now);
                self.done += 1;
                // What only surrounds the making, the changing and the dropping is not worth a line when it took no time.
                let side = matches!(what, Do::Ready | Do::Settle | Do::Retire | Do::Cut);
                if side && took < Duration::from_secs(1) {
                    return Vec::new();
                }
                let sign = self.style.paint(Tone::Good, "✓");
                vec![self.line(
                    &sign,
                    now,
                    &format!("{address}: {}", self.style.paint(Tone::Faint, &format!("{} {}{}", past(*what), clean(id), after(took)))),
                )]
            }
            Event::Failed { address, what, error } => {
                let took = self.end(address, *what, now);
                let sign = self.style.paint(Tone::Bad, "✗");
                vec![self.line(&sign, now, &format!("{address}: {} failed{}: {}", doing(*what), after(took), clean(error)))]
            }
            Event::Stopping { reason, in_flight } => {
                let names: Vec<&str> = in_flight.iter().map(Address::as_str).collect();
                let rest = if names.is_empty() { String::new() } else { format!("; finishing {}", names.join(", ")) };
                vec![self.line(&self.style.paint(Tone::Notice, "!"), now, &format!("stopping: {}{rest}", clean(reason)))]
            }
        }
    }

    /// Lines to print when time passes and nothing happens: what takes long. On a terminal the living line says it.
    pub fn tick(&mut self, now: Duration) -> Vec<String> {
        if self.live {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for ((address, what), running) in &mut self.running {
            if now.saturating_sub(running.told) >= PATIENCE {
                running.told = now;
                let state = if running.state.is_empty() { String::new() } else { format!(" ({})", running.state) };
                lines.push(format!(
                    "… {:>6} {address}: {}{state} for {}",
                    span(now),
                    doing(*what),
                    span(now.saturating_sub(running.since))
                ));
            }
        }
        lines
    }

    /// The living line: how far, how long, and what has been running longest.
    #[must_use]
    pub fn status(&self, now: Duration, width: usize) -> String {
        let mut text = format!("{}/{} steps, {}", self.done, self.steps, span(now));
        if let Some(((address, what), running)) = self.running.iter().min_by_key(|(_, running)| running.since) {
            let state = if running.state.is_empty() { String::new() } else { format!(" ({})", running.state) };
            text.push_str(&format!(
                ", {} running; {address} {}{state} for {}",
                self.running.len(),
                doing(*what),
                span(now.saturating_sub(running.since))
            ));
        }
        text.chars().take(width.saturating_sub(1)).collect()
    }

    fn end(&mut self, address: &Address, what: Do, now: Duration) -> Duration {
        let since = self.running.remove(&(address.clone(), what)).map_or(now, |running| running.since);
        now.saturating_sub(since)
    }

    fn line(&self, sign: &str, now: Duration, text: &str) -> String {
        format!("{sign} {:>6} {text}", span(now))
    }
}

fn after(took: Duration) -> String {
    if took < Duration::from_secs(1) { String::new() } else { format!(" after {}", span(took)) }
}

fn past(what: Do) -> &'static str {
    match what {
        Do::Retire => "marked as retiring",
        Do::Create => "created",
        Do::Settle => "settled",
        Do::Update => "updated",
        Do::Ready => "ready",
        Do::Cut => "cut loose",
        Do::Delete => "deleted",
    }
}

/// What is being done, for lines about what is under way or went wrong.
#[must_use]
pub fn doing(what: Do) -> &'static str {
    match what {
        Do::Retire => "retiring",
        Do::Create => "creating",
        Do::Settle => "settling",
        Do::Update => "updating",
        Do::Ready => "waiting until it is ready",
        Do::Cut => "cutting loose",
        Do::Delete => "deleting",
    }
}

/// The first words about an apply: so many resources are changed, so many old objects dropped.
#[must_use]
pub fn heading(resources: usize, old: usize, parallelism: usize) -> String {
    let changed = (resources > 0).then(|| format!("Changing {}", count(resources, "resource")));
    let dropped = (old > 0).then(|| format!("{} {}", if resources > 0 { "dropping" } else { "Dropping" }, count(old, "old object")));
    let what: Vec<String> = changed.into_iter().chain(dropped).collect();
    format!("{}, {} at a time. Ctrl-C finishes what is in flight and stops.", what.join(" and "), count(parallelism, "step"))
}
