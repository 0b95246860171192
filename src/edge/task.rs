//! The edge at work: it looks, lets the routes follow, notes who is wanted, and, where this instance leads, starts and stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::models::SystemInfo;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::book::Book;
use super::events::{Look, listen};
use super::lead::carry_out;
use super::looked::Looked;
use super::metrics::Metrics;
use super::notes::{Asked, Told, keep};
use super::policy::{Do, Phase, Resting, Tenant, decide, next};
use super::routes::Routes;
use super::shown::{Shown, Usual};
use super::swarm::{Known, Swarm};
use super::waker::{Waker, Wanted, serve};
use crate::kinds::docker::service::tasks::Running;
use crate::kinds::docker::service::wake::{Wake, change};
use crate::planes::docker::failed;
use crate::planes::error::{Class, Error, Result};
use crate::planes::{Docker, Haproxy, Plane, Planes};
use crate::record::{Edge as Note, Record};

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

/// A host that has said nothing for so long is not known to be alive.
const SILENT: SignedDuration = SignedDuration::from_secs(180);

/// So often all are asked while somebody is put to rest.
const HURRY: Duration = Duration::from_secs(2);

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
    let (asked, told_in) = (watch::Sender::<Asked>::default(), watch::Sender::<Told>::default());
    let told = told_in.subscribe();
    let notes = keep(record, instance.clone(), asked.subscribe(), told_in);
    let (shown_in, shown) = watch::channel(Arc::new(Shown::default()));
    let wanted = Wanted::default();
    let (look_in, looks) = mpsc::unbounded_channel();
    let mut edge = Edge {
        note: Note::new(&instance, Timestamp::now()),
        known_note: false,
        routes: Routes::new(haproxy),
        swarm: Swarm::default(),
        asked,
        told,
        heard: Told::default(),
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
    /// What this host tells the others.
    note: Note,
    /// What it told before it was started anew is read.
    known_note: bool,
    /// What the record is to be told and asked.
    asked: watch::Sender<Asked>,
    told: watch::Receiver<Told>,
    /// What it told, of all hosts but this one.
    heard: Told,
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
    used: Option<Instant>,
    noted: Option<Instant>,
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
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
                // Nobody knows when tenants were used here before what was told of it is read.
                Ok(()) = self.told.changed(), if !self.known_note => self.told.mark_changed(),
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
        self.hear(lead.is_some());
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
        followed.and(led).and(self.heard.wrong.as_deref().map_or(Ok(()), |why| Err(unheard(why))))
    }

    /// Takes in what the record told since the last look, and asks it for what all hosts told where this instance `leads`.
    fn hear(&mut self, leads: bool) {
        if self.told.has_changed().unwrap_or_default() {
            self.heard = self.told.borrow_and_update().clone();
            self.heard.all.iter_mut().for_each(|all| all.retain(|note| note.instance != self.note.instance));
        }
        let hurry = self.swarm.services().values().any(|one| one.wake.resting.is_some());
        let every = leads.then_some(if hurry { HURRY } else { self.pace.note });
        self.asked.send_if_modified(|asked| std::mem::replace(&mut asked.all, every) != every);
        if !leads {
            // What was told while this instance led before is old when it leads again.
            self.heard.all = None;
        }
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
        if !self.known_note && !self.take_up(now).await? {
            // HAProxy ended just now, or the record did not answer yet. A note of this moment would hide what came before, and nobody has looked at.
            return Ok(());
        }
        if is_due(self.due.used, self.pace.quiet) || !resting.is_empty() {
            self.routes.read_use(&mut self.note, now).await?;
            self.due.used = Some(Instant::now());
        }
        let away = self.routes.away(&resting).await?;
        let news = away != self.note.away;
        self.note.away = away;
        if news || is_due(self.due.noted, self.pace.note) {
            self.note.at = now;
            self.asked.send_modify(|asked| asked.note = Some(self.note.clone()));
            self.due.noted = Some(Instant::now());
        }
        Ok(())
    }

    /// Takes up what this host told before, and what its HAProxy knows besides; whether both could be asked.
    async fn take_up(&mut self, now: Timestamp) -> Result<bool> {
        let Some(before) = &self.heard.before else { return Ok(false) };
        if let Some(note) = before {
            self.note = note.clone();
            self.note.away.clear();
        }
        self.known_note = self.routes.read_use(&mut self.note, now).await?;
        Ok(self.known_note)
    }

    /// All tenants, as the policy wants them.
    fn tenants(&self, running: &[Running]) -> BTreeMap<String, Tenant> {
        let routers = self.swarm.routers();
        let of = |(name, known): (&String, &Known)| {
            let tenant = Tenant {
                runs: known.runs,
                phase: self.swarm.phase(name, running),
                wake: known.wake.clone(),
                used: self.used(name, &routers),
                left_alone: self.left_alone(name, known, &routers),
            };
            (name.clone(), tenant)
        };
        self.swarm.services().iter().map(of).collect()
    }

    fn notes(&self) -> impl Iterator<Item = &Note> {
        self.heard.all.iter().flatten().chain(self.known_note.then_some(&self.note))
    }

    /// When a tenant was last used, on whatever host. A host that does not know may have been used until it began to.
    fn used(&self, tenant: &str, routers: &BTreeSet<String>) -> Option<Timestamp> {
        let of = |note: &Note| note.used.get(tenant).copied().or_else(|| routers.contains(&note.instance).then_some(note.since));
        self.notes().filter_map(of).max()
    }

    /// The rest for which all hosts have taken their hands off a tenant.
    fn left_alone(&self, tenant: &str, known: &Known, routers: &BTreeSet<String>) -> Option<Timestamp> {
        let since = known.wake.resting?;
        let away = |router: &String| self.notes().any(|note| note.instance == *router && note.away.get(tenant) == Some(&since));
        routers.iter().all(away).then_some(since)
    }

    /// Whether every host that routes says what it sees.
    fn resting(&self, now: Timestamp) -> Resting {
        if self.heard.before.is_none() || self.heard.all.is_none() || self.heard.wrong.is_some() {
            return Resting::Unknown;
        }
        let speaks = |router: &String| self.notes().any(|note| note.instance == *router && now.duration_since(note.at) < SILENT);
        if self.known_note && self.swarm.routers().iter().all(speaks) { Resting::Allowed } else { Resting::Forbidden }
    }

    /// Starts and stops, where this instance leads.
    async fn act(&mut self, planes: &Planes, tenants: &BTreeMap<String, Tenant>, now: Timestamp) -> Result<()> {
        let book = self.book.borrow().clone();
        // Whose data is being restored is not there for whoever decides.
        let restoring = self.swarm.restoring();
        let free: BTreeMap<String, Tenant> =
            tenants.iter().filter(|(name, _)| !restoring.contains(*name)).map(|(name, one)| (name.clone(), one.clone())).collect();
        let mut result = Ok(());
        let todo = decide(now, &free, &book, self.resting(now));
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
                // What was in the way counts as use: the next try comes after as long a time.
                self.note.used.insert(tenant.clone(), now);
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

fn unheard(why: &str) -> Error {
    Error::new(Class::Unreachable, "record.edges", format!("{why}; nobody is put to rest meanwhile"))
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
