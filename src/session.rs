//! One stack, connected: what every command that touches the world goes through.
//!
//! open -> plan -> (approve) -> apply. Nothing here words anything; nothing here decides anything that a room below decides.

mod adopt;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use tokio::sync::{mpsc, watch};

use crate::apply::{Halt, LONGEST_CALL, Options, Tools, apply};
use crate::kinds::AnyLive;
use crate::model::Address;
use crate::model::census::Applied;
use crate::model::marks;
use crate::model::plan::{Made, Plan, Scope, Verb};
use crate::model::report::{Event, Report, Stop};
use crate::observe::{Observed, observe};
use crate::plan::order::Circle;
use crate::plan::{Conflict, Input, Wished, fingerprint, plan};
use crate::planes::aws::Estate;
use crate::planes::aws::connect::{self, Connection};
use crate::planes::{self, Planes};
use crate::record::{
    Clock, History, Loaded, Location, Owner, Record, RecordError, RunEnd, RunStart, SavedPlan, Tally, read_plan, seal_plan,
};

/// Which stack, as far as a session must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Its region.
    pub region: String,
    /// The only account that may be touched, when the YAML names one.
    pub account: Option<String>,
    /// Where its record is.
    pub record: Location,
}

/// What went wrong before or around a plan or an apply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS could not be reached, or refused.
    #[error(transparent)]
    Plane(#[from] planes::Error),
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Two live objects with one address.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The steps run in a circle.
    #[error(transparent)]
    Circle(#[from] Circle),
    /// The world moved since the plan was made.
    #[error("the plan is stale, nothing was touched: {}", .0.join("; "))]
    Stale(Vec<String>),
    /// The object cannot be taken over.
    #[error("{0}")]
    NotAdopted(String),
    /// Something could not be read, so it is not known whether a saved plan still holds.
    #[error("could not read everything, so it is not known whether the plan still holds: {0}")]
    Unreadable(String),
}

/// An open stack.
#[derive(Debug)]
pub struct Session {
    /// Which.
    pub stack: Stack,
    /// AWS, reached.
    pub connection: Connection,
    planes: Planes,
    clock: Clock,
}

/// Who applies what, for the journal.
#[derive(Debug, Clone)]
pub struct Command {
    /// The command line.
    pub line: String,
    /// The commit of the YAML.
    pub commit: Option<String>,
    /// It applies a saved plan, which is done once.
    pub once: bool,
}

/// What came of an apply.
#[derive(Debug)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// The run's name in the journal.
    pub run: String,
    /// What the record has to say.
    pub warnings: Vec<String>,
    /// What the command ends with, and what the journal says it did.
    pub exit_code: u8,
}

impl Session {
    /// Connects. Writes nothing.
    ///
    /// # Errors
    /// When AWS cannot be reached, or the account is another one.
    pub async fn open(stack: Stack, options: connect::Options) -> Result<Self, Error> {
        let options = connect::Options {
            stack: stack.name.clone(),
            domain: stack.domain.clone(),
            region: stack.region.clone(),
            account: stack.account.clone(),
            ..options
        };
        let connection = connect::connect(options).await?;
        let planes = Planes { aws: connection.aws.clone() };
        Ok(Self { stack, connection, planes, clock: Clock::system() })
    }

    /// The planes of this session.
    #[must_use]
    pub fn planes(&self) -> &Planes {
        &self.planes
    }

    fn estate(&self) -> &Estate {
        &self.connection.aws.estate
    }

    /// The stack's record, as it is: a record that does not exist reads as empty, and nothing is made.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::open(&self.stack.record, &self.connection.aws)
    }

    /// Reads the world and plans. `commit` is the YAML's.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn plan(
        &self,
        wishes: &BTreeMap<Address, Wished>,
        scope: Scope,
        destroy: bool,
        commit: Option<String>,
    ) -> Result<(Plan, Loaded), Error> {
        let record = self.record();
        let observed = observe(&self.planes, &scope.planes).await;
        // The history only says why something differs: where nothing does, it is not asked for.
        let without = Loaded { history: History::default(), warnings: Vec::new() };
        let plan = self.plan_from(wishes, &observed, &without, scope.clone(), destroy, commit.clone())?;
        if plan.is_empty() && plan.waiting.is_empty() && plan.refusals.is_empty() {
            return Ok((plan, without));
        }
        let loaded = record.history().await?;
        let plan = self.plan_from(wishes, &observed, &loaded, scope, destroy, commit)?;
        Ok((plan, loaded))
    }

    /// Plans from what was read already.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn plan_from(
        &self,
        wishes: &BTreeMap<Address, Wished>,
        observed: &Observed,
        loaded: &Loaded,
        scope: Scope,
        destroy: bool,
        commit: Option<String>,
    ) -> Result<Plan, Error> {
        let estate = self.estate();
        let history = loaded.history.applied.iter().map(|(address, mark)| (address.clone(), marks::Applied::parse(mark))).collect();
        let made = loaded.history.made.iter().map(|(address, one)| ((one.kind.clone(), one.id.clone()), address.clone())).collect();
        let input = Input {
            stack: &estate.stack,
            account: &estate.account,
            region: &estate.region,
            domain: &estate.domain,
            record: match &self.stack.record {
                Location::S3 => None,
                Location::Local(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()),
            },
            wishes,
            observed,
            history: &history,
            made: &made,
            scope,
            destroy,
        };
        let mut plan = plan(&input)?;
        crate::plan::order::steps(&plan)?;
        let sealed = seal(&plan)?;
        plan.digest = sealed.digest;
        plan.made = Made { by: self.connection.caller.clone(), at: self.clock.now().to_string(), commit };
        Ok(plan)
    }

    /// Whether the world is still as `plan` saw it.
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not, [`Error::Unreadable`] when that cannot be said.
    pub async fn check(&self, plan: &Plan) -> Result<(), Error> {
        let observed = observe(&self.planes, &plan.scope.planes).await;
        let before: BTreeSet<&str> = plan.unreadable.iter().map(|one| one.kind.as_str()).collect();
        if let Some(one) = observed.unreadable.iter().find(|one| !before.contains(one.kind.as_str())) {
            return Err(Error::Unreadable(format!("{}: {}", one.kind, one.error)));
        }
        let moved = moved(plan, &observed);
        if moved.is_empty() { Ok(()) } else { Err(Error::Stale(moved)) }
    }

    /// Applies `plan` under `record`'s lease, which must be held.
    ///
    /// # Errors
    /// When the journal cannot be begun, or the steps run in a circle; nothing was done then.
    pub async fn apply(
        &self,
        plan: &Plan,
        held: &Held,
        command: &Command,
        parallelism: usize,
        events: mpsc::UnboundedSender<Event>,
        halt: watch::Receiver<Halt>,
    ) -> Result<Outcome, Error> {
        let loaded = held.record.history().await?;
        let pending =
            loaded.history.pending.iter().filter_map(|(address, attempt)| Some((address.clone(), attempt.token.clone()?))).collect();
        let start = RunStart {
            plan: plan.digest.clone(),
            who: self.connection.caller.clone(),
            commit: command.commit.clone(),
            command: command.line.clone(),
        };
        let journal = held.record.begin(loaded.history, start).await?;
        if command.once {
            held.record.mark_plan_applied(&plan.digest, journal.run()).await?;
        }
        let options = Options { parallelism, pending, ..Options::default() };
        // What is sent under the lease asks for it before each attempt; the record itself, which renews it, does not.
        let planes = Planes { aws: self.connection.gated(held.lease.gate(LONGEST_CALL)) };
        let tools = Tools { planes: &planes, journal: &journal, lease: &held.lease, events, halt };
        let report = apply(plan, tools, &options).await?;
        let tally = tally(Applied::of(plan, &report));
        let interrupted = report.stopped == Some(Stop::Interrupted);
        let exit_code = exit_code(plan, &report);
        let warnings = match journal.finish(RunEnd { exit_code: i32::from(exit_code), interrupted, tally }).await {
            Ok(warnings) => warnings,
            Err(error) => vec![error.to_string()],
        };
        Ok(Outcome { exit_code, report, run: journal.run().to_owned(), warnings: loaded.warnings.into_iter().chain(warnings).collect() })
    }

    /// Takes the lease, making the record where it does not exist.
    ///
    /// # Errors
    /// [`RecordError::Held`] when someone else has it.
    pub async fn hold(&self, command: &str) -> Result<Held, Error> {
        let record = Record::prepare(&self.stack.record, &self.connection.aws).await?;
        let owner = Owner { who: self.connection.caller.clone(), command: command.to_owned() };
        let lease = record.acquire(&owner).await?;
        Ok(Held { record, lease })
    }
}

/// The record, with its lease held.
#[derive(Debug)]
pub struct Held {
    /// The record.
    pub record: Record,
    /// The lease.
    pub lease: crate::record::Lease,
}

impl Held {
    /// Gives the lease back.
    ///
    /// # Errors
    /// When that cannot be written: it expires by itself then.
    pub async fn release(self) -> Result<(), Error> {
        Ok(self.lease.release().await?)
    }
}

/// What an apply ends with: 130 interrupted; 6 when something failed, could not be read or had to wait by itself; 5 when all that was not
/// done was refused (what waits then waits for that); else 0.
fn exit_code(plan: &Plan, report: &Report) -> u8 {
    if report.stopped == Some(Stop::Interrupted) {
        130
    } else if !report.is_whole() || !plan.unreadable.is_empty() {
        6
    } else if !plan.refusals.is_empty() {
        5
    } else if !plan.waiting.is_empty() {
        6
    } else {
        0
    }
}

fn tally(applied: Applied) -> Tally {
    let Applied { done, failed, in_flight, begun, not_begun, .. } = applied;
    Tally { done: done as u64, failed: failed as u64, skipped: (begun + not_begun) as u64, unknown: in_flight as u64 }
}

/// The plan as the document that is printed, saved and digested.
///
/// # Errors
/// When it has no canonical form.
pub fn seal(plan: &Plan) -> Result<SavedPlan, Error> {
    let value = serde_json::to_value(plan).map_err(|error| RecordError::NotCanonical { why: error.to_string() })?;
    Ok(seal_plan(value)?)
}

/// Reads a saved plan back, whole and unaltered.
///
/// # Errors
/// When it is no plan that reeve wrote, or one of a later version.
pub fn read_saved(path: &Path) -> Result<Plan, Error> {
    let saved = read_plan(path)?;
    serde_json::from_value(saved.plan).map_err(|error| Error::Record(RecordError::Plan { path: path.to_owned(), why: error.to_string() }))
}

/// What is no longer as `plan` saw it, one line each.
fn moved(plan: &Plan, observed: &Observed) -> Vec<String> {
    let live: BTreeMap<(&str, &str), &AnyLive> = observed.live.iter().map(|one| ((one.kind, one.id.as_str()), one)).collect();
    let mut moved = Vec::new();
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (address, seen) in
        plan.seen.iter().filter(|(address, _)| !address.is_lookup()).chain(plan.leftovers.iter().map(|l| (&l.address, &l.seen)))
    {
        known.insert((&seen.kind, &seen.id));
        match live.get(&(seen.kind.as_str(), seen.id.as_str())) {
            None => moved.push(format!("{address} ({}) is gone", seen.id)),
            Some(one) if fingerprint(one) != seen.fingerprint => moved.push(format!("{address} ({}) has changed", seen.id)),
            Some(_) => {}
        }
    }
    let made: BTreeSet<&Address> = plan.actions.iter().filter(|a| a.action == Verb::Create).map(|a| &a.address).collect();
    for one in observed.live.iter().filter(|one| !known.contains(&(one.kind, one.id.as_str()))) {
        if let Some(address) = one.marks.address.as_ref().filter(|address| made.contains(address)) {
            moved.push(format!("{address} is there by now ({})", one.id));
        }
    }
    moved
}

/// Parses addresses given on a command line.
///
/// # Errors
/// With the first text that is none.
pub fn addresses(texts: &[String]) -> Result<BTreeSet<Address>, crate::model::address::BadAddress> {
    texts.iter().map(|text| Address::from_str(text)).collect()
}
