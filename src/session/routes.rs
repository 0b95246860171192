//! This host's HAProxy follows the containers: no action of a plan, for each host sees to its own.

use std::time::{Duration, Instant};

use futures::FutureExt;

use super::{Error, Session};
use crate::kinds::docker::service::tasks;
use crate::planes::docker::Drain;
use crate::planes::haproxy::{Running, Tasks};
use crate::planes::{Docker, Haproxy, Plane, Planes, Reach};

/// How often the routes follow while an apply goes on.
const FOLLOW: Duration = Duration::from_secs(2);
/// A swarm without a leader keeps who asks it waiting for longer than it takes to elect one: it is better asked again.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest that requests which are under way may keep a container from being ended, and how often it is looked. What takes longer has the container's own
/// grace beside.
const DRAIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// The planes, HAProxy knowing from Swarm where each tenant runs, and Docker having HAProxy take requests away from what it is going to end.
pub(super) fn informed(planes: Planes) -> Planes {
    let (Ok(docker), Reach::Open(haproxy)) = (Docker::of(&planes).cloned(), &planes.haproxy) else { return planes };
    let teller = docker.clone();
    let tell = move || {
        let docker = teller.fresh();
        async move {
            let all = tasks::running(&docker).await?;
            Ok(all.into_iter().map(|one| Running { tenant: one.tenant, address: one.address }).collect())
        }
        .boxed()
    };
    let haproxy = haproxy.with_tasks(Tasks::new(tell));
    let routes = haproxy.clone();
    let drain = move |tenant: String| {
        let routes = routes.clone();
        // What goes wrong here costs the requests that are under way an answer that says "soon again", and nothing else.
        async move { drop(drain(&routes, &tenant).await) }.boxed()
    };
    let docker = Reach::Open(docker.with_drain(Drain::new(drain)));
    Planes { haproxy: Reach::Open(haproxy), docker, ..planes }
}

/// Sends a tenant's requests to the page, sees that it is so, and waits for those that are under way. That its container is leaving stands in what Docker tells.
async fn drain(haproxy: &Haproxy, tenant: &str) -> Result<(), crate::planes::Error> {
    let Some(running) = haproxy.running().await? else { return Ok(()) };
    if haproxy.serves().await?.is_none() {
        return Ok(());
    }
    haproxy.follow(&running).await?;
    let begun = Instant::now();
    while haproxy.under_way(tenant).await? > 0 && begun.elapsed() < DRAIN {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Points the routes of this host at the containers that run; how many were changed. Nothing where this is no host, or HAProxy is not there yet.
async fn follow(planes: &Planes) -> Result<usize, crate::planes::Error> {
    let Ok(haproxy) = Haproxy::of(planes) else { return Ok(0) };
    let Some(running) = haproxy.running().await? else { return Ok(0) };
    match haproxy.differs(&running).await? {
        Some(found) if !found.is_nothing() => {
            let followed = haproxy.follow(&running).await?;
            Ok(followed.given.len() + followed.taken.len())
        }
        _ => Ok(0),
    }
}

/// Lets the routes follow for as long as it is polled. What goes wrong is told in the end, when it is tried once more.
pub(super) async fn keep_following(planes: &Planes) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(FOLLOW).await;
        let _ = tokio::time::timeout(ANSWER, follow(planes)).await;
    }
}

impl Session {
    /// Points the routes of this host at the containers that run; how many were changed.
    ///
    /// # Errors
    /// When Docker or HAProxy does not answer.
    pub async fn follow(&self) -> Result<usize, Error> {
        Ok(follow(&self.planes).await?)
    }
}
