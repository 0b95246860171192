//! The edge beside the loop: where this machine is a host of the fleet, it wakes tenants and puts them to rest.

mod leading;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::desired::Desired;
use crate::desired::tenant::State;
use crate::edge::metrics::Metrics;
use crate::edge::{self, Book, Entry, Pace, Parts, Rules};
use crate::model::runbook;
use crate::planes::aws::connect::Options;
use crate::planes::{Docker, Haproxy, Plane, Planes};
use crate::reconcile::Loaded;
use crate::record::{Lost, RecordError};
use crate::session::{Error, Held, Session, Stack};
use leading::{Failing, fleet, hear, tell};

/// How soon it is tried again to lead, or to begin.
const AGAIN: Duration = Duration::from_secs(5);

/// What it needs.
#[derive(Debug)]
pub struct Settings {
    /// The stack, whenever it was read anew.
    pub loaded: watch::Receiver<Option<Arc<Loaded>>>,
    /// How AWS is reached.
    pub connect: Options,
    /// The command line, for the lease.
    pub line: String,
    /// What is counted.
    pub metrics: Metrics,
}

/// Works until `stop` turns. Where this is no host it says so and waits.
pub async fn run(mut settings: Settings, stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    tokio::select! {
        () = serve(&mut settings, &stop) => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn serve(settings: &mut Settings, stop: &watch::Receiver<bool>) {
    let mut said = String::new();
    loop {
        let Ok(Some(loaded)) = settings.loaded.wait_for(Option::is_some).await.map(|loaded| loaded.clone()) else { return };
        let (way, book) = (Way::of(&loaded), book(&loaded.desired));
        // The whole of a stack is large: of the first one no more is kept than it takes.
        drop(loaded);
        let why = match once(settings, &way, book, stop).await {
            Ok(()) if *stop.borrow() => return,
            Ok(()) => "the stack is reached in another way from now on".to_owned(),
            Err(why) => why,
        };
        if said != why {
            info!("no tenant is woken from here: {why}");
            said = why;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// How a stack is reached, and where HAProxy asks as its configuration says.
#[derive(Debug, PartialEq)]
struct Way {
    stack: Stack,
    waker: Option<SocketAddr>,
}

impl Way {
    fn of(loaded: &Loaded) -> Self {
        let routing = loaded.wishes.values().find(|wish| wish.kind.name == "haproxy.config");
        let waker = routing.and_then(|routing| routing.spec.get("waker")?.as_str()?.parse().ok());
        Self { stack: loaded.stack.clone(), waker }
    }
}

/// Until `stop` turns, the stack is reached in another way, or it cannot go on, and why.
async fn once(settings: &Settings, way: &Way, book: Book, stop: &watch::Receiver<bool>) -> Result<(), String> {
    let session = Session::open(way.stack.clone(), settings.connect.clone()).await.map_err(|error| error.to_string())?;
    let planes = session.planes();
    Docker::of(planes).map_err(|error| error.to_string())?;
    let place = Haproxy::of(planes).map_err(|error| error.to_string())?.place.clone();
    let waker = place.waker.or(way.waker).ok_or("routing.haproxy names no waker")?;
    let listener = TcpListener::bind(waker)
        .await
        .map_err(|error| format!("cannot listen at {waker}, where HAProxy asks: {error}: see {}", runbook::WAKER_AWAY))?;
    info!("waking tenants, at {waker}");
    let (book_in, book) = watch::channel(Arc::new(book));
    let (lead_in, lead) = watch::channel(None);
    let (said, heard) = mpsc::unbounded_channel();
    let (queued_in, queued) = watch::channel(Vec::new());
    let failing = Failing::default();
    let parts = Parts {
        planes: planes.fresh(),
        record: session.record(),
        book,
        lead,
        listener,
        queued: queued_in,
        pace: Pace::default(),
        said,
        metrics: settings.metrics.clone(),
    };
    // What ends in its own time is told to: a lease that is held goes back.
    let (end_in, end) = watch::channel(false);
    let work = async {
        let ended = tokio::select! {
            ended = edge::run(parts, stop.clone()) => ended.map_err(|error| error.to_string()),
            () = follow(settings.loaded.clone(), way, &book_in) => Ok(()),
        };
        end_in.send_replace(true);
        ended
    };
    let lead = Lead { session: &session, line: &settings.line, loaded: &settings.loaded, queued, failing: failing.clone() };
    let (ended, (), ()) = tokio::join!(work, lead.hold(&lead_in, end), hear(heard, failing));
    ended
}

/// Keeps the book up with the YAML; returns when the stack is reached in another way.
async fn follow(mut loaded: watch::Receiver<Option<Arc<Loaded>>>, way: &Way, book_in: &watch::Sender<Arc<Book>>) {
    while loaded.changed().await.is_ok() {
        let Some(now) = loaded.borrow_and_update().clone() else { continue };
        if Way::of(&now) != *way {
            return;
        }
        book_in.send_replace(Arc::new(book(&now.desired)));
    }
}

/// The lead, asked for again and again, and what is done under it.
struct Lead<'a> {
    session: &'a Session,
    line: &'a str,
    loaded: &'a watch::Receiver<Option<Arc<Loaded>>>,
    queued: watch::Receiver<Vec<String>>,
    failing: Failing,
}

impl Lead<'_> {
    /// Until `end` turns; a lead that is held then goes back.
    async fn hold(&self, lead: &watch::Sender<Option<Planes>>, mut end: watch::Receiver<bool>) {
        let mut said = String::new();
        while !*end.borrow() {
            let why = match self.session.hold_edge(self.line).await {
                Ok(held) => {
                    info!("this host wakes tenants and puts them to rest");
                    let why = self.under(&held, lead, end.clone()).await;
                    if let Err(error) = held.release().await {
                        warn!("the lead of the edge could not be given back: {error}");
                    }
                    why.map(|why| format!("it does not lead any more: {why}"))
                }
                Err(Error::Record(RecordError::Led(holder))) => {
                    Some(format!("{} on {} leads (process {})", holder.who, holder.host, holder.pid))
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why.filter(|why| said != *why) {
                info!("this host answers for tenants and does not start them: {why}");
                said = why;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = end.wait_for(|end| *end) => {}
            }
        }
    }

    /// Leads until the lease is lost, and why, or `end` turns.
    async fn under(&self, held: &Held, lead: &watch::Sender<Option<Planes>>, mut end: watch::Receiver<bool>) -> Option<String> {
        let planes = self.session.under(held);
        lead.send_replace(Some(planes.clone()));
        let mut lost = held.lease.lost();
        let channels = || {
            let loaded = self.loaded.borrow().clone();
            loaded.map(|loaded| loaded.channels()).unwrap_or_default()
        };
        tokio::select! {
            _ = lost.wait_for(Option::is_some) => {}
            _ = end.wait_for(|end| *end) => {}
            never = fleet(&planes, &self.queued, &self.failing) => match never {},
            never = tell(self.session, &held.record, channels, &self.failing) => match never {},
        }
        lead.send_replace(None);
        lost.borrow().as_ref().map(Lost::to_string)
    }
}

/// What the edge has to know of the YAML.
fn book(desired: &Desired) -> Book {
    let spec = &desired.stack.spec;
    let seconds = |duration: crate::desired::quantity::Duration| Duration::from_secs(duration.0);
    let rules = Rules {
        after: seconds(spec.idle.after),
        wake_timeout: seconds(spec.idle.wake_timeout),
        max_waking: usize::try_from(spec.idle.max_waking).unwrap_or(usize::MAX),
    };
    let served = desired.tenants.iter().filter(|tenant| tenant.spec.state != State::Archived);
    let tenants: BTreeMap<String, Entry> = served
        .map(|tenant| {
            let distribution = spec.distributions.get(&tenant.spec.distribution);
            let entry = Entry {
                host: format!("{}.{}", tenant.name, spec.domain),
                api_paths: distribution.map(|one| one.api_paths.iter().cloned().collect::<BTreeSet<_>>()).unwrap_or_default(),
                suspended: tenant.spec.state == State::Suspended,
                keep_awake: tenant.spec.keep_awake,
                hours: tenant.spec.hours.clone().or_else(|| spec.idle.hours.clone()),
            };
            (tenant.name.clone(), entry)
        })
        .collect();
    Book::new(tenants, rules)
}
