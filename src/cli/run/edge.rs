//! The edge beside the loop: where this machine is a host of the fleet, it wakes tenants and puts them to rest.

mod leading;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::edge::metrics::Metrics;
use crate::edge::{self, Book, Orders, Pace, Parts};
use crate::model::{Access, runbook};
use crate::notify::Channels;
use crate::planes::aws::connect::Options;
use crate::planes::{Docker, Haproxy, Plane, Planes};
use crate::record::{Location, Lost, RecordError};
use crate::session::{Error, Held, Session, Stack};
pub use leading::settings;
use leading::{Failing, fleet, hear, tell};

/// How soon it is tried again to lead, or to begin.
const AGAIN: Duration = Duration::from_secs(5);

/// What it needs.
#[derive(Debug)]
pub struct Settings {
    /// What the stack tells its hosts, whenever it is something else.
    pub orders: watch::Receiver<Option<Arc<Orders>>>,
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
        let Ok(Some(orders)) = settings.orders.wait_for(Option::is_some).await.map(|orders| orders.clone()) else { return };
        let why = match once(settings, &orders, stop).await {
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

/// How the stack of these orders is reached.
///
/// # Errors
/// Its record cannot be reached from a host.
pub fn stack(orders: &Orders) -> Result<Stack, String> {
    let said = &orders.stack;
    let record = match Location::parse(&said.record, Path::new("")).map_err(|error| error.to_string())? {
        Location::Local(path) if path.is_relative() => {
            return Err(format!(
                "`record: {}` is relative to a folder that this host does not have: write an absolute path, or `s3`",
                said.record
            ));
        }
        location => location,
    };
    Ok(Stack {
        name: said.name.clone(),
        domain: said.domain.clone(),
        region: said.region.clone(),
        account: said.account.clone(),
        record,
        // The planes of a host are its own.
        access: Access::default(),
    })
}

/// Until `stop` turns, the stack is reached in another way, or it cannot go on, and why.
async fn once(settings: &Settings, orders: &Orders, stop: &watch::Receiver<bool>) -> Result<(), String> {
    let session = Session::open(stack(orders)?, settings.connect.clone()).await.map_err(|error| error.to_string())?;
    let planes = session.planes();
    Docker::of(planes).map_err(|error| error.to_string())?;
    let place = Haproxy::of(planes).map_err(|error| error.to_string())?.place.clone();
    let waker = place.waker.or(orders.routing.waker).ok_or("routing.haproxy names no waker")?;
    let listener = TcpListener::bind(waker)
        .await
        .map_err(|error| format!("cannot listen at {waker}, where HAProxy asks: {error}: see {}", runbook::WAKER_AWAY))?;
    info!("waking tenants, at {waker}");
    let (book_in, book) = watch::channel(Arc::new(orders.book()));
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
            () = follow(settings.orders.clone(), orders, &book_in) => Ok(()),
        };
        end_in.send_replace(true);
        ended
    };
    let lead = Lead { session: &session, line: &settings.line, orders: &settings.orders, queued, failing: failing.clone() };
    let (ended, (), ()) = tokio::join!(work, lead.hold(&lead_in, end), hear(heard, failing));
    ended
}

/// Keeps the book up with what the stack tells its hosts; returns when the stack is reached in another way.
async fn follow(mut orders: watch::Receiver<Option<Arc<Orders>>>, first: &Orders, book_in: &watch::Sender<Arc<Book>>) {
    while orders.changed().await.is_ok() {
        let Some(now) = orders.borrow_and_update().clone() else { continue };
        if now.stack != first.stack || now.routing.waker != first.routing.waker {
            return;
        }
        book_in.send_replace(Arc::new(now.book()));
    }
}

/// The lead, asked for again and again, and what is done under it.
struct Lead<'a> {
    session: &'a Session,
    line: &'a str,
    orders: &'a watch::Receiver<Option<Arc<Orders>>>,
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
            let orders = self.orders.borrow().clone();
            let told = |orders: Arc<Orders>| Channels { webhook: orders.notify.webhook.clone(), topic: orders.notify.topic.clone() };
            orders.map(told).unwrap_or_default()
        };
        let sizes = || settings(self.orders.borrow().as_ref().and_then(|orders| orders.scaling.as_ref()));
        tokio::select! {
            _ = lost.wait_for(Option::is_some) => {}
            _ = end.wait_for(|end| *end) => {}
            never = fleet(&planes, sizes, &self.queued, &self.failing) => match never {},
            never = tell(self.session, &held.record, channels, &self.failing) => match never {},
        }
        lead.send_replace(None);
        lost.borrow().as_ref().map(Lost::to_string)
    }
}
