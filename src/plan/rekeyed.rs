//! A child without marks is known by its key: its parent, say, and an address. Where the YAML gives that another value, what was made before is still there, under the
//! old key, and is no more what is wished: a change of ours, that makes a new one and drops the one before. Nothing has vanished, and nobody else did it.

use std::collections::BTreeMap;

use super::Wished;
use super::claim::Claims;
use crate::model::Address;
use crate::model::marks::Applied;

/// The fields of its key that are not what was last applied to `address`, where the object that was made for it is still there; else none.
pub(super) fn rekeyed(address: &Address, wish: &Wished, claims: &Claims<'_>, history: &BTreeMap<Address, Applied>) -> Vec<&'static str> {
    let Some(applied) = history.get(address).filter(|_| claims.rekeyed.values().any(|one| one == address)) else { return Vec::new() };
    let info = wish.kind.info();
    let is_another = |field: &str| {
        let value = wish.spec.get(field).filter(|value| !info.is_default(field, value));
        applied.says(field, value) == Some(false)
    };
    wish.kind.key.iter().copied().filter(|field| is_another(field)).collect()
}
