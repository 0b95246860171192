//! This host's HAProxy follows the containers: no action of a plan, for each host sees to its own.

use std::time::Duration;

use futures::FutureExt;

use super::{Error, Session};
use crate::kinds::docker::service::tasks;
use crate::planes::haproxy::{Running, Tasks};
use crate::planes::{Docker, Haproxy, Plane, Planes, Reach};

/// How often the routes follow while an apply goes on.
const FOLLOW: Duration = Duration::from_secs(2);

/// The planes, HAProxy knowing from Swarm where each tenant runs.
pub(super) fn informed(planes: Planes) -> Planes {
    let (Ok(docker), Reach::Open(haproxy)) = (Docker::of(&planes).cloned(), &planes.haproxy) else { return planes };
    let tell = move || {
        let docker = docker.fresh();
        async move {
            let all = tasks::running(&docker).await?;
            Ok(all.into_iter().map(|one| Running { tenant: one.tenant, address: one.address }).collect())
        }
        .boxed()
    };
    let haproxy = Reach::Open(haproxy.with_tasks(Tasks::new(tell)));
    Planes { haproxy, ..planes }
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
        let _ = follow(planes).await;
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
