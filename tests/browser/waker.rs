//! A small waker around `asked` and `page`, and the tenant that it wakes: what a browser sees of them is what it sees of the real ones.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Of};
use axum::http::{HeaderMap, Response};
use reeve::edge::asked::{Asked, Form, Wakes, asked};
use reeve::edge::page::{Answer, State, page, words};
use tokio::net::TcpListener;

/// The tenant's name. Browsers find `*.localhost` on this machine and treat it as if it were TLS.
pub const TENANT: &str = "ckwc";
/// What the tenant's own page is called.
pub const LOGIN: &str = "Login";
/// Nobody asks for a page: every state of it stands under this path and its number, and does not reload itself.
const STILL: &str = "/still/";
/// So long it waits for its turn, and then starts.
const TURN: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_secs(6);

/// One request that was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET /path?query`.
    pub line: String,
    pub headers: HeaderMap,
    pub asked: Asked,
    /// Whether the tenant itself answered.
    pub tenants: bool,
}

#[derive(Default)]
struct Inner {
    woken: Option<Instant>,
    wakes: usize,
    never_ready: bool,
    still: Vec<State>,
    seen: Vec<Seen>,
}

/// A waker on a port of its own.
#[derive(Clone)]
pub struct Waker {
    inner: Arc<Mutex<Inner>>,
    pub origin: String,
}

impl Waker {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let waker = Self { inner: Arc::default(), origin: format!("http://{TENANT}.localhost:{port}") };
        let router = Router::new().fallback(answer).with_state(waker.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        waker
    }

    /// The tenant goes to sleep.
    pub fn sleep(&self) {
        self.lock().woken = None;
    }

    /// From now on no start comes to its end.
    pub fn never_ready(&self) {
        self.lock().never_ready = true;
    }

    /// How often it was woken from sleep.
    pub fn wakes(&self) -> usize {
        self.lock().wakes
    }

    /// What was asked for since this was last asked.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.lock().seen)
    }

    /// How much was asked for since then.
    pub fn asks(&self) -> usize {
        self.lock().seen.len()
    }

    /// The address of a page that shows this state and does not reload itself.
    pub fn still(&self, state: State) -> String {
        let mut inner = self.lock();
        inner.still.push(state);
        format!("{}{STILL}{}", self.origin, inner.still.len() - 1)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody failed with it")
    }

    fn answer(&self, request: &Request) -> Response<Body> {
        let path = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let is = asked(request.method(), path, request.headers(), &BTreeSet::from(["/openmrs/ws/".to_owned()]));
        let mut inner = self.lock();
        let still =
            path.strip_prefix(STILL).and_then(|number| number.parse().ok()).and_then(|number: usize| inner.still.get(number).cloned());
        if let Some(state) = still {
            let mut page = page(TENANT, path, &state);
            page.headers.retain(|(name, _)| *name != "refresh");
            return whole(page);
        }
        if is.wakes == Wakes::Yes && inner.woken.is_none() {
            inner.woken = Some(Instant::now());
            inner.wakes += 1;
        }
        let state = match inner.woken.map(|woken| woken.elapsed()) {
            None => Some(State::Asleep),
            Some(since) if since < TURN => Some(State::Queued { position: 2, of: 2 }),
            Some(since) if since < TURN + START || inner.never_ready => Some(State::Starting {
                since: (since - TURN).as_secs(),
                usual: Some(START.as_secs()),
                step: "The database answers.".into(),
            }),
            Some(_) => None,
        };
        inner.seen.push(Seen {
            line: format!("{} {path}", request.method()),
            headers: request.headers().clone(),
            asked: is,
            tenants: state.is_none(),
        });
        match (state, is.form) {
            (None, _) => tenants(path),
            (Some(state), Form::Page) => whole(page(TENANT, path, &state)),
            (Some(state), Form::Words) => whole(words(TENANT, &state)),
        }
    }
}

async fn answer(Of(waker): Of<Waker>, request: Request) -> Response<Body> {
    waker.answer(&request)
}

fn whole(answer: Answer) -> Response<Body> {
    let start = Response::builder().status(answer.status);
    let start = answer.headers.iter().fold(start, |start, (name, value)| start.header(*name, value));
    start.body(answer.body.into()).expect("an answer")
}

/// A stand-in for OpenMRS's pages: it asks all the time whether its session lives, and has a service worker that passes on what it is asked.
fn tenants(path: &str) -> Response<Body> {
    let (content, body) = if path.ends_with("/service-worker.js") {
        (
            "text/javascript",
            "addEventListener('activate', event => event.waitUntil(clients.claim())); \
                             addEventListener('fetch', event => event.respondWith(fetch(event.request)))"
                .into(),
        )
    } else if path.starts_with("/openmrs/ws/") {
        ("application/json", "{\"authenticated\":false}".into())
    } else {
        let script = "setInterval(() => fetch('/openmrs/ws/rest/v1/session', { headers: { Accept: 'application/json' } }), 200);";
        (
            "text/html",
            format!(
                "<!doctype html><html lang=en><title>{LOGIN}</title><link rel=icon href='data:,'><h1>{LOGIN}</h1><a href=''>Again</a><script>{script}</script>"
            ),
        )
    };
    Response::builder().header("content-type", content).header("cache-control", "no-store").body(body.into()).expect("an answer")
}
