//! What is told while a tenant does not answer: a page to people, 503 and JSON to programs. Pure.
//!
//! The page has no script and fetches nothing: `Refresh` has the browser ask for the same path and query again, until the tenant itself answers. What stands after `#` no browser tells a server, and it is lost
//! then; a `Refresh` without an address would keep it, and never reload a page that has one: browsers take that for a jump within the page (seen in Chromium). It is the header and not the element so
//! that a copy that somebody saved or that a browser restores does not go on asking. WCAG (F41) would have no page reload itself unasked; this one does since the other ways are a script or a connection held
//! for minutes: nothing is entered on it, what changes stands first, in the title too, and it reloads the less often the longer the wait is.
//!
//! 200 for pages, since browsers and proxies show their own page for errors; never 401, 403 or 404, at which OpenMRS's front end logs its user out or forgets the tenant.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::asked::{COOKIE, COOKIE_SECONDS};

/// How it is with a tenant that does not answer. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is wanted, and as many as may start at once do so before it.
    Queued {
        /// Its place; the next one to start has 1.
        position: u32,
        /// How many wait.
        of: u32,
    },
    /// Its container starts.
    Starting {
        /// Since it was asked to.
        since: u64,
        /// How long this tenant's starts take, where that is known.
        usual: Option<u64>,
        /// What is going on, as a sentence for people. Empty: nothing to add.
        step: String,
    },
    /// It is ready: the next request goes to itself.
    Ready,
    /// It was tried and did not start.
    Failed {
        /// Why, as a sentence for people: what they see must not help whoever attacks. Empty: nothing to add.
        why: String,
        /// How often it was tried.
        tries: u32,
        /// Until it is tried again.
        next_try: u64,
    },
    /// It sleeps, and this request wakes it not (`asked::Wakes::No`): a person is offered to.
    Asleep,
    /// It is not served until somebody says otherwise.
    Suspended,
    /// It is kept from running while something is done with it, such as a restore.
    Busy {
        /// What, as a sentence for people.
        doing: String,
    },
    /// It is wanted, and no host has room for it.
    NoRoom,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 or 503.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// HTML or JSON.
    pub body: String,
}

impl State {
    /// Its name, in JSON and for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Starting { .. } => "starting",
            Self::Ready => "ready",
            Self::Failed { .. } => "failed",
            Self::Asleep => "asleep",
            Self::Suspended => "suspended",
            Self::Busy { .. } => "busy",
            Self::NoRoom => "no_room",
        }
    }

    /// What a program may branch on: `waking` ends by itself.
    fn error(&self) -> &'static str {
        match self {
            Self::Queued { .. } | Self::Starting { .. } | Self::Ready | Self::NoRoom => "waking",
            Self::Failed { .. } | Self::Asleep | Self::Suspended | Self::Busy { .. } => self.name(),
        }
    }

    /// Seconds until a program should ask again.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        match self {
            Self::Queued { position, .. } => (u64::from(*position) * 5).clamp(5, 60),
            Self::Starting { since, usual, .. } => usual.map_or(5, |usual| usual.saturating_sub(*since).clamp(2, 30)),
            Self::Ready => 1,
            Self::Failed { next_try, .. } => (*next_try).clamp(5, 300),
            Self::Asleep | Self::NoRoom => 15,
            Self::Busy { .. } => 60,
            Self::Suspended => 3600,
        }
    }

    /// Seconds until the page reloads itself; `None` when it does not. Shorter than the cookie lasts.
    #[must_use]
    pub fn reload_after(&self) -> Option<u64> {
        match self {
            Self::Queued { .. } => Some(5),
            // A screen reader begins anew each time: seldom while there is long to go.
            Self::Starting { since, usual, .. } => Some(usual.map_or(5, |usual| (usual.saturating_sub(*since) / 4).clamp(2, 10))),
            Self::Ready => Some(1),
            Self::Failed { next_try, .. } => Some((*next_try).clamp(10, 60)),
            Self::NoRoom => Some(10),
            Self::Busy { .. } => Some(30),
            Self::Asleep | Self::Suspended => None,
        }
    }

    /// Title, what it means, and what more there is to say. Nothing is escaped yet.
    fn told(&self, tenant: &str) -> (String, String, Vec<String>) {
        const AGAIN: &str = "This page tries again by itself; you need not do anything.";
        let again = || AGAIN.to_owned();
        match self {
            Self::Queued { position, of } => (
                format!("{tenant} is number {position} in the queue"),
                format!("It is number {position} of {of} that wait to be woken, each in its turn."),
                vec![again()],
            ),
            Self::Starting { since, usual, step } => {
                let since_words = for_people(*since);
                let time = match usual {
                    Some(usual) if since <= usual => {
                        format!("It has been starting for {since_words}; this usually takes {}.", for_people(*usual))
                    }
                    Some(usual) => {
                        format!(
                            "It has been starting for {since_words}, longer than the usual {}. That happens after an update.",
                            for_people(*usual)
                        )
                    }
                    None => format!("It has been starting for {since_words}. A first start may take some minutes."),
                };
                let step = Some(step.clone()).filter(|step| !step.is_empty());
                (format!("{tenant} is starting"), time, step.into_iter().chain([again()]).collect())
            }
            Self::Ready => (format!("{tenant} is ready"), "It opens in a moment.".into(), Vec::new()),
            Self::Failed { why, tries, next_try } => {
                let times = if *tries == 1 { "once".to_owned() } else { format!("{tries} times") };
                let why = Some(why.clone()).filter(|why| !why.is_empty());
                let more = ["Whoever runs this service has been told.".to_owned(), again()];
                (
                    format!("{tenant} could not be started"),
                    format!("It was tried {times}, and is tried again in {}.", for_people(*next_try)),
                    why.into_iter().chain(more).collect(),
                )
            }
            Self::Asleep => {
                (format!("{tenant} is asleep"), "Nobody has used it for a while. Opening it takes a minute or so.".into(), Vec::new())
            }
            Self::Suspended => (
                format!("{tenant} is suspended"),
                "Its data is kept. Whoever runs this service can say why, and can bring it back.".into(),
                Vec::new(),
            ),
            Self::Busy { doing } => {
                (format!("{tenant} is being worked on"), doing.clone(), vec!["It will be back when that is done.".into(), again()])
            }
            Self::NoRoom => (
                format!("{tenant} waits for a free place"),
                "All places are taken for the moment. More are being made, which takes some minutes.".into(),
                vec![again()],
            ),
        }
    }

    /// How far it is, as `(value, max)`; `Some(None)` when it goes on and nobody knows how far it is.
    fn progress(&self) -> Option<Option<(u64, u64)>> {
        match self {
            Self::Queued { position, of } => Some(Some((u64::from(of.saturating_sub(*position)), u64::from((*of).max(1))))),
            // Never full: it is the tenant that says when it is there.
            Self::Starting { since, usual: Some(usual), .. } if *usual > 0 => {
                Some(Some(((since.saturating_mul(100) / usual).min(95), 100)))
            }
            Self::Starting { .. } | Self::NoRoom => Some(None),
            Self::Ready => Some(Some((100, 100))),
            Self::Failed { .. } | Self::Asleep | Self::Suspended | Self::Busy { .. } => None,
        }
    }
}

/// The answer for people. `address` is what was asked for: path and query.
#[must_use]
pub fn page(tenant: &str, address: &str, state: &State) -> Answer {
    let reload = state.reload_after();
    let mut headers = common("text/html; charset=utf-8");
    headers.extend([
        ("content-security-policy", POLICY.clone()),
        ("referrer-policy", "no-referrer".into()),
        // Who began a reload is told by this (`asked.rs`). Where nothing reloads itself, whatever comes next is a person.
        ("set-cookie", format!("{COOKIE}=1; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", reload.map_or(0, |_| COOKIE_SECONDS))),
    ]);
    headers.extend(reload.map(|seconds| ("refresh", again(seconds, address))));
    Answer { status: 200, headers, body: html(tenant, state) }
}

/// Relative to the page, so that no path (`//elsewhere/`) leads anywhere else; behind `./`, so that nothing in it is a scheme or a quotation mark.
fn again(seconds: u64, address: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, ""), |(path, query)| (path, query));
    let last = path.rsplit('/').next().unwrap_or_default();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    // A browser has encoded all else; whoever has not is no browser, and knows what it asked for.
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if plain { format!("{seconds}; url=./{last}{query}") } else { seconds.to_string() }
}

/// The answer for programs.
#[must_use]
pub fn words(tenant: &str, state: &State) -> Answer {
    let retry = state.retry_after();
    let position = if let State::Queued { position, .. } = state { json!(position) } else { Value::Null };
    let body =
        json!({ "error": state.error(), "tenant": tenant, "state": state.name(), "position": position, "retry_after_seconds": retry });
    let mut headers = common("application/json");
    headers.push(("retry-after", retry.to_string()));
    Answer { status: 503, headers, body: body.to_string() }
}

fn common(content: &str) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", content.into()),
        ("cache-control", "no-store".into()),
        ("x-content-type-options", "nosniff".into()),
        ("x-robots-tag", "noindex".into()),
    ]
}

/// Nothing is fetched but the empty icon, which keeps browsers from asking for one. The page may stand in a frame where the tenant's own would.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
});

/// Contrast is 7:1 and more in both schemes. What moves is still for who asks for that.
const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1d2229;--soft:#4a5361;--bg:#fff;--key:#0b57a4;--on:#fff}\
@media(prefers-color-scheme:dark){:root{--fg:#eceef1;--soft:#b9c0ca;--bg:#15181d;--key:#8ec2ff;--on:#10151c}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--bg);color:var(--fg);font:1rem/1.55 system-ui,sans-serif}\
main{max-width:34rem;margin:0 auto;padding:12vh 1rem 2rem;overflow-wrap:anywhere}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}\
p{margin:0 0 .75rem}\
.more{color:var(--soft)}\
progress{display:block;width:100%;height:.75rem;margin:0 0 1rem;accent-color:var(--key)}\
a{display:inline-block;padding:.6rem 1.1rem;border-radius:.4rem;background:var(--key);color:var(--on);font-weight:600;text-decoration:none}\
a:hover{text-decoration:underline}\
a:focus-visible{outline:.2rem solid var(--fg);outline-offset:.2rem}\
@media(prefers-reduced-motion:reduce){progress:not([value]){display:none}}\
@media(forced-colors:active){a{border:1px solid}}";

fn html(tenant: &str, state: &State) -> String {
    let (title, meaning, more) = state.told(tenant);
    let (title, meaning) = (escaped(&title), escaped(&meaning));
    let mut body = format!("<h1>{title}</h1>\n<p role=\"status\" aria-live=\"polite\">{meaning}</p>\n");
    let label = if matches!(state, State::Queued { .. }) { "Place in the queue" } else { "Progress of the start" };
    match state.progress() {
        Some(Some((value, max))) => {
            let _ = writeln!(body, "<progress aria-label=\"{label}\" value=\"{value}\" max=\"{max}\">{value} of {max}</progress>");
        }
        Some(None) => {
            let _ = writeln!(body, "<progress aria-label=\"{label}\"></progress>");
        }
        None => {}
    }
    for sentence in &more {
        let _ = writeln!(body, "<p class=\"more\">{}</p>", escaped(sentence));
    }
    if *state == State::Asleep {
        // An empty address is this page's own, path and query.
        let _ = writeln!(body, "<p><a href=\"\">Open {}</a></p>", escaped(tenant));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Longer texts are cut off: one who sees a page needs a sentence.
const LONGEST: usize = 400;

/// As text of an element or an attribute: nothing in it is markup, nor turns the direction of what follows.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars().take(LONGEST) {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            sign if sign.is_control() => safe.push(' '),
            sign => safe.push(sign),
        }
    }
    safe
}

/// A span of time as people say it.
fn for_people(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => return "a moment".into(),
        1..90 => (seconds, "second"),
        90..5400 => (seconds / 60 + u64::from(seconds % 60 >= 30), "minute"),
        _ => (seconds / 3600 + u64::from(seconds % 3600 >= 1800), "hour"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

#[cfg(test)]
mod tests;
