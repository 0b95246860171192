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

    /// Notes in `edge` when tenants were last used.
    ///
    /// # Errors
    /// When HAProxy does not answer.
    pub async fn read_use(&mut self, edge: &mut Edge, now: Timestamp) -> Result<()> {
        if self.looked_at.is_none() {
            self.mind_the_gap(edge, now).await?;
        }
        let Some(used) = self.haproxy.last_used().await? else { return Ok(()) };
        for (tenant, ago) in used {
            // In whole seconds, so that nothing is written down anew for a request of the same second.
            let at = SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(now);
            let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
            let known = edge.used.entry(tenant).or_insert(at);
            *known = at.max(*known);
        }
        self.looked_at = Some(now);
        Ok(())
    }

    /// What came between the last note and a restart of HAProxy, while nobody looked, is known to nobody: all may have been used until then.
    async fn mind_the_gap(&self, edge: &mut Edge, now: Timestamp) -> Result<()> {
        let Some(worker) = self.haproxy.serves().await? else { return Ok(()) };
        let began = now.checked_sub(SignedDuration::try_from(worker.uptime).unwrap_or_default()).unwrap_or(now);
        if began.duration_since(edge.at) > GAP {
            edge.since = edge.since.max(began);
            edge.used.retain(|_, at| *at > began);
        }
        Ok(())
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
