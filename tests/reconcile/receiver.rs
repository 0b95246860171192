//! A receiver of traces, as a collector is one: OTLP over HTTP on a port of its own, its bodies decoded by OpenTelemetry's own types.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message;

use crate::ground::{SOON, within};

/// One span, as a reader of traces sees it.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    pub attributes: Vec<(String, String)>,
    /// The words of its error, when it is one.
    pub error: Option<String>,
    pub service: String,
}

impl Span {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Clone, Default)]
struct Received {
    spans: Arc<Mutex<Vec<Span>>>,
    bodies: Arc<Mutex<Vec<u8>>>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
    /// Answers so late.
    late: Duration,
}

/// Receives until the test ends.
pub struct Receiver {
    pub url: String,
    received: Received,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::slow(Duration::ZERO).await
    }

    /// One that answers so late.
    pub async fn slow(late: Duration) -> Self {
        let received = Received { late, ..Received::default() };
        let app = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received }
    }

    pub fn spans(&self) -> Vec<Span> {
        self.received.spans.lock().unwrap().clone()
    }

    /// The first span that is so, which has to come soon.
    pub fn span(&self, is: impl Fn(&Span) -> bool) -> Span {
        within(SOON, || self.spans().into_iter().find(|span| is(span))).unwrap_or_else(|| panic!("no such span: {:#?}", self.spans()))
    }

    /// Those directly under it.
    pub fn under(&self, parent: &Span) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.parent == parent.id && span.trace == parent.trace).collect()
    }

    pub fn header(&self, name: &str) -> Vec<String> {
        let all = self.received.headers.lock().unwrap();
        all.iter().filter_map(|one| Some(one.get(name)?.to_str().ok()?.to_owned())).collect()
    }

    /// Everything that came, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.bodies.lock().unwrap()).into_owned()
    }
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    tokio::time::sleep(received.late).await;
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(&body[..]) else { return StatusCode::BAD_REQUEST };
    received.bodies.lock().unwrap().extend(&body);
    received.headers.lock().unwrap().push(headers);
    for of in request.resource_spans {
        let resource = of.resource.map(|one| attributes(one.attributes)).unwrap_or_default();
        let service = resource.into_iter().find(|(name, _)| name == "service.name").map(|(_, value)| value).unwrap_or_default();
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            received.spans.lock().unwrap().push(Span {
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: attributes(span.attributes),
                error: span.status.filter(|status| status.code == 2).map(|status| status.message),
                service: service.clone(),
            });
        }
    }
    StatusCode::OK
}

fn attributes(all: Vec<KeyValue>) -> Vec<(String, String)> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.into_iter().map(|one| (one.key, text(one.value))).collect()
}
