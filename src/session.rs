//! One stack, connected: what every command that touches the world goes through.
//!
//! open -> plan -> (approve) -> apply. Nothing here decides anything that a room below decides. What a saved plan is, and when it no longer
//! holds, stands in `saved.rs`; what a run that never ended left open, in `left_open.rs`.

mod adopt;
mod drill;
mod lead;
mod left_open;
mod password;
mod planned;
mod rotate;
mod routes;
mod routing;
mod saved;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use crate::apply::{Halt, LONGEST_CALL, Options, Tools, apply};
use crate::model::census::Applied;
use crate::model::marks;
use crate::model::plan::{Made, Plan, Scope};
use crate::model::report::{Event, Report, Stop};
use crate::model::{Access, Address, Starts};
use crate::observe::{Observed, observe};
use crate::plan::order::{Disorder, steps};
use crate::plan::{Conflict, Input, Wished, plan, references};
use crate::planes::aws::Estate;
use crate::planes::aws::connect::{self, Connection};
use crate::planes::aws::gate::Gate;
use crate::planes::{self, Facts, Planes};
use crate::record::{Clock, History, Journal, Loaded, Location, Lock, Owner, Record, RecordError, RunEnd, RunStart, Tally};
use crate::trace;
pub use drill::Drilled;
use left_open::LeftOpen;
pub use password::Password;
pub use planned::Planned;
pub use saved::{read_saved, seal, stale};

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
    /// The way to the inner planes, where they are not local.
    pub access: Access,
    /// How fast containers are started.
    pub starts: Starts,
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
    /// The plan cannot be put into steps.
    #[error(transparent)]
    Disorder(#[from] Disorder),
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
    /// What each change asks beside the lease.
    gate: Option<Gate>,
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

/// How a plan's steps are walked, and who hears of them.
#[derive(Debug)]
pub struct Walk {
    /// Steps at a time.
    pub parallelism: usize,
    /// How long it may do nothing but wait for what becomes ready; `None`: as long as that takes.
    pub waits: Option<Duration>,
    /// What an earlier walk started, and since when.
    pub starting: BTreeMap<Address, Instant>,
    /// Who is told of each.
    pub events: mpsc::UnboundedSender<Event>,
    /// Who may end it.
    pub halt: watch::Receiver<Halt>,
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
        let facts = Facts::read(options.host.as_deref())?;
        let connection = connect::connect(options).await?;
        let planes = Planes::new(connection.aws.clone(), &stack.access, facts.as_ref(), &connection.stats);
        let planes = routes::informed(planes);
        Ok(Self { stack, connection, planes, clock: Clock::system(), gate: None })
    }

    /// The planes of this session.
    #[must_use]
    pub fn planes(&self) -> &Planes {
        &self.planes
    }

    /// From now on each change asks `gate` too, beside the lease that it is made under.
    pub fn ask_also(&mut self, gate: Option<Gate>) {
        self.gate = gate;
    }

    /// The planes, each change asking first whether `held` covers it.
    fn gated(&self, held: &Held) -> Planes {
        let lease = held.lease.gate(LONGEST_CALL);
        let gate = match self.gate.clone() {
            Some(gate) => lease.and(gate),
            None => lease,
        };
        self.planes.gated(self.connection.gated(gate.clone()), &gate)
    }

    /// Reads what is ours on `planes` (empty: all), and of the others the kinds in `also`.
    async fn look(&self, planes: &BTreeSet<String>, also: &BTreeSet<&str>) -> Observed {
        let span = trace::observe();
        let observed = observe(&self.planes, planes, also).instrument(span.clone()).await;
        if !observed.unreadable.is_empty() {
            let kinds: Vec<&str> = observed.unreadable.iter().map(|one| one.kind.as_str()).collect();
            trace::failed(&span, "unreadable", format!("could not be read: {}", kinds.join(", ")));
        }
        observed
    }

    fn estate(&self) -> &Estate {
        &self.connection.aws.estate
    }

    /// The stack's record, as it is: a record that does not exist reads as empty, and nothing is made.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::open(&self.stack.record, &self.connection.aws)
    }

    /// A plan from what was read already, without its digest.
    fn draft(
        &self,
        wishes: &BTreeMap<Address, Wished>,
        observed: &Observed,
        loaded: &Loaded,
        scope: Scope,
        destroy: bool,
    ) -> Result<Plan, Conflict> {
        let estate = self.estate();
        let history = loaded.history.applied.iter().map(|(address, mark)| (address.clone(), marks::Applied::parse(mark))).collect();
        let (made, before) = (loaded.history.made_for(), loaded.history.made_before());
        let input = Input {
            stack: &estate.stack,
            account: &estate.account,
            region: &estate.region,
            domain: &estate.domain,
            record: match &self.stack.record {
                Location::S3 => None,
                Location::Local(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string()),
            },
            access: self.stack.access.clone(),
            starts: self.stack.starts,
            wishes,
            observed,
            history: &history,
            made: &made,
            before: &before,
            scope,
            destroy,
        };
        plan(&input)
    }

    /// The plan with its digest, made by whoever calls, now; one without steps is an error.
    fn sealed(&self, mut plan: Plan, commit: Option<String>) -> Result<Plan, Error> {
        steps(&plan)?;
        plan.digest = seal(&plan)?.digest;
        plan.made = Made { by: self.connection.caller.clone(), at: self.clock.now().to_string(), commit };
        Ok(plan)
    }

    /// Whether `plan` can be put into steps, and the world still is as it saw it.
    ///
    /// # Errors
    /// [`Error::Disorder`], [`Error::Stale`], [`Error::Unreadable`] when it cannot be said whether it is stale.
    pub async fn check(&self, plan: &Plan) -> Result<(), Error> {
        steps(plan)?;
        let also = plan.seen.values().map(|seen| seen.kind.as_str()).collect();
        let observed = self.look(&plan.scope.planes, &also).await;
        let before: BTreeSet<&str> = plan.unreadable.iter().map(|one| one.kind.as_str()).collect();
        if let Some(one) = observed.unreadable.iter().find(|one| !before.contains(one.kind.as_str())) {
            return Err(Error::Unreadable(format!("{}: {}", one.kind, one.error)));
        }
        let stale = stale(plan, &observed);
        if stale.is_empty() { Ok(()) } else { Err(Error::Stale(stale)) }
    }

    /// Applies `plan` under `record`'s lease, which must be held.
    ///
    /// # Errors
    /// When the journal cannot be begun, or the steps run in a circle; nothing was done then.
    pub async fn apply(&self, plan: &Plan, held: &Held, command: &Command, walk: Walk) -> Result<Outcome, Error> {
        let span = trace::apply(&plan.digest);
        let outcome = self.applied(plan, held, command, walk).instrument(span.clone()).await;
        match &outcome {
            Ok(outcome) => {
                let report = &outcome.report;
                trace::set(&span, "reeve.run", outcome.run.clone());
                if !(report.is_whole() || report.only_waits()) {
                    let (failed, skipped, unknown) = (report.failed.len(), report.skipped.len(), report.unknown.len());
                    trace::failed(
                        &span,
                        "partial",
                        format!("{failed} failed, {skipped} were not begun, {unknown} were in flight at the end"),
                    );
                }
            }
            Err(error) => trace::failed(&span, "not begun", error),
        }
        outcome
    }

    async fn applied(&self, plan: &Plan, held: &Held, command: &Command, walk: Walk) -> Result<Outcome, Error> {
        let loaded = held.record.history().await?;
        let open = LeftOpen::of(&loaded.history, plan);
        let journal = self.begin(held, loaded.history, &plan.digest, command).await?;
        if command.once {
            held.record.mark_plan_applied(&plan.digest, journal.run()).await?;
        }
        if !open.closed.is_empty() {
            journal.append(open.closed).await?;
        }
        let Walk { parallelism, waits, starting, events, halt } = walk;
        let options = Options { parallelism, waits, starting, pending: open.tokens, ..Options::default() };
        // What is sent under the lease asks for it before each attempt; the record itself, which renews it, does not.
        let planes = self.gated(held);
        let tools = Tools { planes: &planes, journal: &journal, lease: &held.lease, events, halt };
        let mut report = tokio::select! {
            report = apply(plan, tools, &options) => report?,
            never = routes::keep_following(&planes) => match never {},
        };
        // Whoever planned just now was told them by the plan.
        let mut warnings = if command.once { loaded.warnings } else { Vec::new() };
        if command.once
            && report.done == 0
            && report.unknown.is_empty()
            && let Err(error) = held.record.was_in_vain(&plan.digest, journal.run()).await
        {
            warnings.push(format!("nothing came of this plan, and it counts as applied all the same: {error}"));
        }
        let tally = tally(Applied::of(plan, &report));
        let interrupted = report.stopped == Some(Stop::Interrupted);
        let mut exit_code = exit_code(plan, &report);
        // Also where nothing of the plan concerns it: a container that was restarted answers elsewhere.
        if let Err(error) = self.follow().await {
            warnings.push(format!("the routes of this host do not follow the containers yet: {error}"));
        }
        let waits = report.only_waits();
        match journal.finish(RunEnd { exit_code: i32::from(exit_code), interrupted, waits, tally }).await {
            Ok(more) => warnings.extend(more),
            // What was done is not all written down: that is no success, also when every step was.
            Err(error) => {
                warnings.push(error.to_string());
                report.stopped = report.stopped.filter(|why| *why != Stop::Waits).or(Some(Stop::Journal));
                exit_code = self::exit_code(plan, &report);
            }
        }
        Ok(Outcome { exit_code, report, run: journal.run().to_owned(), warnings })
    }

    /// Closes in the journal what runs that never ended left open and `plan` has found. An apply does so by itself; this is for a plan that
    /// has nothing to apply.
    ///
    /// # Errors
    /// When the record cannot be read or written.
    pub async fn close_what_is_open(&self, plan: &Plan, held: &Held, command: &Command) -> Result<(), Error> {
        let loaded = held.record.history().await?;
        let open = LeftOpen::of(&loaded.history, plan);
        if open.closed.is_empty() {
            return Ok(());
        }
        let journal = self.begin(held, loaded.history, &plan.digest, command).await?;
        journal.append(open.closed).await?;
        journal.finish(RunEnd::default()).await?;
        Ok(())
    }

    /// Begins a run in the journal.
    async fn begin(&self, held: &Held, history: History, plan: &str, command: &Command) -> Result<Journal, Error> {
        let start = RunStart {
            plan: plan.to_owned(),
            who: self.connection.caller.clone(),
            commit: command.commit.clone(),
            command: command.line.clone(),
        };
        Ok(held.record.begin(history, start).await?)
    }

    /// Takes the lease, making the record where it does not exist.
    ///
    /// # Errors
    /// [`RecordError::Held`] when someone else has it.
    pub async fn hold(&self, command: &str) -> Result<Held, Error> {
        self.hold_on(Lock::Stack, command).await
    }

    async fn hold_on(&self, lock: Lock, command: &str) -> Result<Held, Error> {
        let record = self.prepared(lock).await?;
        let lease = record.acquire(&self.owner(command)).await?;
        Ok(Held { record, lease })
    }

    /// The stack's record for leases on `lock`, made where it does not exist.
    ///
    /// # Errors
    /// What the record answered.
    pub async fn prepared(&self, lock: Lock) -> Result<Record, Error> {
        Ok(Record::prepare(&self.stack.record, &self.connection.aws).await?.with_lock(lock))
    }

    /// Who takes a lease here, to do what.
    #[must_use]
    pub fn owner(&self, command: &str) -> Owner {
        Owner { who: self.connection.caller.clone(), command: command.to_owned() }
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

/// The kinds of what wishes on these planes name.
fn named_on<'w>(wishes: &'w BTreeMap<Address, Wished>, planes: &BTreeSet<String>) -> BTreeSet<&'w str> {
    let mut kinds = BTreeSet::new();
    for wish in wishes.values().filter(|wish| planes.contains(wish.kind.plane())) {
        references(wish.kind.info(), &wish.spec, |_, hole| kinds.extend(wishes.get(&hole.address).map(|target| target.kind.name)));
    }
    kinds
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
    Tally { done: done as u64, failed: failed as u64, skipped: (begun + not_begun) as u64, begun: begun as u64, unknown: in_flight as u64 }
}
