//! What may not be lost.

use std::collections::BTreeMap;

use super::Wished;
use super::claim::Claims;
use crate::kinds::AnyLive;
use crate::model::Address;
use crate::model::plan::Scope;

/// Whether an object may not be lost: its own mark says so, or the YAML does (a mark can be stripped, and some kinds bear none). What is known by another key by now is the
/// YAML's all the same.
pub(super) fn is_protected(
    address: &Address,
    live: &AnyLive,
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    scope: &Scope,
) -> bool {
    let wish = declared.get(claims.rekeyed.get(address).unwrap_or(address));
    (live.marks.protect || wish.is_some_and(|wish| wish.protect)) && !scope.allows_deletion_of(address)
}
