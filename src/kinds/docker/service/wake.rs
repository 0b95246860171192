//! What is wanted of a tenant's container stands on its service, in a label: that somebody waits for it, that it is being started, that a start failed, that it is
//! about to be put to rest. So it outlives every process, and all hosts of the swarm see the same.
//!
//! No mark and no part of the wish: an apply leaves it as it is.

use bollard::models::Service as Seen;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::calls::rewrite;
use super::{leaving, replicas, restoring};
use crate::planes::Docker;
use crate::planes::docker::Labels;
use crate::planes::error::Result;

/// The label.
pub(super) const WAKE: &str = "reeve-wake";

/// What is wanted of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// Somebody waits for it since then: its place in the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Timestamp>,
    /// It is being started since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// So many starts in a row failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// It is not tried again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Why the last start failed. Holds no secret: it is what Swarm says of a task.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// It is about to be put to rest since then: each host sends its requests to the waker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Wake {
    /// What the label of a service says. One that makes no sense says nothing: somebody will come again.
    #[must_use]
    pub fn of(service: &Seen) -> Self {
        let label = service.spec.as_ref().and_then(|spec| spec.labels.as_ref()?.get(WAKE));
        label.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The labels with this in them; without anything to say, without.
    fn written(&self, mut labels: Labels) -> Labels {
        match serde_json::to_string(self) {
            Ok(text) if *self != Self::default() => labels.insert(WAKE.to_owned(), text),
            _ => labels.remove(WAKE),
        };
        labels
    }
}

/// Changes what is wanted of a service, and whether it runs, in one write. `change` is given what both are now, and returns what they are to be; `None`: leave it. Returns
/// whether something was written. One whose data is being restored is never started, whoever decided to.
///
/// # Errors
/// What the engine answered. A write that crosses another one is made anew, with what is there by then.
pub async fn change(cx: &Docker, id: &str, change: impl Fn(&Wake, i64) -> Option<(Wake, i64)>) -> Result<bool> {
    rewrite(cx, "docker.ServiceWake", id, |now| {
        let (wake, runs) = (Wake::of(now), replicas(now));
        let stays = |to: i64| to > runs && restoring::is_said(now);
        let changed = change(&wake, runs).filter(|(want, to)| (*want != wake || *to != runs) && !stays(*to));
        Ok(changed.map(|(want, to)| (want.written(leaving::tidied(now)), to)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_leaves_no_label_and_what_is_written_is_read() {
        let at = Timestamp::UNIX_EPOCH;
        let wake = Wake { wanted: Some(at), failures: 2, not_before: Some(at), why: "no".into(), ..Wake::default() };
        let labels = wake.written(Labels::from([("x".to_owned(), "y".to_owned())]));
        assert_eq!(labels.len(), 2);
        assert_eq!(serde_json::from_str::<Wake>(&labels[WAKE]).unwrap(), wake);
        assert_eq!(Wake::default().written(labels).len(), 1);
    }
}
