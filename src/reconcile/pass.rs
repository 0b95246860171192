//! One pass: plan, decide, apply what may be done now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::awaited::Awaited;
use super::decide::Decision;
use super::kept::{self, Kept};
use super::quiet::{Print, Quiet};
use super::{Loaded, Status};
use crate::apply::{Halt, LONGEST_CALL, is_put_off};
use crate::desired::policy::judge;
use crate::model::Address;
use crate::model::census::Applied;
use crate::model::plan::{Plan, Scope, Verb};
use crate::model::report::{Event, Report};
use crate::record::{Lease, RecordError};
use crate::session::{self, Command, Session, Walk};

/// Narrowing a plan may show more that has to be left out; each round leaves out one more at least, and one round is the rule.
const ROUNDS: usize = 16;

/// So long an apply may do nothing but wait: most things are ready within it, and what is not holds up neither the rest of the estate nor those who want the lease.
const WAITS: Duration = Duration::from_secs(10);
/// The same while something is awaited already.
const GLANCE: Duration = Duration::from_secs(1);

/// How often it is looked whether this instance still leads, while something is applied.
const LOOK: Duration = Duration::from_millis(250);

/// What a pass works on.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub session: &'a Session,
    pub lead: &'a Lease,
    pub loaded: &'a Arc<Loaded>,
    pub planes: &'a BTreeSet<String>,
    pub resting: &'a BTreeSet<Address>,
    /// It is the first of this leader.
    pub first: bool,
    /// The command line, for lease and journal.
    pub line: &'a str,
    pub parallelism: usize,
    /// What the last pass saw, when nothing was to be done about it.
    pub quiet: Option<Quiet>,
    /// What an earlier pass began and is not ready yet.
    pub awaited: &'a Awaited,
    /// Who asks how the loop is.
    pub status: &'a Status,
    pub halt: watch::Receiver<Halt>,
}

/// What came of a pass.
#[derive(Debug)]
pub(super) struct Passed {
    /// In a word.
    pub end: End,
    /// The whole plan, when it came to that.
    pub plan: Option<Plan>,
    /// What of it was left out.
    pub decision: Decision,
    /// Who is served on because their end is held.
    pub kept: Kept,
    /// Of what was seen.
    pub print: Option<Print>,
    /// What was done.
    pub report: Option<Report>,
}

/// What a pass has planned.
struct Planned {
    /// The whole plan.
    plan: Plan,
    /// What of it may be done now, where that is not all.
    part: Option<Plan>,
    decision: Decision,
    kept: Kept,
    print: Print,
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// There was nothing that may be done now.
    Quiet,
    /// All that may be done now was done, but for what waits until something is ready.
    Applied,
    /// Some of it.
    Partial,
    /// A policy refuses the plan.
    Refused(String),
    /// Somebody else applies, who.
    PutOff(String),
    /// The world moved between plan and apply.
    Moved,
    /// It was asked to stop, or does not lead any more.
    Stopped,
    /// It could not be planned.
    Failed(String),
}

impl Passed {
    pub(super) fn of(end: End) -> Self {
        Self { end, plan: None, decision: Decision::default(), kept: Kept::default(), print: None, report: None }
    }

    /// Whether most of what there is could not be read: then this pass says nothing about anything.
    pub(super) fn is_blind(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.unreadable.len() * 2 > crate::kinds::rows().count())
    }

    /// Whether there is something to do about it, but for what is left as it is for whoever is served on.
    pub(super) fn is_to_do(&self, address: &Address) -> bool {
        let changes = |plan: &Plan| plan.changes().any(|action| action.address == *address);
        self.plan.as_ref().is_some_and(changes) && !self.kept.texts.contains(address)
    }

    /// Why it was none that went well.
    pub(super) fn wrong(&self) -> Option<String> {
        match (&self.end, &self.report) {
            (End::Failed(why) | End::Refused(why), _) => Some(why.clone()),
            _ if self.is_blind() => self.plan.as_ref().map(|plan| {
                let first = plan.unreadable.first().map_or("", |one| one.error.as_str());
                format!("{} kinds could not be read, the first because of this: {first}", plan.unreadable.len())
            }),
            (End::Partial, Some(report)) => Some(format!("{} failed, {} were not begun", report.failed.len(), report.skipped.len())),
            _ => None,
        }
    }

    /// Whether nothing was left to do but what is held or rests: what is held then is what waits for a person.
    pub(super) fn is_settled(&self) -> bool {
        self.end == End::Quiet && !self.is_blind()
    }
}

impl Pass<'_> {
    /// Plans, decides and applies.
    pub(super) async fn run(mut self) -> Passed {
        let mut halt = self.halt.clone();
        let planned = tokio::select! {
            biased;
            _ = halt.wait_for(|halt| *halt != Halt::No) => return Passed::of(End::Stopped),
            planned = self.planned() => planned,
        };
        match planned {
            Ok(Planned { plan, part, decision, kept, print }) => {
                let part = part.as_ref().unwrap_or(&plan);
                // Before anything is applied: a tenant that sleeps is to be woken all the time.
                if let Some(routes) = &kept.routes {
                    self.status.keeps(routes);
                }
                let (end, report) = match self.forbidden(&plan, part) {
                    Some(why) => (End::Refused(why), None),
                    None if part.is_empty() => {
                        self.close(&plan).await;
                        (End::Quiet, None)
                    }
                    None if is_put_off(part, &self.awaited.starting()) => (End::Applied, None),
                    None => self.apply(part).await,
                };
                Passed { end, plan: Some(plan), decision, kept, print: Some(print), report }
            }
            Err(error) => Passed::of(End::Failed(error.to_string())),
        }
    }

    /// The whole plan, the part of it that may be done now, and what was left out.
    async fn planned(&mut self) -> Result<Planned, session::Error> {
        let scope = Scope { planes: self.planes.clone(), ..Scope::default() };
        let wishes = &self.loaded.wishes;
        let observed = self.session.seen(wishes, &scope).await;
        let print = Print::of(&observed);
        if let Some(Quiet { plan, kept, .. }) = self.quiet.take().filter(|quiet| quiet.is_of(self.loaded, &print)) {
            return Ok(Planned { plan, part: None, decision: Decision::default(), kept, print });
        }
        let planned = self.session.planned_on(observed, wishes, scope, false, self.loaded.commit.clone()).await?;
        let rules = &self.loaded.desired.stack.spec.reconcile;
        let mut decision = Decision::of(&planned.plan, rules, self.resting);
        let tenants = &self.loaded.desired.tenants;
        let served = kept::tenants(&planned.plan, &decision, |name| tenants.iter().any(|tenant| tenant.name == name));
        let (wishes, texts) = kept::wishes(wishes, &planned.plan, &served);
        let mut kept = Kept { routes: kept::routes(&planned.plan, &served), texts };
        let mut part = match served.is_empty() {
            true => None,
            false => Some(self.session.without(&planned, &wishes, decision.left_out())?),
        };
        for _ in 0..ROUNDS {
            let now = part.as_ref().unwrap_or(&planned.plan);
            let more = Decision::of(now, rules, self.resting);
            if more.is_all() {
                // Those of which nothing else is left to do.
                let is_same = |text: &Address| now.actions.iter().any(|action| action.address == *text && action.action == Verb::NoOp);
                kept.texts.retain(|text| is_same(text) && !decision.left_out().any(|left| left == text));
                return Ok(Planned { plan: planned.plan, part, decision, kept, print });
            }
            decision.join(more);
            part = Some(self.session.without(&planned, &wishes, decision.left_out())?);
        }
        // What cannot be told apart is not done.
        kept.texts.clear();
        let nothing = Plan { actions: Vec::new(), leftovers: Vec::new(), ..part.unwrap_or_else(|| planned.plan.clone()) };
        Ok(Planned { plan: planned.plan, part: Some(nothing), decision, kept, print })
    }

    /// The words of the policies that one of the plans breaks.
    fn forbidden(&self, plan: &Plan, part: &Plan) -> Option<String> {
        [plan, part].into_iter().find_map(|plan| match judge(&self.loaded.desired.policies, plan) {
            Err(problems) => Some(problems.to_string().trim_end().to_owned()),
            Ok(refusals) if refusals.is_empty() => None,
            Ok(refusals) => Some(refusals.iter().map(|one| format!("{}: {}", one.address, one.reason)).collect::<Vec<_>>().join("; ")),
        })
    }

    /// Closes in the journal what a leader that was killed left open, where there is nothing to apply that would do so.
    async fn close(&self, plan: &Plan) {
        // Somebody else who applies does so himself.
        let Ok(held) = (if self.first { self.session.hold(self.line).await } else { return }) else { return };
        let command = Command { line: self.line.to_owned(), commit: plan.made.commit.clone(), once: false };
        let closed = self.session.close_what_is_open(plan, &held, &command).await;
        for error in [closed, held.release().await].into_iter().filter_map(Result::err) {
            warn!(plan = plan.digest, "what an earlier run left open is not closed: {error}");
        }
    }

    /// Takes the stack's lease, sees that the world is still as it was planned, and applies.
    async fn apply(&mut self, part: &Plan) -> (End, Option<Report>) {
        if !self.lead.covers(LONGEST_CALL) {
            return (End::Stopped, None);
        }
        let held = match self.session.hold(self.line).await {
            Ok(held) => held,
            Err(session::Error::Record(RecordError::Held(holder))) => return (End::PutOff(holder.describe()), None),
            Err(error) => return (End::Failed(error.to_string()), None),
        };
        let outcome = self.under(part, &held).await;
        if let Err(error) = held.release().await {
            warn!(plan = part.digest, "the stack's lock was not given back, it ends by itself in little more than a minute: {error}");
        }
        outcome
    }

    async fn under(&mut self, part: &Plan, held: &session::Held) -> (End, Option<Report>) {
        let mut halt = self.halt.clone();
        let checked = tokio::select! {
            biased;
            _ = halt.wait_for(|halt| *halt != Halt::No) => return (End::Stopped, None),
            checked = self.session.check(part) => checked,
        };
        match checked {
            Ok(()) => {}
            Err(session::Error::Stale(_)) => return (End::Moved, None),
            Err(error) => return (End::Failed(error.to_string()), None),
        }
        info!(plan = part.digest, commit = part.made.commit, "applying {} changes", part.changes().count() + part.leftovers.len());
        let command = Command { line: self.line.to_owned(), commit: part.made.commit.clone(), once: false };
        let (events, heard) = mpsc::unbounded_channel();
        let (halt_in, halted) = watch::channel(Halt::No);
        let work = self.session.apply(
            part,
            held,
            &command,
            Walk {
                parallelism: self.parallelism,
                waits: Some(if self.awaited.is_empty() { WAITS } else { GLANCE }),
                starting: self.awaited.starting(),
                events,
                halt: halted,
            },
        );
        let (applied, (), ()) = tokio::join!(
            async {
                let applied = work.await;
                // Ends who listens for a reason to stop.
                halt_in.send_replace(Halt::Now);
                applied
            },
            tell(heard, &part.digest),
            self.stopping(&halt_in),
        );
        match applied {
            Err(error) => (End::Failed(error.to_string()), None),
            Ok(outcome) => {
                let (run, report) = (outcome.run, outcome.report);
                outcome.warnings.iter().for_each(|warning| warn!(plan = part.digest, run, "{warning}"));
                let left: Vec<&str> = report.unknown.iter().map(Address::as_str).collect();
                if !left.is_empty() {
                    warn!(
                        plan = part.digest,
                        run,
                        "it was told to end at once; these were in flight and may have taken effect: {}",
                        left.join(", ")
                    );
                }
                let Applied { done, failed, begun, not_begun: skipped, .. } = Applied::of(part, &report);
                let begun = if begun > 0 { format!(", {begun} were begun and are not finished") } else { String::new() };
                let waits = if report.only_waits() { ": what they need is not ready yet, or others start first" } else { "" };
                info!(
                    plan = part.digest,
                    run, done, failed, skipped, "applied {done}, {failed} failed{begun}, {skipped} were not begun{waits}"
                );
                let names: Vec<&str> = self.awaited.new_of(&report.awaited).map(|one| one.address.as_str()).collect();
                if !names.is_empty() {
                    info!(plan = part.digest, run, "not ready yet, and looked after from now on: {}", names.join(", "));
                }
                (if report.is_whole() || report.only_waits() { End::Applied } else { End::Partial }, Some(report))
            }
        }
    }

    /// Tells the apply to stop when somebody asks for it, or when another instance leads; ends with the apply.
    async fn stopping(&self, halt_in: &watch::Sender<Halt>) {
        let (mut halt, mut asked) = (self.halt.clone(), halt_in.subscribe());
        loop {
            let wanted = (*halt.borrow_and_update()).max(if self.lead.check().is_err() { Halt::Soon } else { Halt::No });
            halt_in.send_if_modified(|now| {
                *now < wanted && {
                    *now = wanted;
                    true
                }
            });
            if *asked.borrow_and_update() == Halt::Now {
                return;
            }
            tokio::select! {
                _ = halt.changed() => {}
                _ = asked.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// Writes down what an apply does.
async fn tell(mut events: mpsc::UnboundedReceiver<Event>, plan: &str) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Done { address, what, id } => info!(plan, address = address.as_str(), id, "{address}: {what:?} done"),
            Event::Failed { address, what, error } => warn!(plan, address = address.as_str(), "{address}: {what:?} failed: {error}"),
            Event::Stopping { reason, in_flight } => {
                let names: Vec<&str> = in_flight.iter().map(Address::as_str).collect();
                warn!(plan, "stopping: {reason}; finishing {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") });
            }
            Event::Began { .. } | Event::Started { .. } | Event::Waiting { .. } => {}
        }
    }
}
