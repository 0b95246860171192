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
use crate::reconcile;
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

/// What the sizing of the fleet came upon.
#[derive(Debug, Clone, Default)]
pub struct Sized {
    /// What is wrong, by what it is about.
    wrong: BTreeMap<String, String>,
    /// That is all: the last turn got through.
    is_all: bool,
}

/// Puts into the log what the edge says.
pub async fn hear(mut heard: mpsc::UnboundedReceiver<Said>) {
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
            }
            Said::GaveUp { tenant, why } => {
                if let Some(span) = waking.remove(&tenant) {
                    trace::set(&span, "reeve.outcome", "given up");
                    trace::failed(&span, "given up", &why);
                }
                warn!(tenant, "{tenant} could not be started, it is tried again later: {why}");
            }
            Said::Rests { tenant } => {
                info!(tenant, "{tenant} is put to rest: nobody uses it");
                trace::put_to_rest(&tenant);
            }
            Said::Stays { tenant } => {
                info!(tenant, "{tenant} was about to be put to rest and stays");
                trace::kept(&tenant);
            }
            Said::Trouble(why) => warn!("tenants cannot be looked after: {why}"),
            Said::Well => info!("tenants are looked after again"),
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
    sized: &watch::Sender<Sized>,
) -> std::convert::Infallible {
    let mut memory = Memory::default();
    let mut before = BTreeSet::new();
    loop {
        let waiting: BTreeSet<String> = looked.borrow().queued.iter().cloned().collect();
        let mut wrong = BTreeMap::new();
        let turned = scaling::turn(&planes.fresh(), &settings(), &waiting, &mut memory, Timestamp::now()).await;
        let is_all = turned.is_ok();
        let said = match turned {
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
        sized.send_replace(Sized { wrong, is_all });
        tokio::time::sleep(FLEET).await;
    }
}

/// What fails, and of what was `told` to fail before, what nobody has looked at since this instance leads.
fn seen<'t>(looked: &Looked, sized: &Sized, told: impl Iterator<Item = &'t str>) -> Seen {
    let mut failing = sized.wrong.clone();
    let words = |why: &String| format!("it could not be started, and is tried again later: {why}: see {}", runbook::WONT_WAKE);
    failing.extend(looked.failed.iter().flatten().map(|(tenant, why)| (format!("tenant/{tenant}"), words(why))));
    failing.extend(looked.trouble.iter().map(|why| ("edge".to_owned(), format!("tenants cannot be looked after: {why}"))));
    let is_known = |about: &str| if about.starts_with("fleet: ") { sized.is_all } else { looked.failed.is_some() };
    let unknown = told.filter(|about| !is_known(about)).map(str::to_owned).collect();
    Seen { failing, unknown, ..Seen::default() }
}

/// Tells people what goes wrong and what is well again, each once, for as long as it is polled.
pub async fn tell(
    session: &Session,
    record: &Record,
    channels: impl Fn() -> Channels,
    looked: &watch::Receiver<Looked>,
    sized: &watch::Sender<Sized>,
    service: &reconcile::Metrics,
) -> std::convert::Infallible {
    let mut post = Post::of_the_edge();
    let mut silent: BTreeMap<&'static str, Instant> = BTreeMap::new();
    loop {
        let told = async {
            post.read(record).await?;
            let seen = seen(&looked.borrow(), &sized.borrow(), post.ledger().failing());
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
                    service.delivered(channel, &outcome);
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
    use crate::notify::Ledger;

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

    #[test]
    fn a_new_leader_tells_nobody_that_what_it_has_not_looked_at_is_well() {
        let words = |all: &[&str]| all.iter().map(|one| ((*one).to_owned(), "why".to_owned())).collect::<BTreeMap<_, _>>();
        let failed = |all: &[&str]| Looked { failed: Some(words(all)), ..Looked::default() };
        let sized = |all: &[&str], is_all| Sized { wrong: words(all), is_all };
        let mut ledger = Ledger::default();
        let mut tell = |looked: &Looked, sized: &Sized| {
            let seen = seen(looked, sized, ledger.failing());
            ledger.turn("s", "now", &seen).iter().map(|one| format!("{} {}", one.kind, one.subject)).collect::<Vec<_>>()
        };
        let before = Looked { trouble: Some("why".to_owned()), ..failed(&["a", "b"]) };
        let told = tell(&before, &sized(&["fleet: full"], true));
        assert_eq!(told, ["failed edge", "failed fleet: full", "failed tenant/a", "failed tenant/b"]);

        // Another one leads, reads the ledger and has not looked yet.
        assert!(tell(&Looked::default(), &Sized::default()).is_empty());
        // The labels say who fails still.
        assert_eq!(tell(&failed(&["a"]), &Sized::default()), ["recovered edge", "recovered tenant/b"]);
        // A turn of the fleet that did not get through says nothing of what was found before.
        assert_eq!(tell(&failed(&["a"]), &sized(&["fleet: turn"], false)), ["failed fleet: turn"]);
        assert_eq!(tell(&failed(&["a"]), &sized(&["fleet: full"], true)), ["recovered fleet: turn"]);
        assert_eq!(tell(&failed(&[]), &sized(&[], true)), ["recovered fleet: full", "recovered tenant/a"]);
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
        hear(heard).await;
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
