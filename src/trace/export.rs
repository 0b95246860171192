//! Handing traces over, by OTLP over HTTP. It works beside everything else: what is slow or silent there costs a trace, never a pass.
//!
//! Finished spans wait in a queue of a fixed size (`OTEL_BSP_*`) for a thread of their own, which sends them every five seconds; what finds the queue full is lost. Headers
//! are secrets: they go from the environment into the request and into no word that this program says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tracing::{Level, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer as _, Registry};

use super::spans::TARGET;
use super::wanted::{Wanted, wanted};
use crate::planes::https::{self, Client};
use crate::record::host;

/// How long the end waits for what is still to be handed over.
const FLUSH: Duration = Duration::from_secs(3);
/// Trouble that comes and goes is said so seldom.
const SAY: Duration = Duration::from_secs(3600);
/// The longest answer that is read: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>.
const ANSWER: usize = 4 * 1024 * 1024;

/// What spans go into, for a subscriber.
pub type Layer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;

/// The way of traces out of this process.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    trouble: Arc<Mutex<Trouble>>,
}

impl Traces {
    /// As the environment says; `None` when nobody wants any. Spans go nowhere before a subscriber has the layer. With `logs`, trouble is said in the log.
    ///
    /// # Errors
    /// Why they cannot be handed over, in words without a secret. No reason to stop: whoever calls says so, and goes on.
    pub fn of_the_environment(logs: bool) -> Result<Option<(Self, Layer)>, String> {
        let Some(wanted) = wanted(|name| std::env::var(name).ok())? else { return Ok(None) };
        let trouble = Arc::new(Mutex::new(Trouble { logs, to: wanted.to.clone(), ..Trouble::default() }));
        let told = Telling { exporter: exporter(&wanted)?, trouble: Arc::clone(&trouble) };
        let provider = SdkTracerProvider::builder().with_batch_exporter(told).with_resource(resource()).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(TARGET, Level::INFO))
            .boxed();
        Ok(Some((Self { provider, trouble }, layer)))
    }

    /// Hands over what is there, for a few seconds at most. Afterwards nothing more is.
    ///
    /// # Errors
    /// That it was not taken, in words, where the log has not said so already.
    pub async fn end(self) -> Result<(), String> {
        let provider = self.provider;
        // The thread that sends has the runtime make its requests: it is waited for beside it.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&trouble.why, ended) {
            (Some(_), _) if trouble.said.is_some() => Ok(()),
            (Some(why), _) => Err(format!("traces do not reach {}: {why}", trouble.to)),
            (None, Ok(Ok(()))) => Ok(()),
            (None, _) => Err(format!("traces do not reach {}: it did not take the last of them within {} s", trouble.to, FLUSH.as_secs())),
        }
    }
}

/// Who sends, as the environment says.
fn exporter(wanted: &Wanted) -> Result<SpanExporter, String> {
    let client = https::client().map_err(|error| error.message)?;
    let sender = Sender { client, runtime: tokio::runtime::Handle::current(), limit: wanted.limit };
    // Its own words may hold what stands in a variable.
    let unusable = |_| "the variables OTEL_EXPORTER_OTLP_... cannot be used together".to_owned();
    SpanExporter::builder().with_http().with_http_client(sender).build().map_err(unusable)
}

/// Who this is: <https://opentelemetry.io/docs/specs/semconv/resource/>. What the environment says comes before what is known here.
fn resource() -> Resource {
    let ours = [
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("host.name", host()),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let said = Resource::builder_empty().with_detector(Box::new(EnvResourceDetector::new())).build();
    let new = ours.into_iter().filter(|one| said.get(&one.key).is_none());
    let name = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attributes(new)
        .with_attributes(name.map(|name| KeyValue::new(Key::from_static_str("service.name"), name)))
        .build()
}

/// Requests of the thread that sends, made where requests can be made.
#[derive(Debug)]
struct Sender {
    client: Client,
    runtime: tokio::runtime::Handle,
    limit: Duration,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let (client, limit) = (self.client.clone(), self.limit);
        let call = async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(http::Response::from_parts(head, body))
        };
        // The clock of the runtime is asked for on the runtime: who calls is the thread that sends.
        self.runtime.spawn(async move { tokio::time::timeout(limit, call).await }).await??
    }
}

/// What goes wrong with handing over.
#[derive(Debug, Default)]
struct Trouble {
    logs: bool,
    to: String,
    why: Option<String>,
    /// When it was last said.
    said: Option<Instant>,
    /// That it is over has to be said too.
    owed: bool,
}

impl Trouble {
    /// Takes in what came of a delivery, and says what is new.
    fn heard(&mut self, result: &OTelSdkResult) {
        let why = result.as_ref().err().map(ToString::to_string);
        match &why {
            Some(why) if self.logs && self.why.is_none() && self.said.is_none_or(|at| at.elapsed() > SAY) => {
                warn!("traces do not reach {}, and are lost until they do: {why}", self.to);
                self.said = Some(Instant::now());
                self.owed = true;
            }
            None if std::mem::take(&mut self.owed) => info!("traces reach {} again", self.to),
            _ => {}
        }
        self.why = why;
    }
}

/// An exporter that says what goes wrong, once.
#[derive(Debug)]
struct Telling {
    exporter: SpanExporter,
    trouble: Arc<Mutex<Trouble>>,
}

impl opentelemetry_sdk::trace::SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).heard(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
