//! The loop itself: when a pass begins, and what is remembered from one to the next, which is how long to leave alone what fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::backoff::Backoff;
use super::metrics::Metrics;
use super::pass::{End, Pass, Passed};
use super::source::{Read, Source};
use super::status::{Ready, Status};
use super::trigger::{Trigger, Why};
use super::{Loaded, events, lead::Lead, told};
use crate::apply::Halt;
use crate::model::Address;
use crate::notify::{Channels, Kind, Notice, Post, Seen};
use crate::planes::aws::connect;
use crate::planes::{Docker, Plane};
use crate::session::{Session, seal};

/// How often it is looked whether the YAML changed.
const TICK: Duration = Duration::from_secs(2);
/// How often a pass that goes on says that it is alive.
const BEAT: Duration = Duration::from_secs(1);
/// What Docker tells comes in swarms: no more than one pass in so long begins because of it.
const SWARM: Duration = Duration::from_secs(10);
/// After a change, until it is looked whether all is well now; also the least time between two passes.
const SETTLES: Duration = Duration::from_secs(1);
/// After a pass was put off because somebody else applies.
const LOCKED: Duration = Duration::from_secs(5);
/// The first rest when nothing at all could be done.
const TROUBLE: Duration = Duration::from_secs(5);

/// The first rest of a webhook or a topic that did not take what it was sent.
const SILENT: Duration = Duration::from_secs(15);

/// What a loop runs on.
#[derive(Debug)]
pub struct Settings {
    /// Where the desired state comes from.
    pub source: Source,
    /// Only these planes; empty: all.
    pub planes: BTreeSet<String>,
    /// The command line, for leases and the journal.
    pub line: String,
    /// Steps at a time.
    pub parallelism: usize,
    /// How AWS is reached, as far as the stack does not say.
    pub connect: connect::Options,
}

/// What the loop has in common with the rest of the process.
#[derive(Debug, Clone)]
pub struct Shared {
    /// How urgently it is asked to stop.
    pub halt: watch::Receiver<Halt>,
    /// Who asks for a pass.
    pub trigger: Trigger,
    /// What is counted.
    pub metrics: Metrics,
    /// How it is.
    pub status: Status,
}

/// How a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was in flight.
    Clean,
    /// It was told to end at once; what was in flight was named.
    InFlight,
}

/// Reconciles until it is asked to stop.
pub async fn run(settings: Settings, shared: Shared) -> Ended {
    let mut turn = Turn {
        settings,
        shared,
        loaded: None,
        signature: String::new(),
        session: None,
        listening: None,
        fetch: None,
        rewritten: None,
        lead: Lead::default(),
        resting: Backoff::default(),
        trouble: Backoff::new(TROUBLE),
        pending: [Why::Time].into(),
        due: Instant::now(),
        ended: None,
        post: Post::default(),
        silent: Backoff::new(SILENT),
        held: None,
        put_off: false,
        said: String::new(),
        in_flight: false,
    };
    turn.run().await;
    if turn.in_flight { Ended::InFlight } else { Ended::Clean }
}

/// The parts of a turn that can fail by themselves and then rest by themselves.
type Part = &'static str;
const SOURCE: Part = "the source";
const CONNECT: Part = "connecting";
const RECORD: Part = "the record";
const PASS: Part = "the pass";

/// A task that ends with who asked for it.
struct Listening(tokio::task::JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Turn {
    settings: Settings,
    shared: Shared,
    loaded: Option<Arc<Loaded>>,
    signature: String,
    session: Option<Session>,
    /// Who hears what Docker tells.
    listening: Option<Listening>,
    /// Why nothing newer could be fetched.
    fetch: Option<String>,
    /// That the history was rewritten, until people are told.
    rewritten: Option<String>,
    lead: Lead,
    /// Resources that failed.
    resting: Backoff<Address>,
    /// What failed as a whole.
    trouble: Backoff<Part>,
    /// Why the next pass begins.
    pending: BTreeSet<Why>,
    /// When the next one begins by itself.
    due: Instant,
    /// When the last one ended.
    ended: Option<Instant>,
    /// What people are told.
    post: Post,
    /// Channels that did not answer.
    silent: Backoff<Part>,
    /// The digest of the plan that was last put by for a person (empty: none waits); `None`: not known.
    held: Option<String>,
    /// That somebody else applies was said.
    put_off: bool,
    /// What was last said of a quiet pass.
    said: String,
    in_flight: bool,
}

impl Turn {
    async fn run(&mut self) {
        let mut halt = self.shared.halt.clone();
        while *halt.borrow_and_update() == Halt::No {
            self.shared.status.turns();
            self.turn().await;
            if *halt.borrow() != Halt::No {
                break;
            }
            tokio::select! {
                _ = halt.changed() => {}
                () = self.shared.trigger.heard() => {}
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
        info!("stopping");
        self.give_up_lead().await;
    }

    /// Until something may be due.
    fn pause(&self) -> Duration {
        let at = self.pending.iter().filter_map(|why| self.earliest(*why)).chain([self.due]).min().unwrap_or(self.due);
        at.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(20), TICK)
    }

    /// When a pass may begin for that reason; at once where there was none yet.
    fn earliest(&self, why: Why) -> Option<Instant> {
        let gap = match why {
            Why::Docker => SWARM,
            _ => SETTLES,
        };
        Some(self.ended? + gap)
    }

    async fn turn(&mut self) {
        self.pending.extend(self.shared.trigger.take());
        let now = Instant::now();
        if now >= self.due {
            self.pending.insert(Why::Time);
        }
        let signature = self.settings.source.signature();
        if self.signature != signature {
            self.signature = signature;
            if self.loaded.is_some() {
                self.pending.insert(Why::Yaml);
            }
        }
        if self.pending.iter().any(|why| matches!(why, Why::Yaml | Why::Asked)) {
            // Whoever changed something may have mended what failed.
            self.resting.forget();
            self.trouble.forget();
        }
        if !self.trouble.resting(now).is_empty() || !self.connected().await || !self.leads().await {
            return;
        }
        if self.pending.iter().any(|why| self.earliest(*why).is_none_or(|at| at <= now)) {
            self.pass().await;
        }
    }

    /// Whether the YAML is right and a session for what it says is open.
    async fn connected(&mut self) -> bool {
        if (self.loaded.is_none() || !self.pending.is_empty()) && !self.read().await {
            return false;
        }
        let Some(loaded) = self.loaded.clone() else { return false };
        if self.session.as_ref().is_some_and(|session| session.stack != loaded.stack) {
            info!("the stack is reached in another way from now on");
            self.give_up_lead().await;
            self.session = None;
            self.listening = None;
        }
        if self.session.is_some() {
            return true;
        }
        match Session::open(loaded.stack.clone(), self.settings.connect.clone()).await {
            Ok(session) => {
                info!(stack = session.stack.name, caller = session.connection.caller, "connected");
                self.trouble.succeeded(&CONNECT);
                self.listening = session.planes().docker.get(Docker::NAME).ok().map(|docker| {
                    let (docker, trigger) = (docker.clone(), self.shared.trigger.clone());
                    Listening(tokio::spawn(async move { match events::listen(docker, trigger).await {} }))
                });
                self.session = Some(session);
                true
            }
            Err(error) => {
                self.troubled(CONNECT, error.to_string());
                false
            }
        }
    }

    /// Reads the YAML. While it is wrong nothing is applied.
    async fn read(&mut self) -> bool {
        let Read { loaded, wrong, trouble, rewritten } = beating(&self.shared.status, self.settings.source.read()).await;
        self.rewritten = rewritten.or(self.rewritten.take());
        if let Some(why) = trouble.as_ref().filter(|why| self.fetch.as_ref() != Some(why)) {
            let rest = if loaded.is_some() { "; the commit before counts" } else { "" };
            error!("nothing newer can be had of the source: {why}{rest}");
        }
        self.fetch = trouble;
        let wrong = match (loaded, wrong, &self.fetch) {
            (Some(loaded), _, _) => {
                self.shared.status.has_read(Arc::clone(&loaded));
                if let Some(before) = self.loaded.replace(loaded)
                    && before.commit != self.loaded.as_ref().and_then(|now| now.commit.clone())
                {
                    self.resting.forget();
                }
                return true;
            }
            (None, Some(wrong), _) => wrong,
            (None, None, why) => {
                let why = format!("there is no desired state: {}", why.as_deref().unwrap_or("nothing was fetched"));
                self.troubled(SOURCE, why);
                return false;
            }
        };
        self.say(&format!("the YAML is wrong, nothing is applied until it is right:\n{wrong}"), true);
        self.shared.status.is(Ready::No("the YAML is wrong (see the log, or `reeve validate DIR`)".to_owned()));
        self.shared.metrics.passed("wrong", Duration::ZERO, None);
        // Looked at again when it changes, and when it is time.
        self.pending.clear();
        self.due = Instant::now() + self.every();
        if self.lead.is_held() && self.knows_what_was_told().await {
            let mut seen = told::wrong(&wrong, self.post.ledger());
            seen.failing.extend(self.fetch.clone().map(|why| (SOURCE.to_owned(), why)));
            self.tell(seen).await;
        }
        false
    }

    /// Whether this instance leads.
    async fn leads(&mut self) -> bool {
        let Some(session) = self.session.as_mut() else { return false };
        let led = self.lead.is_held();
        let outcome = self.lead.look(session, &self.settings.line).await;
        let leads = self.lead.is_held();
        self.shared.status.lead(leads);
        self.shared.metrics.leader.set(i64::from(leads));
        match outcome {
            Err(error) => {
                self.troubled(RECORD, error.to_string());
            }
            Ok(()) => {
                self.trouble.succeeded(&RECORD);
                if !leads {
                    self.shared.status.is(Ready::StandsBy);
                    // What is remembered is whoever leads'.
                    self.resting.forget();
                    self.post.forget();
                    self.held = None;
                    if !self.pending.is_empty() {
                        self.pending.clear();
                        self.due = Instant::now() + self.every();
                    }
                } else if !led {
                    self.shared.status.is(Ready::No("its first pass goes on".to_owned()));
                    self.pending.insert(Why::Lead);
                }
            }
        }
        leads
    }

    async fn pass(&mut self) {
        let (Some(loaded), Some(session), Some(lead)) = (self.loaded.clone(), &self.session, self.lead.lease()) else { return };
        let reasons: Vec<String> = std::mem::take(&mut self.pending).iter().map(ToString::to_string).collect();
        let began = Instant::now();
        let resting = self.resting.resting(began);
        let pass = Pass {
            session,
            lead,
            loaded: &loaded,
            planes: &self.settings.planes,
            resting: &resting,
            line: &self.settings.line,
            parallelism: self.settings.parallelism,
            halt: self.shared.halt.clone(),
        };
        let status = self.shared.status.clone();
        let passed = beating(&status, pass.run()).await;
        self.ended = Some(Instant::now());
        self.after(&passed, began.elapsed(), &reasons.join(", "));
        self.hold(&passed).await;
        if !self.knows_what_was_told().await {
            return;
        }
        let fetch = self.fetch.as_deref().map(|why| (SOURCE, why));
        let trouble: Vec<(&str, &str)> = self.trouble.failing().map(|(part, why)| (*part, why)).chain(fetch).collect();
        let seen = told::seen(&passed, &self.resting, &trouble, self.post.ledger());
        self.tell(seen).await;
    }

    /// Takes in what came of a pass.
    fn after(&mut self, passed: &Passed, took: Duration, reasons: &str) {
        let now = Instant::now();
        self.due = now + self.every();
        if let Some(report) = &passed.report {
            for one in report.failed.iter().filter(|one| one.class != crate::apply::class(crate::planes::Class::LeaseLost)) {
                let rests = self.resting.failed(one.address.clone(), one.error.clone(), now, rand::random());
                warn!(address = one.address.as_str(), "{} is left alone for {} s", one.address, rests.as_secs());
            }
            report.finished.iter().for_each(|address| self.resting.succeeded(address));
            self.in_flight = !report.unknown.is_empty();
        }
        if let Some(plan) = &passed.plan {
            // What has nothing to do is well, whoever mended it.
            self.resting.retain(|address| plan.changes().any(|action| action.address == *address));
            self.shared.metrics.planned(plan);
            let amount = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            self.shared.metrics.held.set(amount(passed.decision.held.len()));
            self.shared.metrics.resting.set(amount(self.resting.failing().count()));
        }
        if let Some(next) = self.resting.next(now) {
            self.due = self.due.min(next);
        }
        if !matches!(passed.end, End::PutOff(_)) {
            self.put_off = false;
        }
        let unreadable = passed.plan.as_ref().map_or(0, |plan| plan.unreadable.len());
        let is_blind = passed.is_blind();
        let (result, ready) = match &passed.end {
            End::Failed(why) => (self.troubled(PASS, why.clone()), false),
            _ if is_blind => (self.troubled(PASS, format!("{unreadable} kinds could not be read")), false),
            End::Quiet | End::Applied if unreadable == 0 && self.resting.failing().next().is_none() => ("ok", true),
            End::Quiet | End::Applied | End::Partial => ("partial", true),
            End::Refused(why) => {
                self.say(&format!("a policy of the stack refuses the plan, nothing of it is applied: {why}"), true);
                ("refused", true)
            }
            End::PutOff(holder) => {
                if !std::mem::replace(&mut self.put_off, true) {
                    info!("put off: {holder} applies");
                }
                self.due = now + LOCKED;
                ("put_off", true)
            }
            End::Moved => {
                info!("put off: the world moved while it was planned");
                self.pending.insert(Why::Again);
                ("put_off", true)
            }
            End::Stopped => ("stopped", true),
        };
        if matches!(passed.end, End::Applied | End::Partial) {
            self.pending.insert(Why::Again);
        }
        if ready {
            self.trouble.succeeded(&PASS);
            self.shared.status.is(Ready::Leads);
        }
        if let Some(plan) = passed.plan.as_ref().filter(|_| matches!(passed.end, End::Quiet) && !is_blind) {
            let (held, resting, waiting) = (passed.decision.held.len(), self.resting.failing().count(), plan.waiting.len());
            let refused = plan.refusals.len();
            let words = format!("{held} held, {resting} failing, {waiting} waiting, {refused} refused, {unreadable} unreadable");
            if self.said != words {
                info!(plan = plan.digest, commit = plan.made.commit, "nothing to do now ({reasons}): {words}");
                self.said = words;
            }
        } else {
            self.said.clear();
        }
        let seconds = || jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
        self.shared.metrics.passed(result, took, (result == "ok").then(seconds));
    }

    /// Puts the plan by that waits for a person.
    async fn hold(&mut self, passed: &Passed) {
        let (Some(plan), true) = (&passed.plan, passed.is_settled()) else { return };
        let digest = if passed.decision.held.is_empty() { String::new() } else { plan.digest.clone() };
        let Some(record) = self.lead.record().filter(|_| self.held.as_ref() != Some(&digest)) else { return };
        let kept = async {
            if digest.is_empty() {
                return Ok(record.hold_plan(None).await?);
            }
            let changes = passed.decision.held.iter().map(|(address, verb)| told::change(*verb, address)).collect();
            Ok::<(), crate::session::Error>(record.hold_plan(Some((&seal(plan)?, changes))).await?)
        };
        match kept.await {
            Ok(()) => self.held = Some(digest),
            Err(error) => warn!(plan = plan.digest, "the plan that waits for approval could not be kept: {error}"),
        }
    }

    /// Whether the ledger of what people were told is at hand: nothing is told without it.
    async fn knows_what_was_told(&mut self) -> bool {
        let Some(record) = self.lead.record() else { return false };
        let read = self.post.read(record).await;
        if let Err(error) = &read {
            warn!("what people were told cannot be read, nobody is told anything: {error}");
        }
        read.is_ok()
    }

    /// Tells people what is new to them, each thing once.
    async fn tell(&mut self, mut seen: Seen) {
        let (Some(record), Some(session), Some(loaded)) = (self.lead.record().cloned(), &self.session, &self.loaded) else { return };
        let notify = &loaded.desired.stack.spec.notify;
        let channels = Channels { webhook: notify.webhook.clone(), topic: notify.topic.clone() };
        seen.rewritten = self.rewritten.take();
        let told = async {
            let notices = self.post.ledger().turn(&session.stack.name, &jiff::Timestamp::now().to_string(), &seen);
            notices.iter().for_each(|notice| log(notice, &self.shared.metrics));
            self.post.keep(&record, &channels, &notices).await?;
            let resting = self.silent.resting(Instant::now());
            self.post.deliver(&record, &session.connection.aws, &channels, |name| !resting.contains(name)).await
        };
        match beating(&self.shared.status, told).await {
            Err(error) => warn!("what people are told could not be kept: {error}"),
            Ok(outcomes) => {
                for (channel, outcome) in outcomes {
                    match outcome {
                        Ok(()) => self.silent.succeeded(&channel),
                        Err(why) => {
                            let rests = self.silent.failed(channel, why.clone(), Instant::now(), rand::random());
                            warn!(channel, "the {channel} took no notices, tried again in {} s: {why}", rests.as_secs());
                        }
                    }
                }
            }
        }
    }

    /// Something failed as a whole: all of it rests, once it was said.
    fn troubled(&mut self, part: Part, why: String) -> &'static str {
        let rests = self.trouble.failed(part, why.clone(), Instant::now(), rand::random());
        self.shared.status.is(Ready::No(format!("{part} failed: {why}")));
        self.say(&format!("{part} failed, tried again in {} s: {why}", rests.as_secs()), true);
        self.due = Instant::now() + rests;
        "failed"
    }

    /// Says what was not said just before.
    fn say(&mut self, words: &str, is_bad: bool) {
        if self.said != words {
            if is_bad {
                error!("{words}");
            } else {
                info!("{words}");
            }
            words.clone_into(&mut self.said);
        }
    }

    fn every(&self) -> Duration {
        Duration::from_secs(self.loaded.as_ref().map_or(60, |loaded| loaded.desired.stack.spec.reconcile.every.0))
    }

    async fn give_up_lead(&mut self) {
        self.shared.status.lead(false);
        self.shared.metrics.leader.set(0);
        if let Some(session) = self.session.as_mut()
            && let Err(error) = self.lead.give_up(session).await
        {
            warn!("the lead was not given back, it ends by itself in little more than a minute: {error}");
        }
    }
}

/// Awaits `work`, saying all the while that the loop is alive.
async fn beating<T>(status: &Status, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => status.turns(),
        }
    }
}

fn log(notice: &Notice, metrics: &Metrics) {
    let Notice { kind, subject, words, plan, .. } = notice;
    metrics.told(&kind.to_string());
    match kind {
        Kind::Mended | Kind::Recovered => info!(notice = kind.to_string(), subject, plan, "{subject}: {words}"),
        Kind::Drift | Kind::Held | Kind::Failed | Kind::Rewritten => warn!(notice = kind.to_string(), subject, plan, "{subject}: {words}"),
    }
}
