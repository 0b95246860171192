//! What may not be lost.

use super::Wished;
use crate::kinds::AnyLive;
use crate::model::Address;
use crate::model::plan::Scope;

/// Whether an object may not be lost: its own mark says so, or the YAML does (a mark can be stripped, and some kinds bear none).
pub(super) fn is_protected(address: &Address, live: &AnyLive, declared: Option<&Wished>, scope: &Scope) -> bool {
    (live.marks.protect || declared.is_some_and(|wish| wish.protect)) && !scope.allows_deletion_of(address)
}
