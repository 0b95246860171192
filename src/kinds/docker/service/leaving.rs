//! That a tenant's container is about to be ended stands on its service, in a label, before it is: the edges of all hosts take their hands off it, wherever the one works
//! that ends it. It names the containers' tasks, so that what starts in their place is routed to at once, and is believed for a minute.

use std::time::Duration;

use bollard::models::Service as Seen;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::calls::{relabel, tags};
use crate::planes::Docker;
use crate::planes::docker::Labels;
use crate::planes::error::Result;

/// The label.
pub(super) const LEAVING: &str = "reeve-leaving";

const CALL: &str = "docker.ServiceLeaving";

/// So long it is believed: by then Swarm itself tells that they end, or nobody ended them.
const LASTS: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
struct Said {
    since: Timestamp,
    tasks: Vec<String>,
}

/// Says that these tasks of a service are about to end.
///
/// # Errors
/// What the engine answered.
pub(super) async fn say(cx: &Docker, service: &str, tasks: &[&str]) -> Result<()> {
    let said = Said { since: Timestamp::now(), tasks: tasks.iter().map(|&task| task.to_owned()).collect() };
    let said = serde_json::to_string(&said).unwrap_or_default();
    let say = |labels: &mut Labels| {
        labels.insert(LEAVING.to_owned(), said.clone());
        true
    };
    relabel(cx, CALL, service, say).await.map(drop)
}

/// Says that they stay after all.
///
/// # Errors
/// What the engine answered.
pub(super) async fn unsay(cx: &Docker, service: &str) -> Result<()> {
    relabel(cx, CALL, service, |labels| labels.remove(LEAVING).is_some()).await.map(drop)
}

/// Takes note of what a service says: to tasks that are about to end nobody is sent from here.
pub fn note(cx: &Docker, service: &Seen) {
    let (tasks, left) = told(service, Timestamp::now()).unwrap_or_default();
    cx.leaving.told(service.id.as_deref().unwrap_or_default(), tasks, left);
}

/// The tasks that are said to end, and for how long that is still believed.
fn told(service: &Seen, now: Timestamp) -> Option<(Vec<String>, Duration)> {
    let said: Said = serde_json::from_str(service.spec.as_ref()?.labels.as_ref()?.get(LEAVING)?).ok()?;
    // Clocks of hosts differ a little.
    let age = Duration::try_from(now.duration_since(said.since)).unwrap_or_default();
    LASTS.checked_sub(age).map(|left| (said.tasks, left))
}

/// The labels without one that is no longer believed.
pub(super) fn tidied(service: &Seen) -> Labels {
    let mut labels = tags(service);
    if told(service, Timestamp::now()).is_none() {
        labels.remove(LEAVING);
    }
    labels
}

#[cfg(test)]
mod tests {
    use bollard::models::ServiceSpec;

    use super::*;

    #[test]
    fn what_is_about_to_end_is_left_alone_for_a_minute() {
        let now = Timestamp::now();
        let service = |since: Timestamp| {
            let said = serde_json::to_string(&Said { since, tasks: vec!["a".into()] }).unwrap();
            let spec = ServiceSpec { labels: Some(Labels::from([(LEAVING.to_owned(), said)])), ..ServiceSpec::default() };
            Seen { spec: Some(spec), ..Seen::default() }
        };
        let ago = |seconds: i64| now - jiff::SignedDuration::from_secs(seconds);
        assert_eq!(told(&service(ago(20)), now), Some((vec!["a".to_owned()], Duration::from_secs(40))));
        assert_eq!(told(&service(ago(-5)), now).unwrap().1, LASTS, "another's clock is ahead");
        assert_eq!(told(&service(ago(61)), now), None);
        assert_eq!(told(&Seen::default(), now), None);
        assert_eq!((tidied(&service(ago(20))).len(), tidied(&service(ago(61))).len()), (1, 0));
    }
}
