//! What whoever leads the edge does beside waking: it sizes the fleet, and tells people what they have to know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tracing::{Span, info, warn};

use crate::edge::orders::Scaling;
use crate::edge::{Looked, Said};
use crate::model::runbook;
use crate::notify::{Channels, Notice, Post, Seen};
use crate::planes::Planes;
use crate::record::Record;
use crate::scaling::{self, Memory, Settings};
use crate::session::Session;
use crate::trace;

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
    let mut waking: BTreeMap<String, Span> = BTreeMap::new();
    while let Some(said) = heard.recv().await {
        match said {
            Said::Starts { tenant } => {
                info!(tenant, "{tenant} is being started");
                waking.insert(tenant.clone(), trace::wake(&tenant));
            }
            Said::Arrived { tenant, seconds } => {
                if let Some(span) = waking.remove(&tenant) {
                    trace::set(&span, "reeve.outcome", "arrived");
                    trace::set(&span, "reeve.seconds", i64::try_from(seconds).unwrap_or(i64::MAX));
                }
                info!(tenant, seconds, "{tenant} answers after {seconds} s");
                failing.is(&about(&tenant), None);
            }
            Said::GaveUp { tenant, why } => {
                if let Some(span) = waking.remove(&tenant) {
                    trace::set(&span, "reeve.outcome", "given up");
                    trace::failed(&span, "given up", &why);
                }
                warn!(tenant, "{tenant} could not be started, it is tried again later: {why}");
                let words = format!("it could not be started, and is tried again later: {why}: see {}", runbook::WONT_WAKE);
                failing.is(&about(&tenant), Some(&words));
            }
            Said::Rests { tenant } => {
                info!(tenant, "{tenant} is put to rest: nobody uses it");
                trace::put_to_rest(&tenant);
            }
            Said::Stays { tenant } => {
                info!(tenant, "{tenant} was about to be put to rest and stays");
                trace::kept(&tenant);
            }
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

/// The policy's settings, as the stack tells its hosts.
#[must_use]
pub fn settings(scaling: Option<&Scaling>) -> Settings {
    let Some(said) = scaling else { return Settings::default() };
    let time = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    Settings {
        spare: said.spare,
        quiet: time(said.quiet),
        linger: time(said.linger),
        join: time(said.join),
        worker_down: time(said.worker_down),
        manager_down: time(said.manager_down),
        ..Settings::default()
    }
}

/// Sizes the fleet for as long as it is polled, by the settings of that moment. What stays the same is said once.
pub async fn fleet(
    planes: &Planes,
    settings: impl Fn() -> Settings,
    looked: &watch::Receiver<Looked>,
    failing: &Failing,
) -> std::convert::Infallible {
    let mut memory = Memory::default();
    let mut before = BTreeSet::new();
    loop {
        let waiting: BTreeSet<String> = looked.borrow().queued.iter().cloned().collect();
        let mut wrong = BTreeMap::new();
        let said = match scaling::turn(&planes.fresh(), &settings(), &waiting, &mut memory, Timestamp::now()).await {
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Status, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[test]
    fn the_fleet_is_sized_by_what_the_stack_tells_its_hosts_and_by_the_policys_own_defaults_else() {
        assert_eq!(settings(None), Settings::default());
        let said = Scaling { spare: 0.25, quiet: 600, linger: 14_400, join: 1_200, worker_down: 120, manager_down: 1_800 };
        let minutes = SignedDuration::from_mins;
        let wanted = Settings {
            spare: 0.25,
            quiet: minutes(10),
            linger: minutes(240),
            join: minutes(20),
            worker_down: minutes(2),
            manager_down: minutes(30),
            ..Settings::default()
        };
        assert_eq!(settings(Some(&said)), wanted);
    }

    #[tokio::test]
    async fn a_wake_is_a_trace_from_its_start_to_its_end() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let (say, heard) = mpsc::unbounded_channel();
        let tenant = |name: &str| name.to_owned();
        for said in [
            Said::Starts { tenant: tenant("a") },
            Said::Starts { tenant: tenant("b") },
            Said::Arrived { tenant: tenant("a"), seconds: 12 },
            Said::GaveUp { tenant: tenant("b"), why: "no image".to_owned() },
            Said::Rests { tenant: tenant("c") },
            Said::Stays { tenant: tenant("d") },
            // One that another host started: its beginning was not seen here.
            Said::Arrived { tenant: tenant("e"), seconds: 1 },
        ] {
            say.send(said).unwrap();
        }
        drop(say);
        hear(heard, Failing::default()).await;
        let spans = kept.0.lock().unwrap();
        let seen: Vec<(String, String, String, bool)> = spans
            .iter()
            .map(|span| {
                let of = |name: &str| {
                    let found = span.attributes.iter().find(|one| one.key.as_str() == name);
                    found.map(|one| one.value.to_string()).unwrap_or_default()
                };
                (
                    span.name.to_string(),
                    of("reeve.tenant"),
                    format!("{} {}", of("reeve.outcome"), of("reeve.seconds")),
                    span.status != Status::Unset,
                )
            })
            .collect();
        let span = |name: &str, tenant: &str, what: &str, bad| (name.to_owned(), tenant.to_owned(), what.to_owned(), bad);
        assert_eq!(
            seen,
            [
                span("wake", "a", "arrived 12", false),
                span("wake", "b", "given up ", true),
                span("rest", "c", "rests ", false),
                span("rest", "d", "stays ", false)
            ]
        );
    }
}
