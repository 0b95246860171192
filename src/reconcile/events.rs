//! What Docker tells: that a service or a node changed. A pass follows sooner then; what is told is not believed, and what is missed is seen by the next pass.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;

use super::trigger::{Trigger, Why};
use crate::planes::Docker;

/// How long to leave alone an engine that tells nothing.
const AGAIN: Duration = Duration::from_secs(30);

/// Listens for as long as it is polled.
pub(super) async fn listen(docker: Docker, trigger: Trigger) -> std::convert::Infallible {
    loop {
        if let Ok(engine) = docker.reads("docker.Events").await {
            let filters = HashMap::from([("type", vec!["service", "node"])]);
            let mut events = engine.events(Some(EventsOptionsBuilder::default().filters(&filters).build()));
            while let Some(Ok(event)) = events.next().await {
                if concerns(&event) {
                    trigger.pull(Why::Docker);
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether what happened concerns a plan. How many tasks a service has is the waker's, and how far an update has come is Swarm's.
fn concerns(event: &EventMessage) -> bool {
    let told = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    let of_waker = |name: &String| name.starts_with("replicas.") || name.starts_with("updatestate.");
    !told.is_some_and(|told| told.keys().any(of_waker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_no_reason_to_look_at_the_whole_estate() {
        let event = |attributes: &[(&str, &str)]| {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            EventMessage {
                actor: Some(bollard::models::EventActor { attributes: Some(attributes), ..Default::default() }),
                ..Default::default()
            }
        };
        assert!(concerns(&event(&[("name", "t")])) && concerns(&EventMessage::default()));
        assert!(concerns(&event(&[("name", "t"), ("image.new", "i"), ("image.old", "j")])));
        assert!(!concerns(&event(&[("name", "t"), ("replicas.new", "1"), ("replicas.old", "0")])));
        assert!(!concerns(&event(&[("name", "t"), ("updatestate.new", "completed")])));
    }
}
