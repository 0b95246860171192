//! The owner marks that every object of ours bears: whose it is, which address, and what was last applied.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Address;

/// Tag keys and label keys.
pub mod key {
    /// The stack that owns the object.
    pub const STACK: &str = "reeve:stack";
    /// The resource's address.
    pub const ADDRESS: &str = "reeve:address";
    /// Hashes of the fields last applied ([`super::Applied`]).
    pub const APPLIED: &str = "reeve:applied";
    /// `true` when deletion and replacement are refused.
    pub const PROTECT: &str = "reeve:protect";
    /// Which attempt made the object: two of one attempt are one object made twice.
    pub const ATTEMPT: &str = "reeve:attempt";
    /// Set before a replacement is made: this one is to go.
    pub const RETIRING: &str = "reeve:retiring";
}

/// What an object of ours says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marks {
    /// The owning stack's name; empty when the object bears no mark of its own (its parent does). Another stack's only on a setting of
    /// something of ours, without an address.
    pub stack: String,
    /// Its address; `None` when it bears no mark of its own.
    pub address: Option<Address>,
    /// What was last applied.
    pub applied: Applied,
    /// Deletion and replacement are refused.
    pub protect: bool,
    /// The attempt that made it.
    pub attempt: String,
    /// It has been replaced and waits for its users to move.
    pub retiring: bool,
    /// It was about to be replaced, and that is no longer wished: the mark of it is written over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays: bool,
}

impl Marks {
    /// The marks as tags or labels.
    #[must_use]
    pub fn to_tags(&self) -> Vec<(&'static str, String)> {
        let mut tags = vec![(key::STACK, self.stack.clone())];
        if let Some(address) = &self.address {
            tags.push((key::ADDRESS, address.to_string()));
        }
        tags.push((key::APPLIED, self.applied.to_string()));
        tags.push((key::PROTECT, self.protect.to_string()));
        if !self.attempt.is_empty() {
            tags.push((key::ATTEMPT, self.attempt.clone()));
        }
        if self.retiring || self.stays {
            tags.push((key::RETIRING, self.retiring.to_string()));
        }
        tags
    }

    /// What the tags of an object say that is ours without bearing our mark (a setting of something of ours): at most whose it is.
    #[must_use]
    pub fn foreign<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let stack = tags.into_iter().find(|(name, _)| *name == key::STACK).map(|(_, stack)| stack.to_owned());
        Self { stack: stack.unwrap_or_default(), ..Self::default() }
    }

    /// Reads marks out of tags; `None` when `reeve:stack` is not `stack` or there is no valid address.
    #[must_use]
    pub fn from_tags<'a>(stack: &str, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut marks = Self::default();
        for (name, value) in tags {
            match name {
                key::STACK => marks.stack = value.to_owned(),
                key::ADDRESS => marks.address = Address::parse(value).ok(),
                key::APPLIED => marks.applied = Applied::parse(value),
                key::PROTECT => marks.protect = value == "true",
                key::ATTEMPT => marks.attempt = value.to_owned(),
                key::RETIRING => marks.retiring = value == "true",
                _ => {}
            }
        }
        (marks.stack == stack && marks.address.is_some()).then_some(marks)
    }
}

/// Short hashes of the fields last applied: they tell *drift* from *change*, and never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Applied {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A change of several calls began and did not end.
    Unfinished,
    /// Field-name hash to value hash, for every field that is not at its default.
    Fields(BTreeMap<String, String>),
}

const VERSION: &str = "v1:";

impl Applied {
    /// Hashes `fields` (name and value), which must leave out those at their defaults.
    pub fn of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        Self::Fields(fields.into_iter().map(|(name, value)| (short(name.as_bytes(), 2), value_hash(value))).collect())
    }

    /// Whether `field` was last applied as `value` (`None`: at its default). `None` when that is not known.
    #[must_use]
    pub fn says(&self, field: &str, value: Option<&Value>) -> Option<bool> {
        match self {
            Self::Fields(fields) => Some(fields.get(&short(field.as_bytes(), 2)).cloned() == value.map(value_hash)),
            _ => None,
        }
    }

    /// Reads the tag's value; what it cannot read is `Unknown`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "unfinished" {
            return Self::Unfinished;
        }
        let Some(body) = text.strip_prefix(VERSION).filter(|body| body.is_ascii() && body.len() % 6 == 0) else {
            return Self::Unknown;
        };
        Self::Fields((0..body.len()).step_by(6).map(|at| (body[at..at + 2].to_owned(), body[at + 2..at + 6].to_owned())).collect())
    }
}

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Unfinished => f.write_str("unfinished"),
            Self::Fields(fields) => {
                f.write_str(VERSION)?;
                fields.iter().try_for_each(|(name, value)| write!(f, "{name}{value}"))
            }
        }
    }
}

impl Serialize for Applied {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Applied {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

fn value_hash(value: &Value) -> String {
    // serde_json keeps object keys sorted, so this text is canonical enough to compare with itself.
    short(value.to_string().as_bytes(), 4)
}

/// The first `chars` characters of the URL-safe base64 of the SHA-256 of `bytes`: letters every AWS tag allows.
#[must_use]
pub fn short(bytes: &[u8], chars: usize) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
    text.truncate(chars);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_survive_tags() {
        let marks = Marks {
            stack: "hostedehr".into(),
            address: Some(Address::parse("vpc.vpc").unwrap()),
            applied: Applied::of([("cidr_block", &json!("10.0.0.0/16"))]),
            protect: true,
            attempt: "a1".into(),
            retiring: true,
            stays: false,
        };
        let tags = marks.to_tags();
        let read = Marks::from_tags("hostedehr", tags.iter().map(|(k, v)| (*k, v.as_str())));
        assert_eq!(read.as_ref(), Some(&marks));
        assert_eq!(Marks::from_tags("other", tags.iter().map(|(k, v)| (*k, v.as_str()))), None);
        for (_, value) in &tags {
            assert!(value.len() <= 256 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b)), "{value}");
        }
    }

    #[test]
    fn a_new_field_at_its_default_changes_nothing() {
        let applied = Applied::parse(&Applied::of([("a", &json!(1))]).to_string());
        assert_eq!(applied.says("a", Some(&json!(1))), Some(true));
        assert_eq!(applied.says("a", Some(&json!(2))), Some(false));
        assert_eq!(applied.says("new_field", None), Some(true));
        assert_eq!(Applied::parse("unfinished").says("a", None), None);
        assert_eq!(Applied::parse("v9:junk"), Applied::Unknown);
    }
}
