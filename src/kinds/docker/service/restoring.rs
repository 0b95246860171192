//! That a tenant's data is being restored, or was left half restored, stands on its service, in a label, beside the database's own mark: whoever starts containers sees it
//! in what it reads and writes anyway, and needs no way to the database.
//!
//! No mark and no part of the wish: an apply leaves it as it is.

use bollard::models::Service as Seen;
use jiff::Timestamp;

use super::calls::{relabel, replicas, rewrite, services, tags};
use super::made_of::of_ours;
use crate::planes::Docker;
use crate::planes::error::{Class, Error, Result};

/// The label: since when.
pub(super) const RESTORING: &str = "reeve-restoring";

const CALL: &str = "docker.ServiceRestoring";

/// Whether it is said of a service.
#[must_use]
pub fn is_said(service: &Seen) -> bool {
    service.spec.as_ref().and_then(|spec| spec.labels.as_ref()).is_some_and(|labels| labels.contains_key(RESTORING))
}

/// Whether it is said of a tenant.
///
/// # Errors
/// What the engine answered.
pub async fn is_said_of(cx: &Docker, tenant: &str) -> Result<bool> {
    Ok(of(cx, tenant).await?.iter().any(is_said))
}

/// Says it of a tenant: from now on nobody starts it. Returns whether it was not said before.
///
/// # Errors
/// `InUse` when it is to run; what the engine answered.
pub async fn say(cx: &Docker, tenant: &str) -> Result<bool> {
    let since = Timestamp::now().to_string();
    let mut news = false;
    for service in of(cx, tenant).await? {
        news |= rewrite(cx, CALL, service.id.as_deref().unwrap_or_default(), |now| {
            if replicas(now) > 0 {
                return Err(Error::new(Class::InUse, CALL, format!("{tenant} is to run: `reeve tenant sleep DIR {tenant}` first")));
            }
            let mut labels = tags(now);
            if labels.contains_key(RESTORING) {
                return Ok(None);
            }
            labels.insert(RESTORING.to_owned(), since.clone());
            Ok(Some((labels, 0)))
        })
        .await?;
    }
    Ok(news)
}

/// Says that all of a tenant's data is there.
///
/// # Errors
/// What the engine answered.
pub async fn unsay(cx: &Docker, tenant: &str) -> Result<()> {
    for service in of(cx, tenant).await? {
        relabel(cx, CALL, service.id.as_deref().unwrap_or_default(), |labels| labels.remove(RESTORING).is_some()).await?;
    }
    Ok(())
}

async fn of(cx: &Docker, tenant: &str) -> Result<Vec<Seen>> {
    let cx = cx.fresh();
    let all = services(&cx).await?;
    Ok(all.iter().filter(|one| of_ours(&cx, one).is_some_and(|of| of.tenant == tenant)).cloned().collect())
}
