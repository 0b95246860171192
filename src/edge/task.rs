//! The edge at work: it looks, lets the routes follow, notes who is wanted, and, where this instance leads, starts and stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::models::SystemInfo;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tracing::info;

use super::book::Book;
use super::events::{Look, listen};
use super::hosts::Hosts;
use super::lead::carry_out;
use super::looked::Looked;
use super::metrics::Metrics;
use super::notes::{Asked, Told, keep};
use super::policy::{Do, Phase, Tenant, decide, next};
use super::routes::Routes;
use super::shown::{Shown, Usual};
use super::swarm::{Known, Swarm};
use super::waker::{Waker, Wanted, serve};
use crate::kinds::docker::service::tasks::Running;
use crate::kinds::docker::service::wake::{Wake, change};
use crate::planes::docker::failed;
use crate::planes::error::{Class, Error, Result};
use crate::planes::{Docker, Haproxy, Plane, Planes};
use crate::record::Record;

/// How often it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// While nothing goes on. Events of the engine and requests come in between.
    pub quiet: Duration,
    /// While somebody waits for a place or is put to rest.
    pub busy: Duration,
    /// While a container starts: no later than this is seen that Swarm calls it running. Its engine tells earlier that it is healthy, but only to its own host, and
    /// Swarm has not heard of it by then.
    pub starting: Duration,
    /// All services, though no event named them.
    pub all: Duration,
    /// The note for the other hosts, and theirs.
    pub note: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let milliseconds = Duration::from_millis;
        Self { quiet: seconds(10), busy: milliseconds(250), starting: milliseconds(100), all: seconds(600), note: seconds(60) }
    }
}

/// What happened, for logs and notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A tenant is being started.
    Starts {
        /// Which.
        tenant: String,
    },
    /// It answers.
    Arrived {
        /// Which.
        tenant: String,
        /// From its start.
        seconds: u64,
    },
    /// Its start failed.
    GaveUp {
        /// Which.
        tenant: String,
        /// Why, and the runbook.
        why: String,
    },
    /// Nobody uses it: its container is stopped.
    Rests {
        /// Which.
        tenant: String,
    },
    /// It was about to be put to rest, and somebody came or something was in the way.
    Stays {
        /// Which.
        tenant: String,
    },
    /// What could not be done, and is tried again.
    Trouble(String),
    /// That is over.
    Well,
}

/// What the edge stands on.
#[derive(Debug)]
pub struct Parts {
    /// This host's planes.
    pub planes: Planes,
    /// The stack's record.
    pub record: Record,
    /// What the YAML says.
    pub book: watch::Receiver<Arc<Book>>,
    /// While this instance leads: the planes, whose changes ask for the leader's lease.
    pub lead: watch::Receiver<Option<Planes>>,
    /// Where HAProxy asks.
    pub listener: TcpListener,
    /// Told what each look saw.
    pub looked: watch::Sender<Looked>,
    /// How often it looks.
    pub pace: Pace,
    /// Who is told what happens.
    pub said: mpsc::UnboundedSender<Said>,
    /// What is counted.
    pub metrics: Metrics,
}

/// Serves and works until `stop` turns.
///
/// # Errors
/// Where this is no host that leads anybody: there is no HAProxy, or the engine is no manager of a swarm.
pub async fn run(parts: Parts, stop: watch::Receiver<bool>) -> Result<()> {
    let Parts { planes, record, book, lead, listener, looked, pace, said, metrics } = parts;
    let docker = Docker::of(&planes)?.clone();
    let haproxy = Haproxy::of(&planes)?.clone();
    let call = "docker.SystemInfo";
    let instance = manager(docker.reads(call).await?.info().await.map_err(failed(call))?)?;
    if let Ok(waker) = listener.local_addr() {
        info!("waking tenants, at {waker}");
    }
    let (asked, told_in) = (watch::Sender::<Asked>::default(), watch::Sender::<Told>::default());
    let told = told_in.subscribe();
    let notes = keep(record, instance.clone(), asked.subscribe(), told_in);
    let (shown_in, shown) = watch::channel(Arc::new(Shown::default()));
    let wanted = Wanted::default();
    let (look_in, looks) = mpsc::unbounded_channel();
    let mut edge = Edge {
        hosts: Hosts::new(&instance, Timestamp::now(), docker.published.clone(), asked, told),
        routes: Routes::new(haproxy),
        swarm: Swarm::default(),
        usual: Usual::default(),
        trouble: None,
        next: None,
        due: Due::default(),
        docker: docker.clone(),
        book: book.clone(),
        lead,
        pace,
        said,
        metrics: metrics.clone(),
        shown: shown_in,
        looked,
        wanted: wanted.clone(),
    };
    let waker = Waker { book, shown, wanted, metrics };
    let mut stopped = stop.clone();
    tokio::select! {
        served = serve(waker, listener, stop.clone()) => served.map_err(|error| Error::new(Class::Unreachable, "edge.serve", error.to_string())),
        never = edge.work(looks) => match never {},
        never = notes => match never {},
        () = listen(docker, look_in) => Ok(()),
        _ = stopped.wait_for(|stop| *stop) => Ok(()),
    }
}

/// This engine's node in the swarm, which it must be able to see and to change.
fn manager(info: SystemInfo) -> Result<String> {
    let is_none = |why: &str| Error::new(Class::Invalid, "docker.SystemInfo", why);
    let swarm = info.swarm.unwrap_or_default();
    let id = swarm.node_id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| is_none("this engine is in no swarm: `reeve host setup` makes it one of the stack's"))?;
    match swarm.control_available {
        Some(true) => Ok(id),
        _ => Err(is_none("this engine is a worker of its swarm: the managers wake tenants")),
    }
}

struct Edge {
    docker: Docker,
    book: watch::Receiver<Arc<Book>>,
    lead: watch::Receiver<Option<Planes>>,
    pace: Pace,
    said: mpsc::UnboundedSender<Said>,
    metrics: Metrics,
    shown: watch::Sender<Arc<Shown>>,
    looked: watch::Sender<Looked>,
    wanted: Wanted,
    routes: Routes,
    swarm: Swarm,
    hosts: Hosts,
    usual: Usual,
    trouble: Option<String>,
    /// How soon there is something to do for somebody.
    next: Option<Duration>,
    due: Due,
}

/// When things were last done.
#[derive(Debug, Default)]
struct Due {
    all: Option<Instant>,
    tasks: Option<Instant>,
}

/// Whether what was last done then is to be done again.
pub(super) fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= every)
}

impl Edge {
    async fn work(&mut self, mut looks: mpsc::UnboundedReceiver<Look>) -> std::convert::Infallible {
        let mut look = Look { all: true, ..Look::default() };
        loop {
            let turned = self.turn(&mut look).await;
            self.metrics.looked(turned.is_ok());
            self.tell(turned.err());
            let pause = match &self.trouble {
                Some(_) => Duration::from_secs(1),
                None if self.swarm.is_starting() => self.pace.starting,
                None => self.next.map_or(self.pace.quiet, |next| next.clamp(self.pace.busy, self.pace.quiet)),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.came(), if self.trouble.is_none() => {}
                () = self.hosts.came() => {}
                Some(told) = looks.recv() => look.add(told),
            }
            while let Ok(told) = looks.try_recv() {
                look.add(told);
            }
        }
    }

    /// Says what is wrong once, and once that it is over.
    fn tell(&mut self, error: Option<Error>) {
        let trouble = error.map(|error| error.to_string());
        if trouble == self.trouble {
            return;
        }
        let _ = self.said.send(trouble.clone().map_or(Said::Well, Said::Trouble));
        self.looked.send_modify(|looked| looked.trouble.clone_from(&trouble));
        self.trouble = trouble;
    }

    /// One look, and what follows from it. `look` is emptied of what was looked at.
    async fn turn(&mut self, look: &mut Look) -> Result<()> {
        let asked = self.wanted.take();
        if let Err(error) = self.read(look).await {
            // Who came is not forgotten.
            self.wanted.again(asked.tenants);
            return Err(error);
        }
        self.want(asked.tenants).await?;
        self.looked.send_modify(|looked| looked.at = Some(Instant::now()));
        let now = Timestamp::now();
        let lead = self.lead.borrow().clone();
        let hurry = self.swarm.services().values().any(|one| one.wake.resting.is_some());
        self.hosts.hear(lead.is_some(), hurry, &self.pace);
        let running = self.swarm.answering(&self.docker);
        let followed = self.follow(&running, asked.astray, now).await;
        let tenants = self.tenants(&running);
        self.metrics.leads(lead.is_some());
        let led = match lead {
            Some(planes) => self.act(&planes, &tenants, now).await,
            None => Ok(()),
        };
        let (tenants, book) = (self.tenants(&running), self.book.borrow().clone());
        self.next = next(now, &tenants, &book);
        let shown = Shown::new(now, tenants, &book, self.swarm.restoring(), self.usual.clone());
        self.metrics.shown(&shown);
        self.looked.send_modify(|looked| {
            shown.queue().clone_into(&mut looked.queued);
            looked.failed = Some(shown.failed(&book));
        });
        self.shown.send_replace(Arc::new(shown));
        // Somebody who cannot be routed to is no reason not to start others, and the other way round.
        followed.and(led).and(self.hosts.hears())
    }

    async fn read(&mut self, look: &mut Look) -> Result<()> {
        let docker = self.docker.fresh();
        if look.all || is_due(self.due.all, self.pace.all) {
            self.swarm.read_all(&docker).await?;
            self.due.all = Some(Instant::now());
            self.due.tasks = self.due.all;
        } else {
            if !look.services.is_empty() {
                self.swarm.read_services(&docker, &look.services).await?;
            }
            if look.tasks || !look.services.is_empty() || is_due(self.due.tasks, self.pace.quiet) {
                self.swarm.read_tasks(&docker).await?;
                self.due.tasks = Some(Instant::now());
            } else {
                self.swarm.read_starting(&docker).await?;
            }
        }
        *look = Look::default();
        Ok(())
    }

    /// Writes on the services of these tenants that somebody waits for them.
    async fn want(&mut self, tenants: BTreeSet<String>) -> Result<()> {
        let now = Timestamp::now();
        let docker = &self.docker;
        let ids: Vec<(String, String)> =
            tenants.into_iter().filter_map(|tenant| Some((self.swarm.services().get(&tenant)?.id.clone(), tenant))).collect();
        let note = |(id, _): &(String, String)| {
            let id = id.clone();
            async move { change(docker, &id, |wake, runs| wanting(wake, runs, now)).await }
        };
        let done = futures::future::join_all(ids.iter().map(note)).await;
        let mut result = Ok(());
        let mut changed = BTreeSet::new();
        for ((id, tenant), done) in ids.into_iter().zip(done) {
            match done {
                Ok(true) => {
                    changed.insert(id);
                }
                Ok(false) => {}
                Err(error) => {
                    self.wanted.again([tenant]);
                    result = Err(error);
                }
            }
        }
        self.swarm.read_services(&self.docker, &changed).await?;
        result
    }

    /// Lets this host's routes follow, and notes what it knows of use and of who is left alone.
    async fn follow(&mut self, running: &[Running], astray: bool, now: Timestamp) -> Result<()> {
        let resting: BTreeMap<String, Timestamp> =
            self.swarm.services().iter().filter_map(|(tenant, one)| Some((tenant.clone(), one.wake.resting?))).collect();
        let to = |one: &Running| crate::planes::haproxy::Running { tenant: one.tenant.clone(), address: one.address };
        let routed = running.iter().filter(|one| !resting.contains_key(&one.tenant)).map(to).collect();
        self.routes.follow(routed, astray).await?;
        self.hosts.note(&mut self.routes, &resting, &self.pace, now).await
    }

    /// All tenants, as the policy wants them.
    fn tenants(&self, running: &[Running]) -> BTreeMap<String, Tenant> {
        let routers = self.swarm.routers();
        let of = |(name, known): (&String, &Known)| {
            let tenant = Tenant {
                runs: known.runs,
                phase: self.swarm.phase(name, running),
                wake: known.wake.clone(),
                used: self.hosts.used(name, &routers),
                left_alone: known.wake.resting.filter(|since| self.hosts.left_alone(name, *since, &routers)),
            };
            (name.clone(), tenant)
        };
        self.swarm.services().iter().map(of).collect()
    }

    /// Starts and stops, where this instance leads.
    async fn act(&mut self, planes: &Planes, tenants: &BTreeMap<String, Tenant>, now: Timestamp) -> Result<()> {
        let book = self.book.borrow().clone();
        // Whose data is being restored is not there for whoever decides.
        let restoring = self.swarm.restoring();
        let free: BTreeMap<String, Tenant> =
            tenants.iter().filter(|(name, _)| !restoring.contains(*name)).map(|(name, one)| (name.clone(), one.clone())).collect();
        let mut result = Ok(());
        let todo = decide(now, &free, &book, self.hosts.resting(now, &self.swarm.routers()));
        let one = |(tenant, what): &(String, Do)| {
            let (id, what, jitter) = (self.swarm.services().get(tenant).map(|known| known.id.clone()), what.clone(), rand::random());
            async move {
                match id {
                    Some(id) => carry_out(planes, &id, &what, now, jitter).await,
                    None => Ok(false),
                }
            }
        };
        let done = futures::future::join_all(todo.iter().map(one)).await;
        let mut changed = BTreeSet::new();
        for ((tenant, what), done) in todo.into_iter().zip(done) {
            match done {
                Ok(true) => {
                    changed.extend(self.swarm.services().get(&tenant).map(|known| known.id.clone()));
                    self.done(&tenants[&tenant], tenant, what, now);
                }
                Ok(false) => {}
                Err(error) => result = Err(error),
            }
        }
        self.swarm.read_services(&self.docker, &changed).await?;
        result
    }

    /// Says what was done.
    fn done(&mut self, was: &Tenant, tenant: String, what: Do, now: Timestamp) {
        let said = match what {
            Do::Start => Said::Starts { tenant },
            Do::Arrived => {
                let Some(started) = was.wake.started.filter(|_| matches!(was.phase, Phase::Up(_))) else { return };
                let took = now.duration_since(started);
                let seconds = u64::try_from(took.as_secs()).unwrap_or_default();
                self.usual.took(&tenant, seconds);
                self.metrics.arrived(took.as_secs_f64());
                Said::Arrived { tenant, seconds }
            }
            Do::GiveUp { why } => {
                self.metrics.gave_up();
                Said::GaveUp { tenant, why }
            }
            Do::Rest | Do::Forget => return,
            Do::Stay => {
                self.metrics.rested(false);
                self.hosts.counts_as_used(&tenant, now);
                Said::Stays { tenant }
            }
            Do::Stop => {
                self.metrics.rested(true);
                Said::Rests { tenant }
            }
        };
        let _ = self.said.send(said);
    }
}

/// What the label of a tenant becomes that somebody came for.
fn wanting(wake: &Wake, runs: i64, now: Timestamp) -> Option<(Wake, i64)> {
    let needed = wake.wanted.is_none() && (runs == 0 && wake.started.is_none() || wake.resting.is_some());
    needed.then(|| (Wake { wanted: Some(now), ..wake.clone() }, runs))
}

#[cfg(test)]
mod tests {
    use bollard::models::SwarmInfo;

    use super::*;

    #[test]
    fn a_worker_sees_nothing_of_the_swarm_and_is_no_host_that_wakes() {
        let engine = |node_id: &str, control_available| {
            let swarm = SwarmInfo { node_id: Some(node_id.to_owned()), control_available, ..SwarmInfo::default() };
            manager(SystemInfo { swarm: Some(swarm), ..SystemInfo::default() }).map_err(|error| error.to_string())
        };
        assert_eq!(engine("one", Some(true)).as_deref(), Ok("one"));
        assert!(engine("one", Some(false)).unwrap_err().contains("a worker of its swarm"));
        assert!(engine("one", None).unwrap_err().contains("a worker of its swarm"));
        assert!(engine("", Some(false)).unwrap_err().contains("in no swarm"));
        assert!(manager(SystemInfo::default()).unwrap_err().to_string().contains("in no swarm"));
    }
}
