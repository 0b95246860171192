//! The calls about services that several share.

use std::sync::Arc;

use bollard::models::{ObjectVersion, Service as Seen, ServiceSpec};
use bollard::query_parameters::{ListServicesOptionsBuilder, UpdateServiceOptionsBuilder};

use super::made_of::{MADE_OF, of_ours, written};
use super::{render, tasks};
use crate::kinds::docker::secret::version;
use crate::planes::Docker;
use crate::planes::docker::{Labels, failed};
use crate::planes::error::{Class, Error, Result};

/// Every service, read once in a pass: ours and others'.
///
/// # Errors
/// What the engine answered.
pub async fn services(cx: &Docker) -> Result<Arc<Vec<Seen>>> {
    let call = "docker.ServiceList";
    cx.shared(call, || async {
        let options = ListServicesOptionsBuilder::default().status(true).build();
        cx.reads(call).await?.list_services(Some(options)).await.map_err(failed(call))
    })
    .await
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

/// Starts it (1) or stops it (0); everything else stays as it is.
///
/// # Errors
/// What the engine answered.
pub async fn scale(cx: &Docker, id: &str, to: i64) -> Result<()> {
    let now = inspect(cx, id).await?;
    if replicas(&now) == to {
        return Ok(());
    }
    let tenant = of_ours(cx, &now).map(|service| service.tenant).unwrap_or_default();
    let scaled = async { remake(cx, "docker.ServiceScale", id, inspect(cx, id).await?, |tags| tags, to).await };
    if to == 0 { tasks::drained(cx, id, &tenant, scaled).await } else { scaled.await }
}

/// Sends the spec that the service was made of once more, with other labels or another number of containers. What was read is never sent back: the
/// client's model of it is not the engine's whole one, and what it does not know would be lost.
pub(super) async fn remake(
    cx: &Docker,
    call: &str,
    id: &str,
    now: Seen,
    relabel: impl FnOnce(Labels) -> Labels,
    replicas: i64,
) -> Result<()> {
    let spec = now.spec.unwrap_or_default();
    let (name, tags) = (spec.name.unwrap_or_default(), spec.labels.unwrap_or_default());
    let made_of = written(&tags);
    let made_of = made_of.ok_or_else(|| {
        let why = format!("the label {MADE_OF} of {name} was taken away: `reeve apply DIR` makes it whole");
        Error::new(Class::Invalid, call, why)
    })?;
    let spec = render::spec(cx, &made_of, &name, relabel(tags), replicas, render::modern(cx).await?)?;
    put(cx, call, id, now.version, spec).await
}

pub(super) async fn put(cx: &Docker, call: &str, id: &str, now: Option<ObjectVersion>, spec: ServiceSpec) -> Result<()> {
    let options = UpdateServiceOptionsBuilder::default().version(version(now, call)?).build();
    cx.changes(call).await?.update_service(id, spec, options, None).await.map_err(failed(call))?;
    Ok(())
}
