//! A last look at what is about to be changed or lost: it is dropped only as the plan saw it, and changed only while it is ours.
//!
//! Between the plan and this step minutes may have passed: somebody may have taken our mark off, protected the object, or put it to
//! another use. One listing of a kind serves all that is dropped within a few seconds, and all that is changed within half a minute, so
//! that a large apply stays cheap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::wait::Backoff;
use crate::kinds::{AnyLive, Row};
use crate::model::plan::Seen;
use crate::planes::{Class, Error, Planes, Result};

/// How old a listing may be for what is dropped.
const FRESH: Duration = Duration::from_secs(5);

/// How old a listing may be for what is changed: a change can be taken back.
const RECENT: Duration = Duration::from_secs(30);

/// How long a listing is tried again that others disturb.
const DISTURBED: Duration = Duration::from_secs(10);

/// The looks of one apply.
#[derive(Debug)]
pub struct Look<'a> {
    planes: &'a Planes,
    pass: Mutex<Pass>,
}

type Listing = Arc<OnceCell<Listed>>;

/// A kind as it was listed.
#[derive(Debug)]
struct Listed {
    all: Vec<AnyLive>,
    took: Duration,
    done: Instant,
}

/// What is read within a few seconds: each kind once, and what kinds share once for all.
#[derive(Debug)]
struct Pass {
    began: Instant,
    planes: Planes,
    kinds: BTreeMap<&'static str, Listing>,
}

impl Pass {
    fn new(planes: &Planes) -> Self {
        Self { began: Instant::now(), planes: planes.fresh(), kinds: BTreeMap::new() }
    }

    /// Whether what it holds of a kind is younger than `age`: it is being listed now, or was not long ago. What takes longer than that to list
    /// is looked at for as long again: else a large apply would do nothing but list.
    fn is_young(&self, kind: &str, age: Duration) -> bool {
        match self.kinds.get(kind) {
            Some(listing) => listing.get().is_none_or(|listed| listed.done.elapsed() <= age.max(listed.took)),
            None => self.began.elapsed() <= age,
        }
    }
}

impl<'a> Look<'a> {
    /// Nothing was looked at yet.
    pub fn new(planes: &'a Planes) -> Self {
        Self { planes, pass: Mutex::new(Pass::new(planes)) }
    }

    /// Whether the object still is what the plan saw: ours, no more protected than it was, and of that shape, but for the fields that a step
    /// of this apply has emptied (`cuts`). What is not there any more is no news: to drop it does nothing.
    ///
    /// # Errors
    /// `Invalid` with what moved; what the plane answered.
    pub async fn is_as_seen(&self, kind: &'static Row, seen: &Seen, cuts: &BTreeSet<String>) -> Result<()> {
        let Some(live) = self.lost(kind, seen).await? else { return Ok(()) };
        let moved = changed(kind, &live.shape, seen.shape.as_ref().unwrap_or(&Value::Null), cuts);
        if moved.is_empty() { Ok(()) } else { Err(news(kind, seen, &format!("{} changed", moved.join(", ")))) }
    }

    /// Whether the object is still ours and no more protected than it was.
    ///
    /// # Errors
    /// As [`Look::is_as_seen`].
    pub async fn is_still_ours(&self, kind: &'static Row, seen: &Seen) -> Result<()> {
        self.lost(kind, seen).await.map(|_| ())
    }

    /// The same for what stays: its other fields may have moved, for those the plan does not touch.
    ///
    /// # Errors
    /// As [`Look::is_as_seen`].
    pub async fn may_be_changed(&self, kind: &'static Row, seen: &Seen) -> Result<()> {
        self.live(kind, seen, RECENT).await.map(|_| ())
    }

    /// The object that is about to be lost. What is always there never is.
    async fn lost(&self, kind: &'static Row, seen: &Seen) -> Result<Option<AnyLive>> {
        if kind.singleton { Ok(None) } else { self.live(kind, seen, FRESH).await }
    }

    /// The object, its marks being those that the plan saw; `None` when it is not there.
    async fn live(&self, kind: &'static Row, seen: &Seen, age: Duration) -> Result<Option<AnyLive>> {
        let (planes, listing) = self.listing(kind, age);
        let listed = &listing.get_or_try_init(|| list(kind, &planes)).await?.all;
        let Some(live) = listed.iter().find(|one| one.id == seen.id) else {
            if kind.singleton {
                return Ok(None);
            }
            return match (kind.ready)(self.planes, seen.id.clone()).await {
                Ok(_) => Err(news(kind, seen, "it bears our mark no longer")),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            };
        };
        if live.marks.address != seen.marks.address {
            let now = live.marks.address.as_ref().map_or("nothing", |address| address.as_str());
            return Err(news(kind, seen, &format!("its mark says that it is {now}")));
        }
        if live.marks.stack != seen.marks.stack {
            return Err(news(kind, seen, &format!("its mark says that it belongs to the stack {}", live.marks.stack)));
        }
        if live.marks.protect && !seen.marks.protect {
            return Err(news(kind, seen, "it is protected by now"));
        }
        Ok(Some(live.clone()))
    }

    fn listing(&self, kind: &'static Row, age: Duration) -> (Planes, Listing) {
        let mut pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if !pass.is_young(kind.name, age) {
            *pass = Pass::new(self.planes);
        }
        let listing = Arc::clone(pass.kinds.entry(kind.name).or_default());
        (pass.planes.clone(), listing)
    }
}

/// Reads a kind. What another step drops between the listing and a question about it is not there: all who are to drop something of
/// the kind wait for this listing, so that the next try is not disturbed. It reads anew what kinds share: that is where the dropped one
/// was still listed. A lost answer is no reason to leave the step either.
async fn list(kind: &'static Row, planes: &Planes) -> Result<Listed> {
    let began = Instant::now();
    let mut backoff = Backoff::new(DISTURBED);
    let mut listed = (kind.fetch)(planes).await;
    let disturbed = |error: &Error| matches!(error.class, Class::NotFound | Class::Ambiguous | Class::Throttled);
    while listed.as_ref().is_err_and(disturbed) && backoff.pause().await {
        listed = (kind.fetch)(&planes.fresh()).await;
    }
    listed.map(|all| Listed { all, took: began.elapsed(), done: Instant::now() })
}

fn news(kind: &Row, seen: &Seen, what: &str) -> Error {
    Error::new(Class::Invalid, kind.name, format!("{} moved since it was planned, so it is not touched: {what}; plan again", seen.id))
}

/// `shape` without these fields.
///
/// # Errors
/// When the kind cannot be without one of them.
pub fn emptied(kind: &Row, shape: &Value, fields: &BTreeSet<String>) -> std::result::Result<Value, String> {
    let mut shape = shape.clone();
    if let Some(shape) = shape.as_object_mut() {
        shape.retain(|field, _| !fields.contains(field));
    }
    (kind.canonical)(&shape)
}

/// The fields that are neither as the plan saw them nor as the cut of `cuts` left them (a listing may be a little older than the cut).
fn changed(kind: &Row, live: &Value, seen: &Value, cuts: &BTreeSet<String>) -> Vec<String> {
    let mut moved = differing(kind, live, seen);
    if !cuts.is_empty()
        && let Ok(left) = emptied(kind, seen, cuts)
    {
        let since = differing(kind, live, &left);
        moved.retain(|field| since.contains(field));
    }
    moved
}

/// The fields that differ. That an object refers to less is no news: steps of the same plan move what it held to others. Everything else in
/// such a field is.
fn differing(kind: &Row, live: &Value, seen: &Value) -> Vec<String> {
    let mut live = live.clone();
    (kind.restate)(&mut live, seen);
    if live == *seen {
        return Vec::new();
    }
    let empty = serde_json::Map::new();
    let (now, then) = (live.as_object().unwrap_or(&empty), seen.as_object().unwrap_or(&empty));
    let (now_refers, then_referred) = (references(kind, &live), references(kind, seen));
    let names: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    let none = BTreeSet::new();
    let differs = |name: &&String| {
        let (now, then) = (now.get(*name).unwrap_or(&Value::Null), then.get(*name).unwrap_or(&Value::Null));
        let gone = then_referred.get(*name).unwrap_or(&none) - now_refers.get(*name).unwrap_or(&none);
        !lacks_only(now, then, &gone)
    };
    names.into_iter().filter(differs).cloned().collect()
}

/// Whether `now` is `then` without what refers to `gone`: the reference itself, or the whole entry of a list that it stands in.
fn lacks_only(now: &Value, then: &Value, gone: &BTreeSet<String>) -> bool {
    if now == then {
        return true;
    }
    match (now, then) {
        (Value::Null, Value::String(id)) => gone.contains(id),
        (Value::Null, Value::Array(entries)) => entries.iter().all(|entry| refers(entry, gone)),
        (Value::Array(now), Value::Array(then)) => {
            let mut left: Vec<&Value> = now.iter().collect();
            // Those that are there unchanged first: one of them is not what became of another.
            let (same, other): (Vec<&Value>, Vec<&Value>) = then.iter().partition(|entry| now.contains(entry));
            let explained = same.into_iter().chain(other).all(|entry| match left.iter().position(|one| lacks_only(one, entry, gone)) {
                Some(at) => {
                    left.remove(at);
                    true
                }
                None => refers(entry, gone),
            });
            explained && left.is_empty()
        }
        (Value::Object(now), Value::Object(then)) => {
            let names: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
            let part = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
            names.into_iter().all(|name| lacks_only(&part(now, name), &part(then, name), gone))
        }
        _ => false,
    }
}

/// Whether one of `ids` stands anywhere in it.
fn refers(value: &Value, ids: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => ids.contains(text),
        Value::Array(parts) => parts.iter().any(|part| refers(part, ids)),
        Value::Object(parts) => parts.values().any(|part| refers(part, ids)),
        _ => false,
    }
}

/// The ids that each field refers to.
fn references(kind: &Row, shape: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    kind.info().visit(shape, &mut |leaf, id| {
        if leaf.kind.is_some() {
            found.entry(leaf.field.to_owned()).or_default().insert(id.to_owned());
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::lookup;

    #[test]
    fn what_our_own_steps_take_away_is_no_news_and_everything_else_is() {
        let kind = lookup("aws.security_group").unwrap();
        let shape = |description: &str, ingress: Value| {
            (kind.canonical)(&json!({ "vpc": "vpc-1", "description": description, "ingress": ingress })).unwrap()
        };
        let from = |group: &str| json!({ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "group": group });
        let open = json!({ "ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_ip": "0.0.0.0/0" });
        let seen = shape("app", json!([from("sg-a"), from("sg-b")]));
        for (now, expected) in [
            (seen.clone(), vec![]),
            (shape("app", json!([from("sg-a")])), vec![]),
            (shape("app", json!([])), vec![]),
            (shape("app", json!([from("sg-a"), from("sg-b"), from("sg-c")])), vec!["ingress"]),
            (shape("app", json!([from("sg-a"), from("sg-b"), open.clone()])), vec!["ingress"]),
            (shape("another", json!([from("sg-a")])), vec!["description"]),
            // Less is referred to, and something else is there besides.
            (shape("app", json!([from("sg-a"), open])), vec!["ingress"]),
            (shape("app", json!([{ "ip_protocol": "tcp", "from_port": 22, "to_port": 443, "group": "sg-a" }])), vec!["ingress"]),
            (shape("app", json!([{ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0" }])), vec!["ingress"]),
        ] {
            assert_eq!(changed(kind, &now, &seen, &BTreeSet::new()), expected, "{now}");
        }
    }

    #[test]
    fn what_a_cut_emptied_is_no_news_and_what_was_put_there_is() {
        let kind = lookup("aws.security_group").unwrap();
        let open = |port: u16| json!({ "ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_ip": "0.0.0.0/0" });
        let to = json!({ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "group": "sg-a" });
        let shape = |ingress: Value, egress: Value| {
            (kind.canonical)(&json!({ "vpc": "vpc-1", "description": "app", "ingress": ingress, "egress": egress })).unwrap()
        };
        let seen = shape(json!([open(443)]), json!([open(53), to]));
        let cuts = BTreeSet::from(["egress".to_owned()]);
        for (now, expected) in [
            (seen.clone(), vec![]),
            (shape(json!([open(443)]), json!([])), vec![]),
            (shape(json!([]), json!([])), vec!["ingress"]),
            (shape(json!([open(443), open(22)]), json!([])), vec!["ingress"]),
            (shape(json!([open(443)]), json!([open(22), open(53), to])), vec!["egress"]),
        ] {
            assert_eq!(changed(kind, &now, &seen, &cuts), expected, "{now}");
        }
    }
}
