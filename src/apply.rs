//! The bounded walk of a plan's steps.
//!
//! Longest path first. A failed step stops what depends on it and nothing else. Asked to stop, it begins nothing more and finishes
//! what is in flight; asked twice, it names what was in flight. Each attempt is in the journal before its call, and its result
//! before the next step of anything that needs it.

mod conclude;
mod known;
mod look;
mod perform;
mod slots;
mod starts;
mod traced;
mod wait;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::model::Address;
use crate::model::plan::Plan;
use crate::model::report::{Event, Report};
use crate::plan::order::{Disorder, steps};
use crate::planes::Planes;
use crate::record::{Journal, Lease};
pub use conclude::class;
use known::Known;
use look::Look;
use perform::Performer;
use slots::Slots;
pub use starts::is_put_off;
use walk::Walk;

/// No call begins with less lease left than the longest a call may take.
pub const LONGEST_CALL: Duration = Duration::from_secs(35);

/// How long AWS may take to know everywhere what was just made. It promises no limit, and advises to ask again after longer and longer pauses:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>.
pub const EVERYWHERE: Duration = Duration::from_mins(2);

/// How long one object is waited for.
pub const PATIENCE: Duration = Duration::from_mins(90);

/// How an apply is to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// Steps that work at a time; those that only wait do not count.
    pub parallelism: usize,
    /// How long to wait for one object to become ready, or for its users to let go.
    pub patience: Duration,
    /// How long the walk may do nothing but wait for what becomes ready; `None`: as long as patience lasts.
    pub waits: Option<Duration>,
    /// What an earlier walk started and is not ready yet, and since when.
    pub starting: BTreeMap<Address, Instant>,
    /// What interrupted attempts of an earlier run were called, by address: they are called the same again.
    pub pending: BTreeMap<Address, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { parallelism: 16, patience: PATIENCE, waits: None, starting: BTreeMap::new(), pending: BTreeMap::new() }
    }
}

/// How urgently a walk is asked to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halt {
    /// Not at all.
    #[default]
    No,
    /// Begin nothing more, finish what is in flight.
    Soon,
    /// Name what is in flight and go.
    Now,
}

/// What a walk holds on to.
#[derive(Debug)]
pub struct Tools<'a> {
    /// The planes.
    pub planes: &'a Planes,
    /// The open journal.
    pub journal: &'a Journal,
    /// The held lease.
    pub lease: &'a Lease,
    /// Whom to tell.
    pub events: mpsc::UnboundedSender<Event>,
    /// When to stop.
    pub halt: watch::Receiver<Halt>,
}

/// Applies `plan`.
///
/// # Errors
/// When it cannot be put into steps; nothing was done then. Everything else is in the report.
pub async fn apply(plan: &Plan, tools: Tools<'_>, options: &Options) -> Result<Report, Disorder> {
    let steps = steps(plan)?;
    let _ = tools.events.send(Event::Began { steps: steps.len() });
    let known = Known::new(plan);
    let performer = Arc::new(Performer {
        plan,
        planes: tools.planes,
        known,
        look: Look::new(tools.planes),
        slots: Slots::new(options.parallelism),
        events: tools.events.clone(),
        options,
        run: tools.journal.run().to_owned(),
        lease: tools.lease,
        halt: tools.halt.clone(),
        enough: watch::Sender::new(false),
        waiting: AtomicUsize::new(0),
    });
    Ok(Walk::new(steps, plan, tools, options).run(&performer).await)
}
