//! A number that only grows (the size of a disk) and was made smaller in the YAML: dropping that in silence would be a lie, for what is derived from
//! the number (an alarm) follows it. What AWS has grown by itself is no such thing, nor is a number that was raised and is outgrown already.

use serde_json::json;

use super::Wished;
use crate::kinds::AnyLive;
use crate::model::marks::Applied;
use crate::model::runbook::SMALLER;

/// Reason and hint, where the wish was lowered below what is live since it was last applied. (The mark tells with 24 bits what was applied:
/// one that passes for another costs a refusal.)
pub(super) fn lowered(wish: &Wished, live: &AnyLive, applied: &Applied) -> Option<(String, String)> {
    let info = wish.kind.info();
    info.fields.iter().filter(|(_, field)| field.grows).find_map(|(name, _)| {
        let (is, asked) = (live.shape.get(name)?.as_i64()?, wish.spec.get(name)?.as_i64()?);
        let last = |number: i64| {
            let value = json!(number);
            applied.says(name, (!info.is_default(name, &value)).then_some(&value)) == Some(true)
        };
        if asked >= is || last(asked) {
            return None;
        }
        let was = (asked + 1..=is).find(|number| last(*number))?;
        Some((
            format!("{name} was {was} and is {asked} in the YAML, but {is} are there: it grows in place and never becomes smaller"),
            format!("put {was} back in the YAML; how to have a smaller one: {SMALLER}"),
        ))
    })
}
