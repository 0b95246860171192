//! Canonical JSON and its SHA-256: the same document gives the same bytes on every machine (RFC 8785).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::RecordError;

/// The largest number up to which canonical JSON (whose numbers are doubles) tells every integer from its neighbours.
const EXACT: u64 = 1 << 53;

/// `sha256:` and the hexadecimal SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::from("sha256:"), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(half.into(), 16).unwrap_or('0'));
        }
        text
    })
}

/// `value` as RFC 8785 JSON.
///
/// # Errors
/// [`RecordError::NotCanonical`] for a value that JSON cannot hold, or an integer that it would round.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let value = serde_json::to_value(value).map_err(|error| RecordError::NotCanonical { why: error.to_string() })?;
    exact(&value, &mut String::new())?;
    serde_json_canonicalizer::to_vec(&value).map_err(|error| RecordError::NotCanonical { why: error.to_string() })
}

/// The object of `fields` as RFC 8785 JSON, without copying them: plans are large.
///
/// # Errors
/// As [`canonical`].
pub(super) fn canonical_object<'a>(fields: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Result<Vec<u8>, RecordError> {
    let fields: BTreeMap<&str, &Value> = fields.into_iter().collect();
    for (name, value) in &fields {
        exact(value, &mut format!("/{name}"))?;
    }
    serde_json_canonicalizer::to_vec(&fields).map_err(|error| RecordError::NotCanonical { why: error.to_string() })
}

/// Refuses numbers that would be rounded: two different plans must never share a digest.
fn exact(value: &Value, path: &mut String) -> Result<(), RecordError> {
    let at = path.len();
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            // A large fraction-less double is written like an integer and would be read back as one.
            let rounded = size.map_or_else(|| number.as_f64().is_some_and(|double| double.abs() > EXACT as f64), |size| size > EXACT);
            if rounded {
                return Err(RecordError::NotCanonical { why: format!("the number {number} at {path} is too large to be exact") });
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                exact(item, path)?;
                path.truncate(at);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                path.push('/');
                path.push_str(name);
                exact(item, path)?;
                path.truncate(at);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_numbers_plain() {
        let bytes = canonical(&json!({"b": 1.0, "a": [true, null, "\u{e9}"]})).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "{\"a\":[true,null,\"\u{e9}\"],\"b\":1}");
    }

    #[test]
    fn integers_that_would_be_rounded_are_refused_with_their_place() {
        let error = canonical(&json!({"a": [{"size": 9_007_199_254_740_993_u64}]})).unwrap_err().to_string();
        assert!(error.contains("9007199254740993 at /a/0/size"), "{error}");
        assert!(canonical(&json!(-9_007_199_254_740_993_i64)).is_err());
        assert!(canonical(&json!(9_007_199_254_740_992_u64)).is_ok());
    }

    #[test]
    fn the_digest_is_the_published_one() {
        // FIPS 180-4, the example for "abc".
        assert_eq!(sha256(b"abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
