//! The calls about services that several share.

use std::sync::Arc;

use bollard::models::{ObjectVersion, Service as Seen, ServiceSpec};
use bollard::query_parameters::UpdateServiceOptionsBuilder;
use serde_json::json;

use super::made_of::of_ours;
use super::{restoring, tasks};
use crate::kinds::docker::secret::version;
use crate::model::runbook::TENANT_DATA;
use crate::planes::Docker;
use crate::planes::docker::{Labels, failed};
use crate::planes::error::{Class, Error, Result};

/// So often a change that crossed somebody else's is made anew.
const TRIES: u32 = 5;

/// Every service, read once in a pass: ours and others'.
///
/// # Errors
/// What the engine answered.
pub async fn services(cx: &Docker) -> Result<Arc<Vec<Seen>>> {
    let call = "docker.ServiceList";
    cx.shared(call, || cx.all_services(call)).await
}

pub(super) async fn inspect(cx: &Docker, id: &str) -> Result<Seen> {
    let call = "docker.ServiceInspect";
    cx.reads(call).await?.inspect_service(id, None).await.map_err(failed(call))
}

/// How many containers it is to have.
#[must_use]
pub fn replicas(service: &Seen) -> i64 {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    mode.and_then(|mode| mode.replicated.as_ref()?.replicas).unwrap_or_default()
}

/// The labels of a service.
pub(super) fn tags(service: &Seen) -> Labels {
    service.spec.as_ref().and_then(|spec| spec.labels.clone()).unwrap_or_default()
}

/// Starts it (1) or stops it (0); everything else stays as it is.
///
/// # Errors
/// What the engine answered; `Invalid` for one whose data is being restored, which nobody starts.
pub async fn scale(cx: &Docker, id: &str, to: i64) -> Result<()> {
    let now = inspect(cx, id).await?;
    if replicas(&now) == to {
        return Ok(());
    }
    let tenant = of_ours(cx, &now).map(|service| service.tenant).unwrap_or_default();
    let call = "docker.ServiceScale";
    let scaled = rewrite(cx, call, id, |now| {
        if to > replicas(now) && restoring::is_said(now) {
            let why = format!("{tenant} holds a part of its data: a restore was cut off, or goes on: see {TENANT_DATA}");
            return Err(Error::new(Class::Invalid, call, why));
        }
        Ok(Some((tags(now), to)))
    });
    if to == 0 { tasks::drained(cx, id, &tenant, scaled).await.map(drop) } else { scaled.await.map(drop) }
}

/// Changes a service's labels alone, as [`rewrite`] does; `change` says whether it changed any.
///
/// # Errors
/// What the engine answered.
pub(super) async fn relabel(cx: &Docker, call: &str, id: &str, change: impl Fn(&mut Labels) -> bool) -> Result<bool> {
    rewrite(cx, call, id, |now| {
        let mut labels = tags(now);
        Ok(change(&mut labels).then(|| (labels, replicas(now))))
    })
    .await
}

/// Changes a service's labels and how many containers it is to have, in one write, and nothing else of it: all else goes back as the engine told it, for Swarm starts a
/// container anew of which anything differs, were it only told in another way. `change` is given what is there; `None`: leave it. Returns whether something was written.
///
/// # Errors
/// What `change` or the engine answered. A write that crosses another one is made anew, with what is there by then.
pub(super) async fn rewrite(cx: &Docker, call: &str, id: &str, change: impl Fn(&Seen) -> Result<Option<(Labels, i64)>>) -> Result<bool> {
    let mut tries = 0;
    loop {
        let mut whole = cx.whole_service("docker.ServiceInspect", id).await?;
        let seen: Seen = serde_json::from_value(whole.clone()).map_err(|_| Error::incomplete(call, "service in it"))?;
        let Some((labels, to)) = change(&seen)? else { return Ok(false) };
        let mut spec = whole["Spec"].take();
        spec["Labels"] = json!(labels);
        if to != replicas(&seen) {
            spec["Mode"]["Replicated"]["Replicas"] = to.into();
        }
        match cx.put_whole_service(call, id, version(seen.version, call)?, &spec).await {
            Err(error) if error.class == Class::InUse && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
            Ok(()) => return Ok(true),
        }
    }
}

pub(super) async fn put(cx: &Docker, call: &str, id: &str, now: Option<ObjectVersion>, spec: ServiceSpec) -> Result<()> {
    let options = UpdateServiceOptionsBuilder::default().version(version(now, call)?).build();
    cx.changes(call).await?.update_service(id, spec, options, None).await.map_err(failed(call))?;
    Ok(())
}
