//! What Docker tells: that a service or a node changed. A pass follows sooner then; what is told is not believed, and what is missed is seen by the next pass.
//!
//! Of a service only changes count that a plan may be about: it is looked at, and held against how it was seen last. Whether it runs, and what those say on it who wake,
//! restore and end, is written many times a day and is nothing to plan.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{EventMessage, EventMessageTypeEnum as Type, Service};
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;

use super::trigger::{Trigger, Why};
use crate::kinds::docker::service::{planned, services};
use crate::planes::Docker;

/// How long to leave alone an engine that tells nothing.
const AGAIN: Duration = Duration::from_secs(30);

/// Listens for as long as it is polled.
pub(super) async fn listen(docker: Docker, trigger: Trigger) -> std::convert::Infallible {
    let mut known = Known::default();
    loop {
        // What cannot be read is not known, and the first that is told of it counts.
        if let Ok(all) = services(&docker.fresh()).await {
            all.iter().for_each(|service| known.begin_with(service));
        }
        if let Ok(engine) = docker.reads("docker.Events").await {
            let filters = HashMap::from([("type", vec!["service", "node"])]);
            let mut events = engine.events(Some(EventsOptionsBuilder::default().filters(&filters).build()));
            while let Some(Ok(event)) = events.next().await {
                if concerns(&docker, &mut known, &event).await {
                    trigger.pull(Why::Docker);
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// How services were seen last, by id.
#[derive(Debug, Default)]
struct Known(HashMap<String, u64>);

impl Known {
    fn begin_with(&mut self, service: &Service) {
        self.0.entry(service.id.clone().unwrap_or_default()).or_insert_with(|| planned(service));
    }

    /// Whether that service is another than it was seen last.
    fn is_news(&mut self, service: &Service) -> bool {
        let now = planned(service);
        self.0.insert(service.id.clone().unwrap_or_default(), now) != Some(now)
    }
}

/// Whether what happened concerns a plan.
async fn concerns(docker: &Docker, known: &mut Known, event: &EventMessage) -> bool {
    let Some(id) = to_look_at(event) else { return true };
    // In the letters in which all of them are read. One that cannot be read now may be another by now.
    docker.service("docker.ServiceInspect", id).await.map_or(true, |service| known.is_news(&service))
}

/// The id of the service that was made or updated, where that is what happened.
fn to_look_at(event: &EventMessage) -> Option<&str> {
    let is_that = event.typ == Some(Type::SERVICE) && matches!(event.action.as_deref(), Some("create" | "update"));
    event.actor.as_ref().filter(|_| is_that)?.id.as_deref()
}

#[cfg(test)]
mod tests {
    use bollard::models::{EventActor, ServiceSpec};

    use super::*;

    #[test]
    fn only_a_service_that_is_there_is_looked_at() {
        let event = |typ, action: &str| {
            let actor = EventActor { id: Some("x".into()), ..EventActor::default() };
            EventMessage { typ: Some(typ), action: Some(action.into()), actor: Some(actor), ..EventMessage::default() }
        };
        assert_eq!(to_look_at(&event(Type::SERVICE, "update")), Some("x"));
        assert_eq!(to_look_at(&event(Type::SERVICE, "create")), Some("x"));
        assert_eq!(to_look_at(&event(Type::SERVICE, "remove")), None);
        assert_eq!(to_look_at(&event(Type::NODE, "update")), None);
        assert_eq!(to_look_at(&EventMessage::default()), None);
    }

    #[test]
    fn what_is_as_it_was_seen_last_is_no_news() {
        let service = |labels: &[&str]| {
            let labels = labels.iter().map(|&label| (label.to_owned(), String::new())).collect();
            let spec = ServiceSpec { labels: Some(labels), ..ServiceSpec::default() };
            Service { id: Some("x".into()), spec: Some(spec), ..Service::default() }
        };
        let mut known = Known::default();
        assert!(known.is_news(&service(&[])), "it was never seen");
        assert!(!known.is_news(&service(&["reeve-wake"])));
        known.begin_with(&service(&["other"]));
        assert!(known.is_news(&service(&["other"])), "it was seen otherwise");
        assert!(!known.is_news(&service(&["other"])));
    }
}
