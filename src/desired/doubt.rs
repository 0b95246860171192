//! What is not known to be right, by its path.
//!
//! A wrong value must hide neither the mistakes beside it nor those behind it, and must not make others look wrong. So it is reported
//! once, left out or replaced by its default, and *doubtful* from then on: whatever takes it is computed all the same, so that the
//! rest can be looked at, but is doubtful too, and what is doubtful is never reported.

use std::collections::BTreeSet;
use std::sync::Arc;

/// So many doubts are told apart; with more, everything is doubtful.
const MOST: usize = 5000;

/// Paths of doubtful values: `["stack", "vpc", "zones"]`. A copy costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Doubts(Arc<BTreeSet<Vec<String>>>);

impl Doubts {
    /// Whether nothing is doubtful.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value.
    pub fn add(&mut self, path: Vec<String>) {
        let path = if self.0.len() < MOST { path } else { Vec::new() };
        if !self.0.contains(&path) {
            Arc::make_mut(&mut self.0).insert(path);
        }
    }

    /// Adds a value by the names on its way.
    pub fn add_at(&mut self, path: &[&str]) {
        self.add(owned(path));
    }

    /// Adds all of `others`, which lie under `prefix`.
    pub fn add_under(&mut self, prefix: &[&str], others: &Self) {
        others.0.iter().for_each(|path| self.add([owned(prefix), path.clone()].concat()));
    }

    /// Whether this very value is doubtful, or all of what holds it.
    pub fn has(&self, path: &[String]) -> bool {
        !self.is_empty() && (0..=path.len()).any(|n| self.0.contains(&path[..n]))
    }

    /// As [`Doubts::has`].
    pub fn has_at(&self, path: &[&str]) -> bool {
        !self.is_empty() && self.has(&owned(path))
    }

    /// Whether it is doubtful, or something in it is.
    pub fn touch(&self, path: &[String]) -> bool {
        self.has(path) || self.0.range(path.to_vec()..).next().is_some_and(|next| next.starts_with(path))
    }

    /// As [`Doubts::touch`].
    pub fn touch_at(&self, path: &[&str]) -> bool {
        !self.is_empty() && self.touch(&owned(path))
    }

    /// The first steps of all.
    pub fn firsts(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|path| path.first().cloned())
    }

    /// The doubts under `prefix`, without it.
    pub fn under(&self, prefix: &[&str]) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let prefix = owned(prefix);
        if self.has(&prefix) {
            return Self(Arc::new(BTreeSet::from([Vec::new()])));
        }
        let below = self.0.range(prefix.clone()..).take_while(|path| path.starts_with(&prefix));
        Self(Arc::new(below.map(|path| path[prefix.len()..].to_vec()).collect()))
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|step| (*step).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_touches_what_holds_it_and_what_it_holds() {
        let mut doubts = Doubts::default();
        assert!(!doubts.touch_at(&["stack"]));
        doubts.add_at(&["stack", "vpc", "zones"]);
        for path in [&["stack"][..], &["stack", "vpc"], &["stack", "vpc", "zones"], &["stack", "vpc", "zones", "0"]] {
            assert!(doubts.touch_at(path), "{path:?}");
        }
        for path in [&["stack", "vpc", "cidr"][..], &["stack", "vp"], &["stack", "vpc", "zonesx"], &["zones"]] {
            assert!(!doubts.touch_at(path), "{path:?}");
        }
        assert!(doubts.under(&["stack", "vpc"]).touch_at(&["zones"]) && !doubts.under(&["stack", "vpc"]).touch_at(&["cidr"]));
        assert!(doubts.under(&["stack", "edge"]).is_empty());
        assert!(doubts.under(&["stack", "vpc", "zones", "0"]).touch_at(&["x"]));
    }

    #[test]
    fn a_flood_of_doubts_is_a_doubt_of_everything() {
        let mut doubts = Doubts::default();
        (0..10_000).for_each(|n| doubts.add(vec![n.to_string()]));
        assert!(doubts.0.len() <= MOST + 1 && doubts.touch_at(&["something", "else"]));
    }
}
