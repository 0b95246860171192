//! The waker: an HTTP server on the loopback that HAProxy asks for every tenant that does not answer. It says how it is and notes who is wanted, and waits for nobody.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as With};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use super::asked::{Form, Wakes, asked};
use super::book::Book;
use super::metrics::Metrics;
use super::page::{self, Answer, State};
use super::shown::Shown;

/// Who is wanted, and that somebody came for one that should answer: a thousand requests are one entry.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Arc<(Mutex<Asked>, Notify)>);

/// What was asked for since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Tenants to be started.
    pub tenants: BTreeSet<String>,
    /// Somebody came for a tenant that answers by itself: its route is not what it should be.
    pub astray: bool,
}

impl Wanted {
    fn add(&self, tenant: &str) {
        self.with(|asked| asked.tenants.insert(tenant.to_owned()));
        self.0.1.notify_one();
    }

    fn astray(&self) {
        self.with(|asked| asked.astray = true);
        self.0.1.notify_one();
    }

    /// What was asked for since the last time.
    #[must_use]
    pub fn take(&self) -> Asked {
        self.with(std::mem::take)
    }

    /// Puts back what could not be done.
    pub fn again(&self, tenants: impl IntoIterator<Item = String>) {
        self.with(|asked| asked.tenants.extend(tenants));
    }

    /// Returns once somebody came.
    pub async fn came(&self) {
        self.0.1.notified().await;
    }

    fn with<T>(&self, what: impl FnOnce(&mut Asked) -> T) -> T {
        what(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the waker needs.
#[derive(Debug, Clone)]
pub struct Waker {
    /// What the YAML says.
    pub book: watch::Receiver<Arc<Book>>,
    /// The last look.
    pub shown: watch::Receiver<Arc<Shown>>,
    /// Who is wanted.
    pub wanted: Wanted,
    /// What is counted.
    pub metrics: Metrics,
}

/// Serves until `stop` turns.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(waker: Waker, listener: TcpListener, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let app = Router::new().fallback(answer).with_state(waker);
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

async fn answer(With(waker): With<Waker>, request: Request) -> Response {
    let host = host(request.headers());
    let book = waker.book.borrow().clone();
    let Some((name, entry)) = book.at(&host) else { return nobody() };
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    let asked = asked(request.method(), request.uri().path(), request.headers(), &entry.api_paths);
    let wakes = asked.wakes == Wakes::Yes;
    let state = if entry.suspended {
        State::Suspended
    } else {
        let shown = waker.shown.borrow().clone();
        if wakes && shown.is_to_be_wanted(name) {
            waker.wanted.add(name);
        }
        let state = shown.state(name, wakes, Timestamp::now());
        if state == State::Ready {
            waker.wanted.astray();
        }
        state
    };
    waker.metrics.asked(&state, asked);
    response(match asked.form {
        Form::Page => page::page(name, address, &state),
        Form::Words => page::words(name, &state),
    })
}

fn response(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_else(|_| nobody())
}

/// HAProxy answers so itself; whoever is here came past it, or the tenant left the YAML just now.
fn nobody() -> Response {
    let mut response = Response::new(Body::from("{\"error\":\"nothing is served under this name\"}"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// The host name that was asked for, as the map of HAProxy has it.
fn host(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
}
