//! The HTTP client under all SDK clients: what every attempt of every call passes through.
//!
//! [`Named`] writes on each request which call it belongs to; [`Wire`] waits for the call's rate budget, counts it, lets the
//! fault layer of the tests at it, sends it, reads the whole answer within [`retry::ATTEMPT`] and says, when it failed, whether
//! it can have reached AWS ([`Broken`]). Answers are read here and not later in the SDK, so that an answer that
//! breaks off half-way is known to be one that broke off. The bodies that reeve asks for are small.
//!
//! The time a call waits for its budget counts to no time-out. It is signed by then, and a signature holds five minutes. Changes wait far
//! shorter, because of the run's parallelism, and so do reads, of which each listing has a few on their way at a time; where the account's
//! other users leave too little of a budget all the same, the call is signed anew and sent again ([`Refusal::is_expired`]).

mod answer;
mod call;

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::budget::Budget;
use super::faults::Faults;
use super::gate::Gate;
use super::retry;
use super::stats::Stats;

pub use answer::Refusal;
use answer::{Cut, is_whole};
pub use call::{Call, Named};

/// An attempt without a whole answer.
#[derive(Debug)]
pub struct Broken {
    /// The call.
    pub call: Call,
    /// Whether the request can have reached the service: false when no connection came about.
    pub may_have_arrived: bool,
    source: BoxError,
}

impl Broken {
    /// The one in an error's chain of causes, when there is one.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        chain(error).find_map(|error| error.downcast_ref::<Self>())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.may_have_arrived {
            true => write!(f, "{}: no whole answer came", self.call),
            false => write!(f, "{}: no connection came about", self.call),
        }
    }
}

impl StdError for Broken {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}

/// An error and its causes, outermost first.
pub(super) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// No answer in time.
#[derive(Debug)]
struct TooSlow(Duration);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {} s", self.0.as_secs_f32())
    }
}

impl StdError for TooSlow {}

/// The HTTP client: rustls with the system's certificates, or plain HTTP where the endpoint says `http`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wire {
    tls: SharedHttpClient,
    plain: SharedHttpClient,
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    stats: Stats,
    budget: Arc<Budget>,
    budget_locally: bool,
    attempt: Duration,
    gate: Option<Gate>,
    faults: Option<Faults>,
}

/// A connector for AWS itself, through the proxy that `HTTPS_PROXY` and `NO_PROXY` name, which the SDK's default client does not read.
fn tls_connector(settings: Option<&HttpConnectorSettings>, components: Option<&RuntimeComponents>) -> Connector {
    let mut builder = Connector::builder();
    builder.set_connector_settings(settings.cloned());
    builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    let rustls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    builder.tls_provider(rustls).proxy_config(ProxyConfig::from_env()).build()
}

impl Wire {
    /// A client that counts into `stats`.
    #[must_use]
    pub fn new(stats: Stats) -> Self {
        let rules = Rules { stats, budget: Arc::default(), budget_locally: false, attempt: retry::ATTEMPT, gate: None, faults: None };
        Self { tls: Builder::new().build_with_connector_fn(tls_connector), plain: Builder::new().build_http(), rules: Arc::new(rules) }
    }

    fn with(self, change: impl FnOnce(Rules) -> Rules) -> Self {
        let old = &self.rules;
        let copy = Rules {
            stats: old.stats.clone(),
            budget: old.budget.clone(),
            budget_locally: old.budget_locally,
            attempt: old.attempt,
            gate: old.gate.clone(),
            faults: old.faults.clone(),
        };
        Self { rules: Arc::new(change(copy)), ..self }
    }

    /// The same, with the same budgets, where each attempt to change something asks `gate` first.
    #[must_use]
    pub fn with_gate(self, gate: Gate) -> Self {
        self.with(|rules| Rules { gate: Some(gate), ..rules })
    }

    /// The same with faults thrown in. For tests.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        self.with(|rules| Rules { faults: Some(faults), ..rules })
    }

    /// The same with AWS's rate budgets kept also on endpoints of this machine, which have none of AWS's limits. For tests.
    #[must_use]
    pub fn with_budgets_everywhere(self) -> Self {
        self.with(|rules| Rules { budget_locally: true, ..rules })
    }

    /// The same with another limit on one attempt, from sending to the answer's last byte.
    #[must_use]
    pub fn with_attempt_timeout(self, attempt: Duration) -> Self {
        self.with(|rules| Rules { attempt, ..rules })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        // Which of the two is needed is known with the request: the certificates are not loaded for a local endpoint.
        SharedHttpConnector::new(Line { wire: self.clone(), settings: settings.clone(), components: components.clone() })
    }
}

/// A connector of the client.
#[derive(Debug)]
struct Line {
    wire: Wire,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = if request.uri().starts_with("http://") { &self.wire.plain } else { &self.wire.tls };
        let connector = client.http_connector(&self.settings, &self.components);
        let Some(call) = request.extension::<Call>().cloned() else {
            return connector.call(request);
        };
        let rules = self.wire.rules.clone();
        HttpConnectorFuture::new(async move { rules.pass(call, request, connector).await })
    }
}

impl Rules {
    async fn pass(&self, call: Call, request: HttpRequest, connector: SharedHttpConnector) -> Result<HttpResponse, ConnectorError> {
        let is_budgeted = self.budget_locally || !is_local(request.uri());
        let body = if is_budgeted { request.body().bytes().unwrap_or_default().to_vec() } else { Vec::new() };
        if is_budgeted {
            self.budget.wait(&call, &body).await;
        }
        if let Some(gate) = self.gate.as_ref().filter(|_| !call.is_read())
            && let Err(shut) = gate.pass().await
        {
            return Err(broken(call, ConnectorError::user(shut.into())));
        }
        self.stats.sent(&call);
        let answer = match &self.faults {
            None => self.send(request, &connector).await,
            Some(faults) => faults.around(&call, request, |request| self.send(request, &connector)).await,
        };
        match answer {
            // What an object of S3 holds is its writer's business.
            Ok(response)
                if response.status().is_success()
                    && call.operation != "GetObject"
                    && !is_whole(response.body().bytes().unwrap_or_default()) =>
            {
                Err(broken(call, ConnectorError::io(Cut.into())))
            }
            Ok(mut response) => {
                let refusal = Refusal::of(&response);
                if refusal.as_ref().is_some_and(Refusal::is_throttle) {
                    self.stats.throttled();
                    if is_budgeted {
                        self.budget.refused(&call, &body);
                    }
                }
                if let Some(refusal) = refusal {
                    response.add_extension(refusal);
                }
                response.add_extension(call);
                Ok(response)
            }
            Err(error) => Err(broken(call, error)),
        }
    }

    /// Sends and reads the whole answer.
    async fn send(&self, request: HttpRequest, connector: &SharedHttpConnector) -> Result<HttpResponse, ConnectorError> {
        let whole = async {
            let mut response = connector.call(request).await?;
            let body = ByteStream::new(response.take_body()).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
            *response.body_mut() = SdkBody::from(body.into_bytes());
            Ok(response)
        };
        match tokio::time::timeout(self.attempt, whole).await {
            Ok(done) => done,
            Err(_) => Err(ConnectorError::timeout(TooSlow(self.attempt).into())),
        }
    }
}

/// The same error with the call and how far it came.
fn broken(call: Call, error: ConnectorError) -> ConnectorError {
    let (timeout, user, io, other) = (error.is_timeout(), error.is_user(), error.is_io(), error.as_other());
    let source: BoxError = error.into_source();
    let unconnected = chain(source.as_ref())
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect);
    // What is not sent again may have arrived the first time.
    let may_have_arrived = !unconnected && (!user || call.attempt > 1);
    let source = Box::new(Broken { call, may_have_arrived, source });
    match (timeout, user, io) {
        (true, ..) => ConnectorError::timeout(source),
        (_, true, _) => ConnectorError::user(source),
        (.., true) => ConnectorError::io(source),
        _ => ConnectorError::other(source, other),
    }
}

/// Whether an address is one of this machine: an emulator, not AWS.
#[must_use]
pub fn is_local(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_told_from_aws() {
        for uri in ["http://127.0.0.1:4566/", "http://localhost/x", "http://[::1]:80", "http://127.9.9.9", "http://s3.localhost:5000/a?b"] {
            assert!(is_local(uri), "{uri}");
        }
        for uri in ["https://ec2.eu-west-1.amazonaws.com/", "http://10.0.0.1/", "https://localhost.example.com/", "http://127.example.com"]
        {
            assert!(!is_local(uri), "{uri}");
        }
    }
}
