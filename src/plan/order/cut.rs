//! Drops that wait for each other: references that run in a circle are cut first. Only the fields that hold these are emptied: what else
//! an object does stays as it is until it is dropped.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Build, Step};
use crate::kinds::Row;
use crate::kinds::info::Need;
use crate::model::plan::Seen;
use crate::model::report::Do;

impl Build<'_> {
    /// Adds the cuts, and lets the drops wait for these instead of for each other.
    pub(super) fn cut_circles(&mut self) {
        let dropped = self.dropped();
        for circle in self.circles() {
            let inside: BTreeSet<usize> = circle.into_iter().collect();
            if !inside.iter().all(|at| self.steps[*at].what == Do::Delete) {
                continue;
            }
            for &at in &inside {
                let Some(seen) = self.object(&self.steps[at]) else { continue };
                let mut targets = Vec::new();
                for Settled { field, kind, id } in settled(self.steps[at].kind, seen) {
                    let Some(&target) = dropped.get(&(kind.as_str(), id.as_str())) else { continue };
                    if inside.contains(&target) && target != at {
                        self.steps[at].cuts.insert(field);
                        targets.push(target);
                    }
                }
                if targets.is_empty() {
                    continue;
                }
                let cut = self.steps.len();
                self.steps.push(Step { what: Do::Cut, ..self.steps[at].clone() });
                let outside: Vec<usize> =
                    self.edges.iter().filter(|(first, then)| *then == at && !inside.contains(first)).map(|(first, _)| *first).collect();
                for first in outside {
                    self.edges.insert((first, cut));
                }
                self.edges.insert((cut, at));
                for target in targets {
                    self.edges.remove(&(at, target));
                    self.edges.insert((cut, target));
                }
            }
        }
    }
}

/// A reference that may be settled after both ends are made, and cut before both are dropped.
struct Settled {
    field: String,
    kind: String,
    id: String,
}

fn settled(row: &Row, seen: &Seen) -> Vec<Settled> {
    let mut found = Vec::new();
    let info = row.info();
    info.visit(seen.shape.as_ref().unwrap_or(&Value::Null), &mut |leaf, id| {
        if info.fields.get(leaf.field).is_some_and(|field| field.need == Need::Settle) {
            found.extend(leaf.kind.map(|kind| Settled { field: leaf.field.to_owned(), kind: kind.to_owned(), id: id.to_owned() }));
        }
    });
    found
}
