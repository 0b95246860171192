//! The loop itself: when a pass begins, and what is remembered from one to the next, which is how long to leave alone what fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::awaited::Awaited;
use super::backoff::Backoff;
use super::metrics::Metrics;
use super::quiet::Quiet;
use super::source::{Read, Source};
use super::status::{Ready, Status};
use super::trigger::{Trigger, Why};
use super::{Loaded, events, lead::Lead, told};
use crate::apply::Halt;
use crate::model::{Address, runbook};
use crate::notify::Post;
use crate::planes::aws::connect;
use crate::planes::{Docker, Plane};
use crate::session::Session;

/// How often it is looked whether the YAML changed.
const TICK: Duration = Duration::from_secs(2);
/// The shortest pause between two turns, whatever happens.
const SHORT: Duration = Duration::from_millis(100);
/// How often a pass that goes on says that it is alive.
const BEAT: Duration = Duration::from_secs(1);
/// What Docker tells comes in swarms: no more than one pass in so long begins because of it.
const SWARM: Duration = Duration::from_secs(10);
/// After a change, until it is looked whether all is well now; also the least time between two passes.
const SETTLES: Duration = Duration::from_secs(1);
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
        read: String::new(),
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
        quiet: None,
        awaited: Awaited::default(),
        put_off: false,
        said: String::new(),
        in_flight: false,
    };
    turn.run().await;
    if turn.in_flight { Ended::InFlight } else { Ended::Clean }
}

/// The parts of a turn that can fail by themselves and then rest by themselves.
pub(super) type Part = &'static str;
pub(super) const SOURCE: Part = "the source";
const CONNECT: Part = "connecting";
const RECORD: Part = "the record";

/// A task that ends with who asked for it.
pub(super) struct Listening(tokio::task::JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Turn {
    pub(super) settings: Settings,
    pub(super) shared: Shared,
    pub(super) loaded: Option<Arc<Loaded>>,
    pub(super) signature: String,
    /// That of the files that it was read from.
    pub(super) read: String,
    pub(super) session: Option<Session>,
    /// Who hears what Docker tells.
    pub(super) listening: Option<Listening>,
    /// Why nothing newer could be fetched.
    pub(super) fetch: Option<String>,
    /// That the history was rewritten, until people are told.
    pub(super) rewritten: Option<String>,
    pub(super) lead: Lead,
    /// Resources that failed.
    pub(super) resting: Backoff<Address>,
    /// What failed as a whole.
    pub(super) trouble: Backoff<Part>,
    /// Why the next pass begins.
    pub(super) pending: BTreeSet<Why>,
    /// When the next one begins by itself.
    pub(super) due: Instant,
    /// When the last one ended.
    pub(super) ended: Option<Instant>,
    /// What people are told.
    pub(super) post: Post,
    /// Channels that did not answer.
    pub(super) silent: Backoff<Part>,
    /// The digest of the plan that was last put by for a person (empty: none waits); `None`: not known.
    pub(super) held: Option<String>,
    /// What the last pass saw, when nothing was to be done about it.
    pub(super) quiet: Option<Quiet>,
    /// What is not ready yet and no pass waits for.
    pub(super) awaited: Awaited,
    /// That somebody else applies was said.
    pub(super) put_off: bool,
    /// What was last said of a quiet pass.
    pub(super) said: String,
    pub(super) in_flight: bool,
}

impl Turn {
    async fn run(&mut self) {
        let mut halt = self.shared.halt.clone();
        while *halt.borrow_and_update() == Halt::No {
            let status = self.shared.status.clone();
            beating(&status, self.turn()).await;
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
        if let Some(at) = self.trouble.next(Instant::now()) {
            return at.saturating_duration_since(Instant::now()).clamp(SHORT, TICK);
        }
        let at = self
            .pending
            .iter()
            .filter_map(|why| self.earliest(*why))
            .chain([self.due])
            .chain(self.awaited.next())
            .min()
            .unwrap_or(self.due);
        at.saturating_duration_since(Instant::now()).clamp(SHORT, TICK)
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
        let (now, mut news) = (Instant::now(), self.shared.trigger.take());
        let signature = self.settings.source.signature();
        if self.signature != signature && !std::mem::replace(&mut self.signature, signature).is_empty() {
            news.insert(Why::Yaml);
        }
        if news.iter().any(|why| matches!(why, Why::Yaml | Why::Asked)) {
            // Whoever changed something may have mended what failed.
            self.resting.forget();
            self.trouble.forget();
            self.silent.forget();
        }
        self.pending.extend(news);
        if now >= self.due {
            self.pending.insert(Why::Time);
        }
        if !self.trouble.resting(now).is_empty() {
            return;
        }
        let begins = self.pending.iter().any(|why| self.earliest(*why).is_none_or(|at| at <= now));
        // Nothing is held yet that would have to be given back: who asks to stop does not wait for an AWS that does not answer.
        let mut halt = self.shared.halt.clone();
        let connected = tokio::select! {
            biased;
            _ = halt.wait_for(|halt| *halt != Halt::No) => return,
            connected = async { (!begins || self.read().await) && self.connected().await } => connected,
        };
        if !connected || !self.leads().await {
            return;
        }
        self.look_after().await;
        // Whoever leads from now on begins with the next turn: what it has read may be a minute old, and another's commit.
        if begins {
            self.pass().await;
        }
    }

    /// Whether a session for what the YAML says is open.
    async fn connected(&mut self) -> bool {
        let Some(loaded) = self.loaded.clone() else { return false };
        if let Some(session) = &mut self.session {
            session.stack.starts = loaded.stack.starts;
        }
        if self.session.as_ref().is_some_and(|session| session.stack != loaded.stack) {
            info!("the stack is reached in another way from now on");
            self.give_up_lead().await;
            self.session = None;
            self.listening = None;
            self.awaited.forget();
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
        let before = self.loaded.clone().map(|loaded| (std::mem::take(&mut self.read), loaded));
        let Read { loaded, signature, wrong, trouble, rewritten } = self.settings.source.read(before).await;
        self.read = signature;
        self.rewritten = rewritten.or(self.rewritten.take());
        if let Some(why) = trouble.as_ref().filter(|why| self.fetch.as_ref() != Some(why)) {
            let rest = if loaded.is_some() { "; the commit before counts" } else { "" };
            error!("nothing newer can be had of the source: {why}{rest}; see {}", runbook::LOOP);
        }
        self.fetch = trouble;
        self.shared.metrics.stale.set(self.fetch.is_some().into());
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
                    self.awaited.forget();
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

    /// Something failed as a whole: all of it rests, once it was said.
    pub(super) fn troubled(&mut self, part: Part, why: String) -> &'static str {
        // What says itself what to do has a better one.
        let why = if why.contains("reeve runbook") { why } else { format!("{why}; see {}", runbook::LOOP) };
        let rests = self.trouble.failed(part, why.clone(), Instant::now(), rand::random());
        self.shared.status.is(Ready::No(format!("{part} failed: {why}")));
        self.say(&format!("{part} failed, tried again in {} s: {why}", rests.as_secs()), true);
        self.due = Instant::now() + rests;
        "failed"
    }

    /// Says what was not said just before.
    pub(super) fn say(&mut self, words: &str, is_bad: bool) {
        if self.said != words {
            if is_bad {
                error!("{words}");
            } else {
                info!("{words}");
            }
            words.clone_into(&mut self.said);
        }
    }

    pub(super) fn every(&self) -> Duration {
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
