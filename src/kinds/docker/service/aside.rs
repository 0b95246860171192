//! What stands on a service beside what is wished of it: labels of those that wake, restore and end. An apply leaves them, and a change of them alone is nothing to plan.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bollard::models::Service as Seen;
use serde_json::Value;

use super::leaving::LEAVING;
use super::restoring::RESTORING;
use super::wake::WAKE;
use crate::planes::docker::Labels;

const ASIDE: [&str; 3] = [WAKE, RESTORING, LEAVING];

/// Keeps what `old` says of this in the labels that an update writes.
pub(super) fn kept(old: Option<&Labels>, mut labels: Labels) -> Labels {
    let said = old.into_iter().flatten().filter(|(name, _)| ASIDE.contains(&name.as_str()));
    labels.extend(said.map(|(name, text)| (name.clone(), text.clone())));
    labels
}

/// A number that changes with all of a service that a plan may be about: not with these labels, nor with whether it runs.
#[must_use]
pub fn planned(service: &Seen) -> u64 {
    let mut spec = service.spec.clone().unwrap_or_default();
    let labels: BTreeMap<String, String> =
        spec.labels.take().into_iter().flatten().filter(|(name, _)| !ASIDE.contains(&name.as_str())).collect();
    if let Some(replicated) = spec.mode.as_mut().and_then(|mode| mode.replicated.as_mut()) {
        replicated.replicas = None;
    }
    let mut hasher = DefaultHasher::new();
    // As a value first: its fields are in order.
    (labels, serde_json::to_value(spec).as_ref().map(Value::to_string).unwrap_or_default()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use bollard::models::{ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated};

    use super::*;

    fn service(labels: &[&str], replicas: i64, name: &str) -> Seen {
        let labels = labels.iter().map(|&label| (label.to_owned(), "x".to_owned())).collect();
        let replicated = ServiceSpecModeReplicated { replicas: Some(replicas) };
        let mode = ServiceSpecMode { replicated: Some(replicated), ..ServiceSpecMode::default() };
        let spec = ServiceSpec { labels: Some(labels), mode: Some(mode), name: Some(name.to_owned()), ..ServiceSpec::default() };
        Seen { spec: Some(spec), ..Seen::default() }
    }

    #[test]
    fn what_is_said_beside_the_wish_is_kept_and_is_nothing_to_plan() {
        let one = planned(&service(&["a"], 0, "t"));
        assert_eq!(one, planned(&service(&["a", WAKE, RESTORING, LEAVING], 1, "t")));
        assert_ne!(one, planned(&service(&["a", "b"], 0, "t")));
        assert_ne!(one, planned(&service(&["a"], 0, "u")));
        let old = service(&["a", WAKE, RESTORING, LEAVING], 0, "t").spec.unwrap().labels;
        let kept = kept(old.as_ref(), Labels::from([("b".to_owned(), "y".to_owned())]));
        assert_eq!(kept.len(), 4, "{kept:?}");
        assert!(!kept.contains_key("a"));
    }
}
