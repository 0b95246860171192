//! On whose behalf a plane is read and changed: whose marks are ours, what was seen that is not, whether changes may be sent, and the count of calls.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::aws::gate::Gate;
use super::aws::stats::Stats;
use super::error::{Class, Error, Result};
use crate::model::{Marks, Stranger, Whose};

/// One stack's view of a plane. Cheap to clone; clones share what they note.
#[derive(Debug, Clone)]
pub struct Ours {
    stack: Arc<str>,
    strangers: Arc<Mutex<BTreeSet<Stranger>>>,
    notes: Arc<Mutex<BTreeSet<String>>>,
    gate: Option<Gate>,
    stats: Stats,
}

impl Ours {
    /// That of the stack of that name; calls are counted in `stats`.
    #[must_use]
    pub fn new(stack: &str, stats: Stats) -> Self {
        Self { stack: stack.into(), strangers: Arc::default(), notes: Arc::default(), gate: None, stats }
    }

    /// The same for a new pass, which has noted nothing yet.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { strangers: Arc::default(), notes: Arc::default(), ..self.clone() }
    }

    /// The same, each of whose changes asks `gate` first.
    #[must_use]
    pub fn gated(&self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self.clone() }
    }

    /// The stack's name.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// A call goes out that only reads: `docker.ServiceList`.
    pub fn reads(&self, call: &str) {
        self.stats.count(call);
    }

    /// A call is about to go out that changes something: waits until the lease covers it.
    ///
    /// # Errors
    /// [`Class::LeaseLost`] when it never will.
    pub async fn changes(&self, call: &str) -> Result<()> {
        if let Some(gate) = &self.gate {
            gate.pass().await.map_err(|shut| Error::new(Class::LeaseLost, call, shut.to_string()))?;
        }
        self.stats.count(call);
        Ok(())
    }

    /// The owner marks in `tags`, when they are this stack's.
    #[must_use]
    pub fn marks<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Marks> {
        Marks::from_tags(&self.stack, tags)
    }

    /// The owner marks in `tags`, when they are this stack's; when not, the object is noted as a stranger of that kind, name and id.
    pub fn marks_or_stranger<'a>(
        &self,
        kind: &'static str,
        (name, id): (&str, &str),
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<Marks> {
        let tags: Vec<(&str, &str)> = tags.into_iter().collect();
        let marks = self.marks(tags.iter().copied());
        if marks.is_none() {
            let stack = Marks::foreign(tags).stack;
            // Our own stack's mark without a readable address is a lost one.
            let nobodys = stack.is_empty() || *stack == *self.stack;
            self.stranger(kind, (name, id), if nobodys { Whose::Nobody } else { Whose::Stack(stack) });
        }
        marks
    }

    /// Notes an object of that kind, name and id that is not ours.
    pub fn stranger(&self, kind: &'static str, (name, id): (&str, &str), whose: Whose) {
        let one = Stranger { kind, name: name.to_owned(), id: id.to_owned(), whose };
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).insert(one);
    }

    /// The strangers that this pass has noted so far.
    #[must_use]
    pub fn strangers(&self) -> BTreeSet<Stranger> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what whoever reads the plan has to know of this plane: what a host cannot enforce, say.
    pub fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    /// What this pass has noted so far.
    #[must_use]
    pub fn notes(&self) -> BTreeSet<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
