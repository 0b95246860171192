//! How the loop is, for whoever asks: whether it turns, whether it is ready, whether it leads, and what it last read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Loaded;
use crate::kinds::haproxy::config::Route;

/// A loop that has not turned for so long hangs: while it waits, and while a pass goes on, it turns every second.
const HANGS: Duration = Duration::from_secs(30);

/// Whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Not, and why.
    No(String),
    /// It leads, and its last pass got through; what nobody would guess from that.
    Leads(Option<String>),
    /// Another one leads.
    StandsBy,
    /// It is a host, and is as the stack tells it.
    Follows,
}

/// Shared by the loop, who serves its health, and the edge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Status(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    turned: Mutex<Instant>,
    ready: Mutex<Ready>,
    leads: watch::Sender<bool>,
    loaded: watch::Sender<Option<Arc<Loaded>>>,
    kept: watch::Sender<BTreeMap<String, Route>>,
}

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(Inner {
            turned: Mutex::new(Instant::now()),
            ready: Mutex::new(Ready::No("it has just begun".to_owned())),
            leads: watch::Sender::new(false),
            loaded: watch::Sender::new(None),
            kept: watch::Sender::new(BTreeMap::new()),
        }))
    }
}

impl Status {
    /// Whether the loop has turned lately.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.turned().elapsed() < HANGS
    }

    fn turned(&self) -> Instant {
        *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is ready.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this instance leads.
    #[must_use]
    pub fn leads(&self) -> watch::Receiver<bool> {
        self.0.leads.subscribe()
    }

    /// What the YAML said when it was last right.
    #[must_use]
    pub fn loaded(&self) -> watch::Receiver<Option<Arc<Loaded>>> {
        self.0.loaded.subscribe()
    }

    /// Where those are reached who are served on though the YAML names them no more, by host name. Known to who leads.
    #[must_use]
    pub fn kept(&self) -> watch::Receiver<BTreeMap<String, Route>> {
        self.0.kept.subscribe()
    }

    pub(super) fn keeps(&self, kept: &BTreeMap<String, Route>) {
        self.0.kept.send_if_modified(|before| {
            before != kept && {
                kept.clone_into(before);
                true
            }
        });
    }

    /// It turned just now.
    pub fn turns(&self) {
        *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// It is so from now on.
    pub fn is(&self, ready: Ready) {
        *self.0.ready.lock().unwrap_or_else(PoisonError::into_inner) = ready;
    }

    pub(super) fn lead(&self, leads: bool) {
        self.0.leads.send_if_modified(|before| std::mem::replace(before, leads) != leads);
    }

    pub(super) fn has_read(&self, loaded: Arc<Loaded>) {
        // What is the same as before is read anew in each pass: nobody is told of that.
        self.0.loaded.send_if_modified(|before| {
            let is_same = before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &loaded));
            *before = Some(loaded);
            !is_same
        });
    }
}
