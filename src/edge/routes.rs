//! This host's HAProxy follows the containers, but for tenants that are about to rest: those it sends to the waker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::planes::Haproxy;
use crate::planes::error::Result;
use crate::planes::haproxy::Running;
use crate::record::Edge;

/// So often all routes are held against what HAProxy has, though nothing was told.
const ALL: Duration = Duration::from_secs(15);
/// What HAProxy has counted for longer than this before reeve reads it first is not lost when it was restarted in between.
const GAP: SignedDuration = SignedDuration::from_secs(60);

/// The routes, and what HAProxy knows of use.
#[derive(Debug)]
pub struct Routes {
    haproxy: Haproxy,
    last: Vec<Running>,
    at: Option<Instant>,
    looked_at: Option<Timestamp>,
}

impl Routes {
    /// Those of this HAProxy.
    #[must_use]
    pub fn new(haproxy: Haproxy) -> Self {
        Self { haproxy, last: Vec::new(), at: None, looked_at: None }
    }

    /// Makes HAProxy send each tenant's requests where it answers. `astray`: somebody came to the waker for one that does.
    ///
    /// # Errors
    /// When HAProxy does not run, or does not take it.
    pub async fn follow(&mut self, running: Vec<Running>, astray: bool) -> Result<()> {
        let due = self.at.is_none_or(|at| at.elapsed() > ALL);
        if !due && !astray && running == self.last {
            return Ok(());
        }
        // What fails is tried again at the next look.
        self.at = None;
        self.haproxy.follow(&running).await?;
        self.last = running;
        self.at = Some(Instant::now());
        Ok(())
    }

    /// Notes in `edge` when tenants were last used; whether HAProxy was there to be asked.
    ///
    /// # Errors
    /// When HAProxy does not answer.
    pub async fn read_use(&mut self, edge: &mut Edge, now: Timestamp) -> Result<bool> {
        if self.looked_at.is_none() {
            let Some(worker) = self.haproxy.serves().await? else { return Ok(false) };
            mind_the_gap(edge, worker.uptime, now);
        }
        let Some(used) = self.haproxy.last_used().await? else { return Ok(false) };
        take(edge, used, now);
        self.looked_at = Some(now);
        Ok(true)
    }

    /// Of these tenants, about to rest since then, those to whom nothing goes any more from this host. What was under way has ended.
    ///
    /// # Errors
    /// When HAProxy does not answer.
    pub async fn away(&self, resting: &BTreeMap<String, Timestamp>) -> Result<BTreeMap<String, Timestamp>> {
        let routed: BTreeSet<&str> = self.last.iter().map(|one| one.tenant.as_str()).collect();
        let mut away = BTreeMap::new();
        for (tenant, since) in resting.iter().filter(|(tenant, _)| self.at.is_some() && !routed.contains(tenant.as_str())) {
            if self.haproxy.under_way(tenant).await? == 0 {
                away.insert(tenant.clone(), *since);
            }
        }
        Ok(away)
    }
}

/// Takes what a table says, in which each was used so long ago: the later of what is known and what it says.
fn take(edge: &mut Edge, used: BTreeMap<String, Duration>, now: Timestamp) {
    for (tenant, ago) in used {
        // In whole seconds, so that nothing is written down anew for a request of the same second.
        let at = SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(now);
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let known = edge.used.entry(tenant).or_insert(at);
        *known = at.max(*known);
    }
}

/// What came between the last note and a restart of HAProxy, while nobody looked, is known to nobody: all may have been used until then.
fn mind_the_gap(edge: &mut Edge, uptime: Duration, now: Timestamp) {
    let began = now.checked_sub(SignedDuration::try_from(uptime).unwrap_or_default()).unwrap_or(now);
    if began.duration_since(edge.at) > GAP {
        edge.since = edge.since.max(began);
        edge.used.retain(|_, at| *at > began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ago(seconds: u64) -> BTreeMap<String, Duration> {
        BTreeMap::from([("a".to_owned(), Duration::from_secs(seconds))])
    }

    /// One that knows since 0 that `a` was used at 900, and `b` at 100, and said so at 1000.
    fn told() -> Edge {
        let used = BTreeMap::from([("a".to_owned(), at(900)), ("b".to_owned(), at(100))]);
        Edge { at: at(1000), used, ..Edge::new("host", at(0)) }
    }

    #[test]
    fn a_table_that_was_lost_takes_nothing_away_and_a_new_one_adds_to_it() {
        let mut edge = told();
        take(&mut edge, BTreeMap::new(), at(1010));
        assert_eq!(edge.used, told().used, "an empty one, as after a restart, says nothing");
        take(&mut edge, ago(500), at(1010));
        assert_eq!(edge.used["a"], at(900), "what is known is later");
        take(&mut edge, ago(5), at(1010));
        assert_eq!((edge.used["a"], edge.used["b"]), (at(1005), at(100)));
    }

    #[test]
    fn after_a_restart_within_a_minute_everybody_counts_from_its_own_last_use() {
        let mut edge = told();
        mind_the_gap(&mut edge, Duration::from_secs(5), at(1030));
        assert_eq!((edge.since, edge.used), (at(0), told().used));
        // HAProxy has run all the time, however long nobody looked: its table has what came.
        let mut edge = told();
        mind_the_gap(&mut edge, Duration::from_secs(90_000), at(90_000));
        assert_eq!((edge.since, edge.used), (at(0), told().used));
    }

    #[test]
    fn what_came_while_nobody_looked_and_was_lost_may_have_come_until_then() {
        let mut edge = told();
        mind_the_gap(&mut edge, Duration::from_secs(5), at(5000));
        assert_eq!(edge.since, at(4995), "nobody counts from before");
        assert!(edge.used.is_empty());
    }
}
