//! Tasks that are about to end: their requests go elsewhere before they do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

/// So long a task is left out. By then Swarm itself has told that it ends, or nobody ended it.
const LONGEST: Duration = Duration::from_secs(60);

/// The ids of tasks to which nobody is to be sent any more, though Swarm still lists them. Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Leaving(Arc<Mutex<Tasks>>);

#[derive(Debug, Default)]
struct Tasks {
    /// Those that end from here, by their ids.
    own: HashMap<String, Instant>,
    /// Those of which their services say so, by the services' ids.
    told: HashMap<String, (Vec<String>, Instant)>,
}

impl Leaving {
    /// These are about to end.
    pub fn add<'a>(&self, tasks: impl IntoIterator<Item = &'a str>) {
        self.add_until(Instant::now() + LONGEST, tasks);
    }

    fn add_until<'a>(&self, until: Instant, tasks: impl IntoIterator<Item = &'a str>) {
        self.with(|all| all.own.extend(tasks.into_iter().map(|task| (task.to_owned(), until))));
    }

    /// They stay after all.
    pub fn remove(&self, tasks: &[&str]) {
        self.with(|all| all.own.retain(|task, _| !tasks.contains(&task.as_str())));
    }

    /// A service says of these tasks of its that they are about to end, and of no others; for so long that is believed.
    pub fn told(&self, service: &str, tasks: Vec<String>, left: Duration) {
        self.with(|all| match tasks.is_empty() {
            true => all.told.remove(service),
            false => all.told.insert(service.to_owned(), (tasks, Instant::now() + left.min(LONGEST))),
        });
    }

    /// Whether that one is about to end.
    #[must_use]
    pub fn has(&self, task: &str) -> bool {
        let now = Instant::now();
        self.with(|all| {
            all.own.retain(|_, until| *until > now);
            all.told.retain(|_, (_, until)| *until > now);
            all.own.contains_key(task) || all.told.values().any(|(tasks, _)| tasks.iter().any(|one| one == task))
        })
    }

    fn with<T>(&self, what: impl FnOnce(&mut Tasks) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes requests away from a tenant's container that is about to end, and returns when none is under way, or that takes too long. It is a courtesy: nothing
/// that goes wrong with it keeps the container.
#[derive(Clone)]
pub struct Drain(Arc<dyn Fn(String) -> BoxFuture<'static, ()> + Send + Sync>);

impl Drain {
    /// Calls `drain` with the tenant.
    pub fn new(drain: impl Fn(String) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(drain))
    }

    /// Drains the tenant.
    pub async fn of(&self, tenant: &str) {
        (self.0)(tenant.to_owned()).await;
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_leaves_until_it_is_said_to_stay_or_its_time_is_over() {
        let leaving = Leaving::default();
        leaving.clone().add(["a", "b"]);
        assert!(leaving.has("a") && leaving.has("b") && !leaving.has("c"));
        leaving.remove(&["a"]);
        assert!(!leaving.has("a") && leaving.has("b"));
        leaving.add_until(Instant::now(), ["b"]);
        assert!(!leaving.has("b"));
        leaving.told("s", vec!["a".into()], LONGEST);
        assert!(leaving.has("a"));
        leaving.told("s", Vec::new(), Duration::ZERO);
        assert!(!leaving.has("a"), "it says so no more");
        leaving.told("s", vec!["a".into()], Duration::ZERO);
        assert!(!leaving.has("a"), "its time is over");
    }
}
