//! The edge and backup against the emulated AWS: each kind is made, read back, changed in every field that can change, and deleted;
//! what another stack owns is never seen.

#[path = "kinds_edge/backup.rs"]
mod backup;
#[path = "kinds_edge/balancer.rs"]
mod balancer;
#[path = "kinds_edge/modules.rs"]
mod modules;
#[path = "kinds_edge/names.rs"]
mod names;
#[path = "kinds_edge/support.rs"]
mod support;

/// A kind from JSON, as a module writes it.
fn spec<K: reeve::kinds::Kind>(value: serde_json::Value) -> K {
    let kind: K = serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", K::NAME));
    assert!(kind.check().is_empty(), "{}: {:?}", K::NAME, kind.check());
    kind
}
