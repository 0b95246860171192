//! Who names whom: the references of a wish, be they in a field or in a text.

use serde_json::Value;

use crate::kinds::info::Info;
use crate::kinds::{Row, lookup};
use crate::model::{Address, hole};

/// The addresses that `spec` refers to, field by field.
pub fn references(info: &Info, spec: &Value, mut visit: impl FnMut(&str, hole::Hole)) {
    info.visit(spec, &mut |leaf, text| {
        if hole::any(text) {
            hole::all(text).into_iter().for_each(|hole| visit(leaf.field, hole));
        }
    });
}

/// Whether a wish of that kind names `target`.
pub(super) fn names(kind: &Row, spec: &Value, target: &Address) -> bool {
    let mut found = false;
    references(kind.info(), spec, |_, hole| found |= hole.address == *target);
    found
}

/// What an object without marks stands under, kind and id: its first key field names it.
pub(super) fn parent(kind: &Row, shape: &Value) -> Option<(&'static str, String)> {
    let field = kind.key.first()?;
    let mut found = None;
    kind.info().visit(shape, &mut |leaf, id| {
        if leaf.field == *field
            && let Some(parent) = leaf.kind.and_then(lookup)
        {
            found.get_or_insert((parent.name, id.to_owned()));
        }
    });
    found
}
