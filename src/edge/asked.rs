//! What one HTTP request is: whether a page or words are the answer, and whether it may wake the tenant that it is for. Pure.
//!
//! Waking costs a place on a host for hours, and a sleeper that nobody wakes is an outage: so what *surely* comes from nobody wakes nobody, and everything else does. Who sends
//! a request is read from [fetch metadata](https://www.w3.org/TR/fetch-metadata/), which all browsers send over TLS (Chromium since 80, Firefox 90, Safari 16.4) and no script
//! can forge, and else from `User-Agent`.
//!
//! **Our own page.** It reloads itself for as long as it stands, and one left open over night must not wake its tenant again and again. The page sets a cookie that lasts
//! [`COOKIE_SECONDS`]; what has it and shows nothing of a person ([`Why::Reload`]) is told how things are and wants nothing. A person shows in any of three: `Sec-Fetch-User`, which Chromium and Firefox
//! send with what a click or a key began; `Sec-Fetch-Site: none` of an address that was typed, a bookmark, a link in a mail; `Referer` of a link on the tenant's own pages (our page has none,
//! `Referrer-Policy`). Safari sends no `Sec-Fetch-User`, and a service worker, as OpenMRS's front end has one, takes it away. So a page that says that the tenant is asleep takes the cookie away and
//! does not reload itself (`page.rs`): whatever is clicked on it wakes. `tests/browser` sees all of it in Chromium.
//!
//! **Known bots** are a list of ours (`model/watcher.rs`). A bot that hides is a program like any other.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, Method};

use crate::model::watcher::{self, Watcher};

/// Set by the page of the waker, so that its reloads are known. The prefix keeps other tenants, whose names are in the same domain, from setting it.
pub const COOKIE: &str = "__Host-reeve_waiting";
/// So long the cookie lasts after the page was last shown: longer than the page's longest time between two reloads, shorter than tenants are kept awake for nobody.
pub const COOKIE_SECONDS: u32 = 600;

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What answers it while its tenant does not.
    pub form: Form,
    /// Whether it is a reason to start the tenant.
    pub wakes: Wakes,
}

/// What answers a request while its tenant does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A browser shows what comes: a page.
    Page,
    /// A program reads what comes: 503 and JSON.
    Words,
}

/// Whether a request is a reason to start its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakes {
    /// A person or a program wants something.
    Yes,
    /// Nobody does.
    No(Why),
}

/// Why a request wakes nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// A load balancer or a monitor asks whether something answers.
    Checker,
    /// A search engine, a scanner or the like.
    Crawler,
    /// A messenger makes a preview of a link.
    Preview,
    /// A browser fetches what may be wanted later.
    Prefetch,
    /// What browsers and crawlers fetch beside a page, wherever they are: icons, `robots.txt`, manifests, service workers.
    Beside,
    /// A script, a picture, a socket: a tab that stayed open.
    Background,
    /// `HEAD`, `OPTIONS`, `TRACE`: it wants to know about something, and not the thing.
    Enquiry,
    /// The waker's own page, which reloaded itself.
    Reload,
}

impl Why {
    /// Its name, for metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checker => "checker",
            Self::Crawler => "crawler",
            Self::Preview => "preview",
            Self::Prefetch => "prefetch",
            Self::Beside => "beside",
            Self::Background => "background",
            Self::Enquiry => "enquiry",
            Self::Reload => "reload",
        }
    }
}

impl From<Watcher> for Why {
    fn from(watcher: Watcher) -> Self {
        match watcher {
            Watcher::Checker => Self::Checker,
            Watcher::Preview => Self::Preview,
            Watcher::Crawler => Self::Crawler,
        }
    }
}

/// Last parts of paths that are asked for beside a page, in lower case; of `apple-touch-icon` the front part.
const BESIDE: &[&str] = &[
    "favicon.ico",
    "favicon.svg",
    "favicon.png",
    "robots.txt",
    "humans.txt",
    "ads.txt",
    "sitemap.xml",
    "browserconfig.xml",
    "manifest.json",
    "site.webmanifest",
    "manifest.webmanifest",
];

/// What a request is. `path` may have its query; `api_paths` are the front parts of paths that programs use.
#[must_use]
pub fn asked(method: &Method, path: &str, headers: &HeaderMap, api_paths: &BTreeSet<String>) -> Asked {
    let path = path.split('?').next().unwrap_or_default();
    let sent = Sent::of(headers);
    let reads = method == Method::GET || method == Method::HEAD;
    let page = reads && sent.is_navigation() && sent.wants_html() && !api_paths.iter().any(|front| path.starts_with(front.as_str()));
    let form = if page { Form::Page } else { Form::Words };
    let wakes = why_not(method, path, &sent).map_or(Wakes::Yes, Wakes::No);
    Asked { form, wakes }
}

/// The first reason why nobody is woken. Who it is stands before what it does, so that a crawler is counted as one whatever it fetches.
fn why_not(method: &Method, path: &str, sent: &Sent) -> Option<Why> {
    let reads = method == Method::GET || method == Method::HEAD;
    if let Some(watcher) = watcher::known(sent.agent) {
        Some(Why::from(watcher))
    } else if sent.is_ahead() {
        Some(Why::Prefetch)
    } else if reads && (is_beside(path) || sent.is_beside()) {
        Some(Why::Beside)
    } else if [Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method) {
        Some(Why::Enquiry)
    } else if reads && sent.is_background() {
        Some(Why::Background)
    } else if reads && sent.is_own_reload() {
        Some(Why::Reload)
    } else {
        None
    }
}

/// `/.well-known/` is what browsers and checkers look into unasked; FHIR's (`.../R4/.well-known/smart-configuration`) stands deeper and is a program's first question.
fn is_beside(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    path.starts_with("/.well-known/") || last.starts_with("apple-touch-icon") || BESIDE.contains(&last.as_str())
}

/// The headers that tell who sends a request and why; empty where absent.
struct Sent<'a> {
    headers: &'a HeaderMap,
    agent: &'a str,
    accept: &'a str,
    mode: &'a str,
    dest: &'a str,
}

impl<'a> Sent<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let of = |name| text(headers, name);
        Self { headers, agent: of("user-agent"), accept: of("accept"), mode: of("sec-fetch-mode"), dest: of("sec-fetch-dest") }
    }

    fn has(&self, name: &str, part: &str) -> bool {
        text(self.headers, name).to_ascii_lowercase().contains(part)
    }

    /// A window or a frame is to show it. A service worker that passes a navigation on leaves `Sec-Fetch-Dest: empty`.
    fn is_navigation(&self) -> bool {
        match (self.mode, self.dest) {
            ("", dest) => ["", "document", "iframe"].contains(&dest),
            ("navigate", dest) => ["", "document", "iframe", "frame", "empty"].contains(&dest),
            _ => false,
        }
    }

    fn wants_html(&self) -> bool {
        self.accept.contains("text/html") || self.accept.contains("application/xhtml+xml")
    }

    /// Prefetch and prerender: Chromium's `Sec-Purpose` and, earlier, `Purpose`; Safari's `X-Purpose: preview`; Firefox's `X-Moz`.
    fn is_ahead(&self) -> bool {
        self.has("sec-purpose", "prefetch")
            || ["purpose", "x-purpose", "x-moz"].iter().any(|name| self.has(name, "prefetch") || self.has(name, "preview"))
    }

    fn is_beside(&self) -> bool {
        self.headers.contains_key("service-worker") || ["manifest", "serviceworker"].contains(&self.dest)
    }

    /// A script, a picture or a socket of a browser. One that sends no fetch metadata (old, or without TLS) is known by the name that all browsers begin with, and by asking for no page.
    fn is_background(&self) -> bool {
        let browser = self.agent.starts_with("Mozilla/") || self.agent.starts_with("Opera/");
        let socket = self.has("upgrade", "websocket") && self.headers.contains_key("origin");
        match self.mode {
            "" => socket || browser && !self.wants_html(),
            "navigate" => false,
            _ => true,
        }
    }

    /// A navigation that shows nothing of a person, by a browser that our page waits in.
    fn is_own_reload(&self) -> bool {
        let of = |name| text(self.headers, name);
        let person = of("sec-fetch-user") == "?1" || of("sec-fetch-site") == "none" || !of("referer").is_empty();
        self.mode == "navigate" && !person && self.waits()
    }

    fn waits(&self) -> bool {
        let cookies = self.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|line| line.split(';')).any(|pair| pair.trim().split('=').next() == Some(COOKIE))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default()
}

#[cfg(test)]
mod tests;
