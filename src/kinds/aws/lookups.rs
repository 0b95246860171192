//! The closed list of look-ups: what is read once before planning, never made.

use crate::kinds::Named;

/// The Route 53 zone of the stack's domain.
#[derive(Debug)]
pub struct Zone;

impl Named for Zone {
    const NAME: &'static str = "lookup.zone";
}

/// One look-up: its address and the attributes that `ref` may name (`id` always).
#[derive(Debug)]
pub struct Lookup {
    /// `lookup.zone`.
    pub address: &'static str,
    /// The kind that a `Ref` to it must name.
    pub kind: &'static str,
    /// What may be asked of it.
    pub attributes: &'static [&'static str],
}

/// All look-ups.
pub static LOOKUPS: &[Lookup] = &[
    Lookup { address: "lookup.zone", kind: "lookup.zone", attributes: &["name"] },
    Lookup { address: "lookup.account", kind: "lookup.account", attributes: &["partition", "region"] },
];

/// Reads all look-ups.
///
/// # Errors
/// What AWS answered.
pub async fn read(_: &crate::planes::Aws) -> crate::planes::Result<Vec<crate::kinds::AnyLive>> {
    Ok(Vec::new())
}
