//! What the engine tells by itself: that a service or a node changed, or a container of this host. It only says where to look: what is so is read.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::{EventMessage, EventMessageTypeEnum as Type};
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::planes::Docker;

/// How soon it is listened again after the engine has stopped to tell.
const AGAIN: Duration = Duration::from_secs(2);
/// By then Swarm has heard too what the engine told of a container.
const HEARD: Duration = Duration::from_millis(250);

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Everywhere: what was told meanwhile is not known.
    pub all: bool,
    /// At these services.
    pub services: BTreeSet<String>,
    /// At tasks and nodes.
    pub tasks: bool,
}

impl Look {
    /// Both.
    pub fn add(&mut self, other: Self) {
        self.all |= other.all;
        self.tasks |= other.tasks;
        self.services.extend(other.services);
    }
}

/// Listens for ever; ends when nobody is told any more. Each time that it begins to listen, everything has to be looked at.
pub async fn listen(docker: Docker, tell: mpsc::UnboundedSender<Look>) {
    let kinds = ["service", "node", "container"].map(str::to_owned).to_vec();
    while !tell.is_closed() {
        if let Ok(engine) = docker.reads("docker.SystemEvents").await {
            let filters = HashMap::from([("type".to_owned(), kinds.clone())]);
            let mut events = Box::pin(engine.events(Some(EventsOptionsBuilder::default().filters(&filters).build())));
            if tell.send(Look { all: true, ..Look::default() }).is_err() {
                return;
            }
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    () = tell.closed() => return,
                };
                let Some(Ok(event)) = event else { break };
                let Some(look) = look(event) else { continue };
                if look.tasks {
                    let tell = tell.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(HEARD).await;
                        let _ = tell.send(Look { tasks: true, ..Look::default() });
                    });
                }
                let _ = tell.send(look);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = tell.closed() => return,
        }
    }
}

/// What an event is about. Of containers only what changes whether they answer: health checks are told every few seconds.
fn look(event: EventMessage) -> Option<Look> {
    let action = event.action.unwrap_or_default();
    match event.typ? {
        Type::SERVICE => Some(Look { services: event.actor?.id.into_iter().collect(), ..Look::default() }),
        Type::NODE => Some(Look { tasks: true, ..Look::default() }),
        Type::CONTAINER if action == "die" || action.starts_with("health_status") => Some(Look { tasks: true, ..Look::default() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    #[test]
    fn events_say_where_to_look() {
        let event = |typ, action: &str| {
            let actor = EventActor { id: Some("x".into()), ..EventActor::default() };
            EventMessage { typ: Some(typ), action: Some(action.into()), actor: Some(actor), ..EventMessage::default() }
        };
        assert_eq!(look(event(Type::SERVICE, "update")).unwrap().services, BTreeSet::from(["x".to_owned()]));
        assert!(look(event(Type::CONTAINER, "health_status: healthy")).unwrap().tasks);
        assert!(look(event(Type::CONTAINER, "exec_create: /reeve/hold health")).is_none());
        let mut both = look(event(Type::NODE, "update")).unwrap();
        both.add(Look { all: true, ..Look::default() });
        assert!(both.all && both.tasks);
    }
}
