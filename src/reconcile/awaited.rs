//! What an apply of the loop began and is not ready yet: a database server that is being made, a tenant that starts for the first time. No pass waits for it with the
//! stack's lease in its hand; it is asked in between, and whatever becomes of it begins the next pass.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::kinds::{Ready, lookup};
use crate::model::Address;
use crate::model::report;
use crate::planes::Planes;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// So long one may take to answer.
const ANSWERS: Duration = Duration::from_secs(10);
/// So many are asked at a time.
const BESIDE: usize = 16;
/// As long as a plan's own apply would wait.
const PATIENCE: Duration = Duration::from_secs(90 * 60);

/// What is awaited.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    all: BTreeMap<Address, One>,
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
        for one in all {
            let new = One { kind: one.kind.clone(), id: one.id.clone(), since: now };
            let same = self.all.get(&one.address).is_some_and(|old| old.id == new.id);
            if !same {
                self.all.insert(one.address.clone(), new);
            }
        }
        self.next = (!self.all.is_empty()).then(|| now + LOOK);
    }

    /// Somebody else looks from now on.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When to look next.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Asks each how it is, and forgets those of which something became.
    pub(super) async fn look(&mut self, planes: &Planes) -> BTreeMap<Address, Became> {
        let planes = &planes.fresh();
        let asked = self.all.iter().map(|(address, one)| async move { Some((address.clone(), ask(planes, one).await?)) });
        let became: BTreeMap<Address, Became> =
            futures::stream::iter(asked).buffer_unordered(BESIDE).filter_map(std::future::ready).collect().await;
        self.all.retain(|address, _| !became.contains_key(address));
        self.next = (!self.all.is_empty()).then(|| Instant::now() + LOOK);
        became
    }
}

/// `None`: nothing yet, or it cannot be said.
async fn ask(planes: &Planes, one: &One) -> Option<Became> {
    let asked = (lookup(&one.kind)?.ready)(planes, one.id.clone());
    match tokio::time::timeout(ANSWERS, asked).await {
        Ok(Ok(Ready::Yes(_))) => Some(Became::Ready),
        Ok(Ok(Ready::Failed(why))) => Some(Became::Failed(format!("it will never be ready: {why}"))),
        Ok(Ok(Ready::NotYet(state))) if one.since.elapsed() > PATIENCE => Some(Became::Failed(format!("it is still {state}"))),
        // Just made, it may not be known everywhere; gone, the next pass sees it.
        Ok(Err(error)) if error.is_not_found() && one.since.elapsed() > ANSWERS => Some(Became::Ready),
        Ok(Ok(Ready::NotYet(_)) | Err(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> Vec<report::Awaited> {
        vec![report::Awaited { address: Address::parse("a.x").unwrap(), kind: "docker.service".into(), id: id.into() }]
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
