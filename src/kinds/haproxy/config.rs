//! HAProxy's configuration on this host, as one whole: which host name leads to which tenant, and what is answered where no tenant does.
//!
//! Manual: <https://docs.haproxy.org/2.6/configuration.html>. The text is a pure function of the wish and the host's facts (`config/text.rs`); it carries the wish in
//! comments, so that what somebody changed by hand shows as a difference of texts.
//! Where a tenant runs is none of it: that follows Swarm (`src/planes/haproxy/follow.rs`). Nor are counters and health, which are HAProxy's own.

pub mod edited;
pub mod pages;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::planes::Haproxy;
use crate::planes::error::{Error, Result};
use crate::planes::haproxy::files::{self, At};

/// So much later than Swarm HAProxy may be told of a container.
const LATE: Duration = Duration::from_secs(3);

/// Its id and its name: a host has one.
const ID: &str = "haproxy.cfg";

/// The configuration of every host's HAProxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Host names, and the tenant that each leads to. Default: none; every name is then answered with 404.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// Who answers for a tenant that does not run, and wakes it: `address:port`. Default: none; HAProxy itself says that it will be back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waker: Option<SocketAddr>,
    /// The largest request that is let through, in MiB, 1 to 4096. Default: 256, for attachments and imports.
    #[serde(default = "body")]
    pub max_body_mib: u32,
    /// Found and never wished: what somebody changed in the text by hand, as a difference. Default: empty, nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub edited: String,
    /// Found: HAProxy runs, with this very text. Default: true, and nothing else can be wished.
    #[serde(default = "yes")]
    pub running: bool,
    /// Found: each tenant's requests go where Swarm runs it. Default: true, and nothing else can be wished.
    #[serde(default = "yes")]
    pub following: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { routes: BTreeMap::new(), waker: None, max_body_mib: body(), edited: String::new(), running: true, following: true }
    }
}

/// Where a host name leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Route {
    /// The tenant's name.
    pub tenant: String,
    /// Whether it is served. Default: `active`.
    #[serde(default)]
    pub state: State,
    /// Prefixes of paths that programs use: they get a 503 to try again after, never a page. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub api_paths: BTreeSet<String>,
    /// Prefixes of paths that nobody may open. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blocked_paths: BTreeSet<String>,
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum State {
    /// It is, or a page says that it will be back.
    #[default]
    Active,
    /// It is not, and a page says so.
    Suspended,
}

fn body() -> u32 {
    256
}

fn yes() -> bool {
    true
}

impl Named for Config {
    const NAME: &'static str = "haproxy.config";
}

impl Kind for Config {
    type Plane = Haproxy;
    const PAGE: &'static str = "https://docs.haproxy.org/2.6/configuration.html";
    const TAGS: Tags = Tags::Comment;
    const DROP_FIRST: bool = true;
    const AT_ONCE: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let found = "says what is found and cannot be wished: leave it out";
        if !(1..=4096).contains(&self.max_body_mib) {
            wrong.push(("max_body_mib".into(), "is 1 to 4096".into()));
        }
        for (field, wished) in [("edited", !self.edited.is_empty()), ("running", !self.running), ("following", !self.following)] {
            if wished {
                wrong.push((field.into(), found.into()));
            }
        }
        for (host, route) in &self.routes {
            // What is checked here goes into a text that HAProxy reads: nothing in it can end a word or begin another.
            let mut say = |part: &str, why: &str| wrong.push((format!("routes.{host}{part}"), why.into()));
            if !is_host(host) {
                say("", "a host name is at most 253 of [a-z0-9.-] and has a dot");
            }
            if !is_label(&route.tenant) {
                say(".tenant", "a tenant's name is 1 to 63 of [a-z0-9-]");
            }
            for (field, paths) in [(".api_paths", &route.api_paths), (".blocked_paths", &route.blocked_paths)] {
                if !paths.iter().all(|path| is_path(path)) {
                    say(field, "a path begins with / and is of [A-Za-z0-9._~/-], without `//` and `..`");
                }
            }
        }
        wrong
    }

    async fn fetch(cx: &Haproxy) -> Result<Vec<Live<Self>>> {
        let Some(at) = cx.read().await? else { return Ok(Vec::new()) };
        let tags = files::marks(&at.text).unwrap_or_default();
        let pairs = tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let Some(marks) = cx.ours.marks_or_stranger(Self::NAME, (ID, ID), pairs) else { return Ok(Vec::new()) };
        let wish = text::wish(&at.text).unwrap_or_default();
        let edited = edited::difference(&at, &text::render(&wish, &tags, &cx.place));
        let running = cx.serves().await?.is_some_and(|worker| worker.stamp == files::stamp(&at.text));
        let following = !running || is_following(cx).await?;
        let shape = Self { edited, running, following, ..wish };
        Ok(vec![Live { id: ID.to_owned(), attributes: Attributes::new(), shape, marks, made_at: String::new() }])
    }

    fn name_of(_: &New<Self>) -> Option<String> {
        Some(ID.to_owned())
    }

    async fn namesake(_: &Haproxy, _: &New<Self>) -> Result<Option<String>> {
        Ok(Some(ID.to_owned()))
    }

    async fn create(cx: &Haproxy, new: &New<Self>) -> Result<Made> {
        if let Some(at) = cx.read().await?
            && files::marks(&at.text) != Some(tags(&new.marks))
        {
            let why = format!("{} is there already, and is not reeve's", cx.config().display());
            return Err(Error::new(crate::planes::Class::AlreadyExists, "haproxy.put", why));
        }
        put(cx, &new.want, &new.marks).await?;
        Ok(Made { id: ID.to_owned(), attributes: Attributes::new() })
    }

    async fn update(cx: &Haproxy, change: &Change<Self>) -> Result<()> {
        // Following alone is no reason to reload.
        if change.fields.iter().any(|field| field != "following") {
            return put(cx, &change.want, &change.marks).await;
        }
        follow(cx).await
    }

    async fn delete(cx: &Haproxy, _: &Gone<Self>) -> Result<()> {
        if cx.stop().await? {
            return cx.remove().await;
        }
        // Its process is not to be seen from here (it is in a container): it goes on, and says what it said before there was a configuration.
        let (text, map) = text::first(&cx.place);
        cx.put(&text, &map).await
    }

    async fn ready(cx: &Haproxy, id: &str) -> Result<Ready> {
        let at = cx.read().await?.ok_or_else(|| Error::not_found("haproxy.read", id))?;
        Ok(match cx.serves().await? {
            Some(worker) if worker.stamp == files::stamp(&at.text) => Ready::Yes(Attributes::new()),
            Some(_) => Ready::NotYet("running with another text".to_owned()),
            None => Ready::NotYet("not running".to_owned()),
        })
    }

    async fn mark(cx: &Haproxy, id: &str, marks: &Marks) -> Result<()> {
        let At { text, map, .. } = cx.read().await?.ok_or_else(|| Error::not_found("haproxy.read", id))?;
        cx.ours.changes("haproxy.mark").await?;
        cx.write(&files::with_marks(&text, &tags(marks)), &map).await
    }
}

async fn put(cx: &Haproxy, want: &Config, marks: &Marks) -> Result<()> {
    let At { text, map, .. } = text::render(want, &tags(marks), &cx.place);
    cx.put(&text, &map).await?;
    follow(cx).await
}

/// Where nobody tells where tenants run there is nothing to follow.
async fn follow(cx: &Haproxy) -> Result<()> {
    if let Some(running) = cx.running().await? {
        cx.follow(&running).await?;
    }
    Ok(())
}

/// Whether it follows. Where somebody is being started or stopped it is a moment late, which is nothing that anybody has to mend: it counts only when it lasts.
async fn is_following(cx: &Haproxy) -> Result<bool> {
    for last in [false, true] {
        let Some(running) = cx.running().await? else { return Ok(true) };
        if cx.differs(&running).await?.is_none_or(|found| found.is_nothing()) {
            return Ok(true);
        }
        if !last {
            tokio::time::sleep(LATE).await;
        }
    }
    Ok(false)
}

fn tags(marks: &Marks) -> BTreeMap<String, String> {
    marks.to_tags().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn is_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_host(name: &str) -> bool {
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~/-".contains(&byte);
    path.starts_with('/') && path.bytes().all(plain) && !path.contains("//") && !path.contains("..") && path.len() <= 200
}
