//! At which ports containers answer. Swarm says it of each task, and forgets it where its leader was another one since (Docker 20.10); a port stays a task's for as long as
//! that runs, so it is remembered.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The host's ports, by the tasks' ids. Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Published(Arc<Mutex<HashMap<String, u16>>>);

impl Published {
    /// That task's is this one.
    pub fn note(&self, task: &str, port: u16) {
        self.with(|all| {
            if all.get(task) != Some(&port) {
                all.insert(task.to_owned(), port);
            }
        });
    }

    /// That task's, as far as it was ever told.
    #[must_use]
    pub fn of(&self, task: &str) -> Option<u16> {
        self.with(|all| all.get(task).copied())
    }

    /// What was told before a start; what is known is known better.
    pub fn recall(&self, before: &BTreeMap<String, u16>) {
        self.with(|all| before.iter().for_each(|(task, port)| _ = all.entry(task.clone()).or_insert(*port)));
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, u16> {
        self.with(|all| all.iter().map(|(task, port)| (task.clone(), *port)).collect())
    }

    /// There are no other tasks any more.
    pub fn keep(&self, tasks: &HashSet<&str>) {
        self.with(|all| all.retain(|task, _| tasks.contains(task.as_str())));
    }

    fn with<T>(&self, what: impl FnOnce(&mut HashMap<String, u16>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
