//! What an apply of the loop began and is not ready yet: a database server that is being made, a tenant that starts for the first time. No pass waits for it with the
//! stack's lease in its hand; it is asked in between, and whatever becomes of it begins the next pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::readiness::{self, Readiness};
use crate::apply::{EVERYWHERE, PATIENCE};
use crate::kinds::docker::service::Service;
use crate::model::{Address, Named, report};
use crate::planes::Planes;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// So long all of them may take to answer.
const TOGETHER: Duration = Duration::from_secs(20);
/// So many are asked at a time.
const BESIDE: usize = 16;

/// What is awaited.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    all: BTreeMap<Address, One>,
    /// What will not get ready, until a pass has told of it.
    failed: BTreeSet<Address>,
    next: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct One {
    kind: String,
    id: String,
    since: Instant,
}

/// What became of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Became {
    /// It is ready, or there no more.
    Ready,
    /// It will not get ready, and why.
    Failed(String),
}

impl Awaited {
    /// Takes in what an apply waited for no longer.
    pub(super) fn add(&mut self, all: &[report::Awaited], now: Instant) {
        let new: Vec<_> = self.new_of(all).cloned().collect();
        let one = |new: report::Awaited| (new.address, One { kind: new.kind, id: new.id, since: now });
        self.all.extend(new.into_iter().map(one));
        self.next = (!self.all.is_empty()).then(|| now + LOOK);
    }

    /// Somebody else looks from now on.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those of `all` that were not awaited before.
    pub(super) fn new_of<'a>(&self, all: &'a [report::Awaited]) -> impl Iterator<Item = &'a report::Awaited> {
        all.iter().filter(|new| self.all.get(&new.address).is_none_or(|old| old.id != new.id))
    }

    /// What of it is a container that starts, and since when.
    pub(super) fn starting(&self) -> BTreeMap<Address, Instant> {
        let all = self.all.iter().filter(|(_, one)| one.kind == Service::NAME);
        all.map(|(address, one)| (address.clone(), one.since)).collect()
    }

    /// What will not get ready and was not told yet.
    pub(super) fn failures(&self) -> impl Iterator<Item = &Address> {
        self.failed.iter()
    }

    /// Those failures are told, or are none any more.
    pub(super) fn forget_failures(&mut self, is_over: impl Fn(&Address) -> bool) {
        self.failed.retain(|address| !is_over(address));
    }

    /// When to look next.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Asks each how it is, and forgets those of which something became.
    pub(super) async fn look(&mut self, planes: &Planes) -> BTreeMap<Address, Became> {
        let planes = &planes.fresh();
        let asked = self.all.iter().map(|(address, one)| async move { Some((address.clone(), ask(planes, one).await?)) });
        let asked = futures::stream::iter(asked).buffer_unordered(BESIDE).take_until(tokio::time::sleep(TOGETHER));
        let became: BTreeMap<Address, Became> = asked.filter_map(std::future::ready).collect().await;
        self.failed.extend(became.iter().filter(|(_, became)| **became != Became::Ready).map(|(address, _)| address.clone()));
        self.all.retain(|address, _| !became.contains_key(address));
        self.next = (!self.all.is_empty()).then(|| Instant::now() + LOOK);
        became
    }
}

/// `None`: nothing yet.
async fn ask(planes: &Planes, one: &One) -> Option<Became> {
    let state = match readiness::of(planes, &one.kind, &one.id).await? {
        Readiness::Ready => return Some(Became::Ready),
        Readiness::Never(why) => return Some(Became::Failed(format!("it will never be ready: {why}"))),
        // Gone: the next pass sees it.
        Readiness::Absent => return (one.since.elapsed() > EVERYWHERE).then_some(Became::Ready),
        Readiness::NotYet(state) => format!("it is still {state}"),
        Readiness::Unsaid(why) => why,
    };
    (one.since.elapsed() > PATIENCE).then_some(Became::Failed(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> Vec<report::Awaited> {
        vec![report::Awaited { address: Address::parse("a.x").unwrap(), kind: "docker.service".into(), id: id.into(), done: true }]
    }

    #[test]
    fn what_is_awaited_again_counts_from_the_first_time_and_what_was_made_anew_from_now() {
        let (mut awaited, first) = (Awaited::default(), Instant::now());
        assert!(awaited.is_empty() && awaited.next().is_none());
        awaited.add(&of("one"), first);
        awaited.add(&of("one"), first + LOOK);
        assert_eq!(awaited.all.values().next().unwrap().since, first);
        assert_eq!(awaited.next(), Some(first + LOOK + LOOK));
        awaited.add(&of("two"), first + LOOK);
        assert_eq!(awaited.all.values().next().unwrap().since, first + LOOK);
        // An apply that waited for nothing keeps what is awaited.
        awaited.add(&[], first + LOOK);
        assert!(!awaited.is_empty() && awaited.next().is_some());
    }
}
