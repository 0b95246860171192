//! What whoever leads the edge does beside waking: it sizes the fleet, and tells people what they have to know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::edge::Said;
use crate::model::runbook;
use crate::notify::{Channels, Notice, Post, Seen};
use crate::planes::Planes;
use crate::record::Record;
use crate::scaling::{self, Memory, Settings};
use crate::session::Session;

/// How often the fleet is looked at.
const FLEET: Duration = Duration::from_secs(30);
/// How often it is looked whether there is something to tell.
const TELL: Duration = Duration::from_secs(2);
/// How soon a channel that did not take what it was sent is tried again.
const SILENT: Duration = Duration::from_secs(60);

/// What goes wrong, by what it is about: told once when it begins, and once when it is over.
#[derive(Debug, Clone, Default)]
pub struct Failing(watch::Sender<BTreeMap<String, String>>);

impl Failing {
    /// That is wrong, or, without words, not any more.
    pub fn is(&self, about: &str, why: Option<&str>) {
        self.0.send_if_modified(|all| match why {
            Some(why) => all.insert(about.to_owned(), why.to_owned()).as_deref() != Some(why),
            None => all.remove(about).is_some(),
        });
    }

    /// Of this sort, exactly these are wrong.
    fn are(&self, sort: &str, all: BTreeMap<String, String>) {
        let gone: Vec<String> =
            self.0.borrow().keys().filter(|about| about.starts_with(sort) && !all.contains_key(*about)).cloned().collect();
        gone.iter().for_each(|about| self.is(about, None));
        all.iter().for_each(|(about, why)| self.is(about, Some(why)));
    }
}

/// Puts into the log what the edge says, and remembers what goes wrong.
pub async fn hear(mut heard: mpsc::UnboundedReceiver<Said>, failing: Failing) {
    let about = |tenant: &str| format!("tenant/{tenant}");
    while let Some(said) = heard.recv().await {
        match said {
            Said::Starts { tenant } => info!(tenant, "{tenant} is being started"),
            Said::Arrived { tenant, seconds } => {
                info!(tenant, seconds, "{tenant} answers after {seconds} s");
                failing.is(&about(&tenant), None);
            }
            Said::GaveUp { tenant, why } => {
                warn!(tenant, "{tenant} could not be started, it is tried again later: {why}");
                let words = format!("it could not be started, and is tried again later: {why}: see {}", runbook::WONT_WAKE);
                failing.is(&about(&tenant), Some(&words));
            }
            Said::Rests { tenant } => info!(tenant, "{tenant} is put to rest: nobody uses it"),
            Said::Stays { tenant } => info!(tenant, "{tenant} was about to be put to rest and stays"),
            Said::Trouble(why) => {
                warn!("tenants cannot be looked after: {why}");
                failing.is("edge", Some(&format!("tenants cannot be looked after: {why}")));
            }
            Said::Well => {
                info!("tenants are looked after again");
                failing.is("edge", None);
            }
        }
    }
}

/// Sizes the fleet for as long as it is polled. What stays the same is said once.
pub async fn fleet(planes: &Planes, queued: &watch::Receiver<Vec<String>>, failing: &Failing) -> std::convert::Infallible {
    let (settings, mut memory) = (Settings::default(), Memory::default());
    let mut before = BTreeSet::new();
    loop {
        let waiting: BTreeSet<String> = queued.borrow().iter().cloned().collect();
        let mut wrong = BTreeMap::new();
        let said = match scaling::turn(&planes.fresh(), &settings, &waiting, &mut memory, Timestamp::now()).await {
            Ok(said) => said.into_iter().map(|one| (one.key(), matches!(one, scaling::Said::Done(_)), one.to_string())).collect(),
            Err(error) => vec![("turn".to_owned(), false, format!("the fleet cannot be looked after: {error}"))],
        };
        let mut now = BTreeSet::new();
        for (key, done, words) in said {
            let is_new = !before.contains(&key);
            match done {
                true => info!("fleet: {words}"),
                false if is_new => warn!("fleet: {words}"),
                false => {}
            }
            if !done {
                wrong.insert(format!("fleet: {key}"), words);
                now.insert(key);
            }
        }
        before = now;
        failing.are("fleet: ", wrong);
        tokio::time::sleep(FLEET).await;
    }
}

/// Tells people what goes wrong and what is well again, each once, for as long as it is polled.
pub async fn tell(session: &Session, record: &Record, channels: impl Fn() -> Channels, failing: &Failing) -> std::convert::Infallible {
    let mut post = Post::of_the_edge();
    let mut silent: BTreeMap<&'static str, Instant> = BTreeMap::new();
    loop {
        let seen = Seen { failing: failing.0.borrow().clone(), ..Seen::default() };
        let told = async {
            post.read(record).await?;
            let new = post.ledger().turn(&session.stack.name, &Timestamp::now().to_string(), &seen);
            new.iter().for_each(Notice::log);
            let channels = channels();
            post.keep(record, &channels, &new).await?;
            let rests = |name: &str| silent.get(name).is_some_and(|since| since.elapsed() < SILENT);
            post.deliver(record, &session.connection.aws, &channels, |name| !rests(name)).await
        };
        match told.await {
            Ok(outcomes) => {
                for (channel, outcome) in outcomes {
                    if let Err(why) = outcome {
                        warn!(channel, "the {channel} took no notices, tried again in {} s: {why}", SILENT.as_secs());
                        silent.insert(channel, Instant::now());
                    }
                }
            }
            Err(error) => {
                warn!("what people are told could not be kept: {error}");
                post.forget();
                tokio::time::sleep(SILENT).await;
            }
        }
        tokio::time::sleep(TELL).await;
    }
}
