//! Who goes next: steps begin when what they need is done, and what came of each is written down before anything that needs it begins.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::Instrument;

use super::conclude::{class, left, moved, word};
use super::perform::{End, Performed, Performer};
use super::starts::{Starting, is_start};
use super::{Halt, LONGEST_CALL, Options, Tools};
use crate::model::Address;
use crate::model::plan::{Plan, Verb};
use crate::model::report::{Awaited, Do, Event, Failure, Report, Skipped, Stop};
use crate::plan::order::Step;
use crate::planes::{Class, Error};
use crate::record::{Attempt, Event as Entry, Outcome};
use crate::trace;

/// How often it is looked whether the lease was renewed, when too little of it is left.
const RENEWAL: Duration = Duration::from_millis(500);

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Running,
    Done,
    Failed,
    Skipped,
}

/// A step that may begin: a container that is made anew first, then that of the highest rank, of several the one that came first.
type Turn = (bool, usize, Reverse<usize>);

/// A walk under way.
pub(super) struct Walk<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) state: Vec<State>,
    /// Steps that run and are more than a wait for something to become ready.
    busy: usize,
    missing: Vec<usize>,
    users: Vec<Vec<usize>>,
    ready: BinaryHeap<Turn>,
    starting: Starting<Turn>,
    tools: Tools<'a>,
    plan: &'a Plan,
    pending: &'a BTreeMap<Address, String>,
    /// New address to the one before.
    moved: BTreeMap<Address, Address>,
    pub(super) report: Report,
}

type Running<'f> = BoxFuture<'f, (usize, Performed)>;

impl<'a> Walk<'a> {
    /// Nothing was begun yet.
    pub(super) fn new(steps: Vec<Step>, plan: &'a Plan, tools: Tools<'a>, options: &'a Options) -> Self {
        let mut users = vec![Vec::new(); steps.len()];
        for (at, step) in steps.iter().enumerate() {
            step.needs.iter().for_each(|need| users[*need].push(at));
        }
        let missing: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
        let first: Vec<usize> = (0..steps.len()).filter(|at| missing[*at] == 0).collect();
        let state = vec![State::Pending; steps.len()];
        let mut walk = Self {
            steps,
            state,
            busy: 0,
            missing,
            users,
            ready: BinaryHeap::new(),
            starting: Starting::new(plan.starts, options.starting.clone()),
            tools,
            plan,
            pending: &options.pending,
            moved: moved(plan),
            report: Report::default(),
        };
        walk.ready = first.into_iter().map(|at| walk.turn(at)).collect();
        walk
    }

    /// Walks to the end.
    pub(super) async fn run<'p: 'f, 'f>(mut self, performer: &'f Arc<Performer<'p>>) -> Report {
        let mut running: FuturesUnordered<Running<'f>> = FuturesUnordered::new();
        let mut halt = self.tools.halt.clone();
        let mut lost = self.tools.lease.lost();
        let mut waits_since = None;
        loop {
            self.fill(&mut running, performer);
            let only_waits = self.busy == performer.waiting.load(Relaxed) && self.ready.is_empty() && self.report.stopped.is_none();
            waits_since = only_waits.then(|| waits_since.unwrap_or_else(Instant::now));
            let enough = waits_since.zip(performer.options.waits).map(|(since, limit)| since + limit);
            let starved = running.is_empty() && self.report.stopped.is_none() && !self.ready.is_empty();
            if running.is_empty() && !starved {
                if self.starting.is_waited_for() {
                    // What an earlier walk started is not ready yet.
                    self.report.stopped.get_or_insert(Stop::Waits);
                }
                break;
            }
            let lapse = self.starting.next(std::time::Instant::now());
            tokio::select! {
                // Why everything stops comes before the steps that it ended: the last of them may end the walk.
                biased;
                Ok(()) = lost.changed() => self.stop_for(Stop::LeaseLost),
                Ok(()) = halt.changed() => {
                    let now = *halt.borrow_and_update();
                    self.stop_for(Stop::Interrupted);
                    if now == Halt::Now {
                        break;
                    }
                }
                Some((at, performed)) = running.next() => {
                    performer.slots.give();
                    self.settle(at, performed);
                }
                () = performer.slots.freed() => {}
                () = tokio::time::sleep_until(enough.unwrap_or_else(Instant::now)), if enough.is_some() => {
                    self.report.stopped.get_or_insert(Stop::Waits);
                    performer.enough.send_replace(true);
                }
                () = tokio::time::sleep_until(lapse.map_or_else(Instant::now, Instant::from_std)), if lapse.is_some() => {
                    let again = self.starting.lapse();
                    self.ready.extend(again);
                }
                // The lease is about to be renewed, or lost: either is known within moments.
                () = tokio::time::sleep(RENEWAL), if starved => {}
            }
        }
        self.conclude(performer)
    }

    /// Begins what can begin.
    fn fill<'p: 'f, 'f>(&mut self, running: &mut FuturesUnordered<Running<'f>>, performer: &'f Arc<Performer<'p>>) {
        while self.report.stopped.is_none() {
            if *self.tools.halt.borrow() != Halt::No {
                return self.stop_for(Stop::Interrupted);
            }
            if self.ready.is_empty() {
                return;
            }
            // A slow renewal is waited for; a lost lease is told by its own channel.
            if !self.tools.lease.covers(LONGEST_CALL) {
                return;
            }
            if !performer.slots.take() {
                return;
            }
            let Some(at) = self.next() else { return performer.slots.give() };
            self.state[at] = State::Running;
            self.busy += usize::from(self.steps[at].what != Do::Ready);
            let step = self.steps[at].clone();
            let attempt = self.pending.get(&step.address).cloned().unwrap_or_else(|| performer.run.clone());
            let durable = (step.what != Do::Ready).then(|| {
                let token = matches!(step.what, Do::Create).then(|| attempt.clone());
                self.tools.journal.attempt(Attempt {
                    address: step.address.clone(),
                    verb: step.action,
                    step: word(step.what).to_owned(),
                    token,
                })
            });
            let performer = Arc::clone(performer);
            let span = trace::change(&step.address, step.kind.name, word(step.what));
            let work = async move {
                if let Some(durable) = durable
                    && let Err(error) = durable.await
                {
                    return Performed::NotRecorded(error.to_string());
                }
                performer.perform(&step, &attempt).await
            };
            running.push(Box::pin(async move {
                let performed = work.instrument(span.clone()).await;
                performed.trace(&span);
                (at, performed)
            }));
        }
    }

    /// Whose turn it is; who would start one container too many is put off.
    fn next(&mut self) -> Option<usize> {
        loop {
            let turn = self.ready.pop()?;
            let Reverse(at) = turn.2;
            let step = &self.steps[at];
            if !self.is_start(step) || self.starting.take(&step.address, std::time::Instant::now()) {
                return Some(at);
            }
            self.starting.put_off(turn);
        }
    }

    fn is_start(&self, step: &Step) -> bool {
        is_start(self.plan, step)
    }

    /// What is mended or changed is somebody's who works with it, and comes before what is new.
    fn turn(&self, at: usize) -> Turn {
        let step = &self.steps[at];
        (step.what == Do::Update && self.is_start(step), step.rank, Reverse(at))
    }

    /// Takes in what came of a step.
    fn settle(&mut self, at: usize, performed: Performed) {
        let step = &self.steps[at];
        let (address, what) = (step.address.clone(), step.what);
        self.busy -= usize::from(what != Do::Ready);
        let is_over = if what == Do::Ready { true } else { self.is_start(step) && !matches!(performed, Performed::Done { .. }) };
        if is_over && !matches!(performed, Performed::Awaited { .. }) {
            let again = self.starting.over(&address);
            self.ready.extend(again);
        }
        match performed {
            Performed::Done { id, applied } => {
                self.state[at] = State::Done;
                self.report.done += 1;
                if what != Do::Ready {
                    let gone = what == Do::Delete && self.leaves_nothing(at);
                    self.record(at, Outcome::Ok { id: Some(id.clone()), applied, gone });
                    if gone || matches!(what, Do::Update | Do::Create) {
                        self.forget_old_address(&address);
                    }
                }
                let _ = self.tools.events.send(Event::Done { address, what, id });
                for user in self.users[at].clone() {
                    self.missing[user] -= 1;
                    if self.missing[user] == 0 && self.state[user] == State::Pending {
                        self.ready.push(self.turn(user));
                    }
                }
            }
            Performed::Going { id, end } => {
                // It was told to go and goes: no later plan sees it, so this is the last that is heard of it.
                self.record(at, Outcome::Ok { id: Some(id), applied: None, gone: self.leaves_nothing(at) });
                if step.leftover.is_none() {
                    self.report.begun.push(address);
                }
                match end {
                    End::Failed(error) => self.fail(at, error),
                    End::Stopped(why) => self.leave(at, why, true),
                }
            }
            Performed::Failed(error) => {
                if what != Do::Ready {
                    let unknown = error.class == Class::Ambiguous;
                    self.record(at, Outcome::Failed { class: class(error.class).to_owned(), message: error.to_string(), unknown });
                }
                self.fail(at, error);
            }
            Performed::Awaited { id } => {
                if what != Do::Ready {
                    let class = class(Class::InUse).to_owned();
                    self.record(at, Outcome::Failed { class, message: left(Stop::Waits, true).to_owned(), unknown: true });
                }
                self.state[at] = State::Skipped;
                let step = &self.steps[at];
                self.report.awaited.push(Awaited { address, kind: step.kind.name.to_owned(), id, done: what == Do::Ready });
            }
            Performed::Left { why, begun } => {
                if what != Do::Ready {
                    // Its attempt is in the journal already, so what came of it is too.
                    let class = if begun { "not awaited" } else { "not begun" }.to_owned();
                    self.record(at, Outcome::Failed { class, message: left(why, begun).to_owned(), unknown: begun });
                }
                self.leave(at, why, begun);
            }
            Performed::NotRecorded(why) => {
                self.state[at] = State::Skipped;
                self.report.skipped.push(Skipped { address, what, because: format!("the journal could not be written: {why}") });
                self.skip_users(at, "the journal could not be written");
                self.stop(Stop::Journal, &why);
            }
        }
    }

    fn fail(&mut self, at: usize, error: Error) {
        self.state[at] = State::Failed;
        let (address, what) = (self.steps[at].address.clone(), self.steps[at].what);
        let text = error.to_string();
        let _ = self.tools.events.send(Event::Failed { address: address.clone(), what, error: text.clone() });
        let namesake = error.namesake.map(|one| *one);
        let because = format!("{address} failed");
        self.report.failed.push(Failure { address, what, class: class(error.class).to_owned(), error: text, namesake });
        self.skip_users(at, &because);
    }

    fn leave(&mut self, at: usize, why: Stop, begun: bool) {
        self.state[at] = State::Skipped;
        let (address, what) = (self.steps[at].address.clone(), self.steps[at].what);
        self.report.skipped.push(Skipped { address, what, because: left(why, begun).to_owned() });
        self.stop_for(why);
    }

    /// Whether its address has no object once this step has dropped it: what is replaced by a new one first never lacks one.
    fn leaves_nothing(&self, at: usize) -> bool {
        let step = &self.steps[at];
        let made_anew =
            || self.users[at].iter().any(|user| self.steps[*user].what == Do::Create && self.steps[*user].address == step.address);
        step.leftover.is_none() && (step.action == Verb::Delete || made_anew())
    }

    /// Nothing stands at the address that a moved resource had.
    fn forget_old_address(&self, address: &Address) {
        let Some(from) = self.moved.get(address) else { return };
        drop(self.tools.journal.append(vec![Entry::Result {
            address: from.clone(),
            verb: Verb::Update,
            step: word(Do::Update).to_owned(),
            unmarked: None,
            outcome: Outcome::Ok { id: None, applied: None, gone: true },
        }]));
    }

    /// Everything that needs a step that did not happen, and why it did not.
    fn skip_users(&mut self, at: usize, because: &str) {
        let mut todo = self.users[at].clone();
        while let Some(user) = todo.pop() {
            if self.state[user] == State::Pending {
                self.state[user] = State::Skipped;
                let step = &self.steps[user];
                self.report.skipped.push(Skipped { address: step.address.clone(), what: step.what, because: because.to_owned() });
                todo.extend(&self.users[user]);
            }
        }
    }

    fn record(&self, at: usize, outcome: Outcome) {
        let step = &self.steps[at];
        let makes = matches!(step.what, Do::Create | Do::Settle | Do::Update);
        // A result that cannot be written stops the walk at the next attempt: the journal answers nothing any more.
        drop(self.tools.journal.append(vec![Entry::Result {
            address: step.address.clone(),
            verb: step.action,
            step: word(step.what).to_owned(),
            unmarked: (makes && !step.kind.key.is_empty()).then(|| step.kind.name.to_owned()),
            outcome,
        }]));
    }

    fn stop_for(&mut self, why: Stop) {
        let lost = self.tools.lease.lost();
        let lost = lost.borrow();
        match (&*lost, why) {
            (Some(lost), Stop::LeaseLost) => self.stop(why, &format!("the lease was lost: {lost}")),
            _ => self.stop(why, "asked to stop"),
        }
    }

    fn stop(&mut self, why: Stop, reason: &str) {
        if matches!(self.report.stopped, None | Some(Stop::Waits)) {
            self.report.stopped = Some(why);
            let in_flight = self.in_flight();
            let _ = self.tools.events.send(Event::Stopping { reason: reason.to_owned(), in_flight });
        }
    }

    pub(super) fn in_flight(&self) -> Vec<Address> {
        let set: BTreeSet<&Address> =
            self.steps.iter().zip(&self.state).filter(|(_, s)| **s == State::Running).map(|(step, _)| &step.address).collect();
        set.into_iter().cloned().collect()
    }
}
