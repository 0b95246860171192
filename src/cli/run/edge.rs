//! The edge beside the loop: where this machine is a host of the fleet, it wakes tenants and puts them to rest.

mod leading;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::edge::looked::BLIND;
use crate::edge::metrics::Metrics;
use crate::edge::{self, Book, Looked, Orders, Pace, Parts};
use crate::model::{Access, Starts, runbook};
use crate::notify::Channels;
use crate::planes::aws::connect::Options;
use crate::planes::{Docker, Haproxy, Plane, Planes};
use crate::reconcile;
use crate::record::{Location, Lost, RecordError};
use crate::session::{Error, Held, Session, Stack};
pub use leading::settings;
use leading::{Sized, fleet, hear, tell};

/// How soon it is tried again to lead, or to begin.
const AGAIN: Duration = Duration::from_secs(5);
/// So long at most its end waits for the record: a lease that could not be given back ends by itself.
const LAST: Duration = Duration::from_secs(10);
/// How often whoever leads makes sure that it sees the swarm.
const SEES: Duration = Duration::from_secs(1);

/// What it needs.
#[derive(Debug)]
struct Settings {
    /// What the stack tells its hosts, whenever it is something else.
    orders: watch::Receiver<Option<Arc<Orders>>>,
    /// How AWS is reached.
    connect: Options,
    /// The command line, for the lease.
    line: String,
    /// What is counted.
    metrics: Metrics,
    /// And of the whole service.
    service: reconcile::Metrics,
}

/// An edge that works.
#[derive(Debug)]
pub struct Working {
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
}

impl Working {
    /// Begins: by what the stack tells its hosts, whenever `orders` is something else, with AWS reached by `connect`; `line` is the command's, for the lease.
    pub fn begin(orders: watch::Receiver<Option<Arc<Orders>>>, connect: Options, line: &str, service: &reconcile::Metrics) -> Self {
        let metrics = Metrics::default();
        service.register(|registry| metrics.register(registry));
        let (stop, stopped) = watch::channel(false);
        let settings = Settings { orders, connect, line: line.to_owned(), metrics, service: service.clone() };
        Self { stop, work: tokio::spawn(run(settings, stopped)) }
    }

    /// Ends it, when what it holds was given back.
    pub async fn end(self) {
        self.stop.send_replace(true);
        // One that panicked has ended, too.
        let _ = self.work.await;
    }
}

/// Works until `stop` turns, and gives back what it holds. Where this is no host it says so and waits.
async fn run(mut settings: Settings, stop: watch::Receiver<bool>) {
    let mut said = String::new();
    while let Some(Some(orders)) = before(&stop, first(&mut settings.orders)).await {
        let why = match once(&settings, &orders, &stop).await {
            Ok(()) if *stop.borrow() => return,
            Ok(()) => "the stack is reached in another way from now on".to_owned(),
            Err(why) => why,
        };
        if said != why {
            info!("no tenant is woken from here: {why}");
            said = why;
        }
        before(&stop, tokio::time::sleep(AGAIN)).await;
    }
}

/// What comes of `work`, unless `end` turns before.
async fn before<T>(end: &watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    let mut end = end.clone();
    tokio::select! {
        biased;
        _ = end.wait_for(|end| *end) => None,
        done = work => Some(done),
    }
}

/// What comes of `work`, which holds something by then: once `end` turns it has a last while to come to its own end.
async fn in_the_end<T>(end: &watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(work);
    match before(end, &mut work).await {
        Some(done) => Some(done),
        None => tokio::time::timeout(LAST, work).await.ok(),
    }
}

/// What the stack tells its hosts, once it does; `None`: nobody will say.
async fn first(orders: &mut watch::Receiver<Option<Arc<Orders>>>) -> Option<Arc<Orders>> {
    orders.wait_for(Option::is_some).await.ok()?.clone()
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
        starts: Starts::default(),
    })
}

/// Until `stop` turns, the stack is reached in another way, or it cannot go on, and why.
async fn once(settings: &Settings, orders: &Orders, stop: &watch::Receiver<bool>) -> Result<(), String> {
    let Some(session) = before(stop, Session::open(stack(orders)?, settings.connect.clone())).await else { return Ok(()) };
    let session = session.map_err(|error| error.to_string())?;
    let planes = session.planes();
    Docker::of(planes).map_err(|error| error.to_string())?;
    let place = Haproxy::of(planes).map_err(|error| error.to_string())?.place.clone();
    let waker = place.waker.or(orders.routing.waker).ok_or("routing.haproxy names no waker")?;
    let listener = TcpListener::bind(waker)
        .await
        .map_err(|error| format!("cannot listen at {waker}, where HAProxy asks: {error}: see {}", runbook::WAKER_AWAY))?;
    let (book_in, book) = watch::channel(Arc::new(orders.book()));
    let (lead_in, lead) = watch::channel(None);
    let (said, heard) = mpsc::unbounded_channel();
    let (looked_in, looked) = watch::channel(Looked::default());
    let parts = Parts {
        planes: planes.fresh(),
        record: session.record(),
        book,
        lead,
        listener,
        looked: looked_in,
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
    let lead = Lead { session: &session, line: &settings.line, orders: &settings.orders, looked, service: &settings.service };
    let (ended, (), ()) = tokio::join!(work, lead.hold(&lead_in, end), hear(heard));
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
    looked: watch::Receiver<Looked>,
    service: &'a reconcile::Metrics,
}

impl Lead<'_> {
    /// Until `end` turns; a lead that is held then goes back. Whoever does not see the swarm does not ask for it.
    async fn hold(&self, lead: &watch::Sender<Option<Planes>>, end: watch::Receiver<bool>) {
        let mut said = String::new();
        while before(&end, sees(self.looked.clone())).await.is_some() {
            let Some(held) = in_the_end(&end, self.session.hold_edge(self.line)).await else { return };
            let why = match held {
                Ok(held) => {
                    info!("this host wakes tenants and puts them to rest");
                    let why = self.under(&held, lead, end.clone()).await;
                    match tokio::time::timeout(LAST, held.release()).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => warn!("the lead of the edge could not be given back: {error}"),
                        Err(_) => warn!("the lead of the edge could not be given back within {} s, and ends by itself", LAST.as_secs()),
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
            before(&end, tokio::time::sleep(AGAIN)).await;
        }
    }

    /// Leads until the lease is lost or the swarm is not seen any more, and why, or `end` turns.
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
        // Whoever led before knew more than this one does yet.
        let sized = watch::Sender::<Sized>::default();
        let why = tokio::select! {
            _ = lost.wait_for(Option::is_some) => None,
            _ = end.wait_for(|end| *end) => None,
            () = blind(&self.looked) => Some(format!("it has not seen the swarm for {} s", BLIND.as_secs())),
            never = fleet(&planes, sizes, &self.looked, &sized) => match never {},
            never = tell(self.session, &held.record, channels, &self.looked, &sized, self.service) => match never {},
        };
        lead.send_replace(None);
        let lost = lost.borrow().as_ref().map(Lost::to_string);
        lost.or(why)
    }
}

/// Returns once the swarm is seen.
async fn sees(mut looked: watch::Receiver<Looked>) {
    if looked.wait_for(Looked::sees).await.is_err() {
        // Nobody looks any more: it ends.
        std::future::pending::<()>().await;
    }
}

/// Returns once the swarm is not seen any more.
async fn blind(looked: &watch::Receiver<Looked>) {
    while looked.borrow().sees() {
        tokio::time::sleep(SEES).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn what_holds_something_comes_to_its_own_end_and_nothing_else_is_waited_for() {
        let (end_in, end) = watch::channel(true);
        assert_eq!(before(&end, std::future::pending::<()>()).await, None);
        let gives_back = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            "given back"
        };
        assert_eq!(in_the_end(&end, gives_back).await, Some("given back"));
        end_in.send_replace(false);
        assert_eq!(before(&end, async { "done" }).await, Some("done"));
    }

    #[tokio::test]
    async fn who_does_not_see_the_swarm_neither_asks_for_the_lead_nor_keeps_it() {
        let (looked_in, looked) = watch::channel(Looked::default());
        let (_end_in, end) = watch::channel(false);
        let soon = |work| tokio::time::timeout(Duration::from_millis(200), work);
        assert!(soon(before(&end, sees(looked.clone()))).await.is_err(), "nobody has looked yet");
        let long_ago = Instant::now().checked_sub(BLIND);
        looked_in.send_modify(|looked| looked.at = long_ago);
        assert!(soon(before(&end, sees(looked.clone()))).await.is_err(), "every turn since then failed");
        assert!(tokio::time::timeout(Duration::from_millis(200), blind(&looked)).await.is_ok(), "a lead is given back");
        looked_in.send_modify(|looked| looked.at = Some(Instant::now()));
        assert_eq!(soon(before(&end, sees(looked.clone()))).await, Ok(Some(())));
        assert!(tokio::time::timeout(Duration::from_millis(200), blind(&looked)).await.is_err());
    }
}
