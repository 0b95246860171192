//! An address names one resource of a stack for its whole life.
//!
//! `module.resource`, `module.resource/key` or `tenant/name.resource`, of `[a-z0-9._/-]`, at most 200 characters: a valid
//! tag value for every AWS service, a label, and an unquoted shell word.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest address, in characters.
pub const LIMIT: usize = 200;

/// A validated address. Cheap to clone; orders as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address: {why}")]
pub struct BadAddress {
    text: String,
    why: &'static str,
}

impl Address {
    /// Checks `text` and takes it.
    ///
    /// # Errors
    /// When it is empty, too long, has a character outside `[a-z0-9._/-]`, or names no resource.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let bad = |why| Err(BadAddress { text: text.chars().take(80).collect(), why });
        if text.is_empty() || text.len() > LIMIT {
            return bad("it must have 1 to 200 characters");
        }
        if !text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-')) {
            return bad("only a-z, 0-9, `.`, `_`, `/` and `-` are allowed");
        }
        let Some((module, rest)) = text.split_once('.') else {
            return bad("it must look like module.resource or module.resource/key");
        };
        if module.is_empty() || rest.is_empty() || text.starts_with('/') || text.ends_with('/') || text.contains("//") {
            return bad("it must look like module.resource or module.resource/key");
        }
        Ok(Self(text.into()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot: `vpc`, or `tenant/ckwc`.
    #[must_use]
    pub fn module(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(module, _)| module)
    }

    /// Whether this address stands for a look-up, which is read and never made.
    #[must_use]
    pub fn is_lookup(&self) -> bool {
        self.module() == "lookup"
    }

    /// Whether `text` is an address or the front part of one: `vpc`, `vpc.subnet`, `tenant/ckwc`.
    #[must_use]
    pub fn is_scope(text: &str) -> bool {
        Self::parse(text).is_ok() || Self::parse(&format!("{text}.x")).is_ok()
    }

    /// Whether `self` is `scope` itself or lies under it (`vpc` covers `vpc.subnet/a`, `vpc.subnet` covers `vpc.subnet/a`).
    #[must_use]
    pub fn is_under(&self, scope: &str) -> bool {
        self.0.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::str::FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        Self::parse(text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["vpc.vpc", "vpc.subnet/a", "tenant/ckwc.secret", "edge.record/apex-a"] {
            assert_eq!(Address::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "vpc", "vpc.", ".vpc", "Vpc.vpc", "vpc.a b", "vpc.a//b", "vpc.a/", &format!("vpc.{}", "a".repeat(200))] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn scopes_cover_whole_parts_only() {
        let address = Address::parse("vpc.subnet/a").unwrap();
        assert!(address.is_under("vpc") && address.is_under("vpc.subnet") && address.is_under("vpc.subnet/a"));
        assert!(!address.is_under("vp") && !address.is_under("vpc.sub"));
        assert!(!address.is_under("") && !address.is_under("."), "no word is the whole stack");
        for (text, is) in
            [("vpc", true), ("tenant/ckwc", true), ("vpc.subnet/a", true), ("", false), ("*", false), ("Not An Address", false)]
        {
            assert_eq!(Address::is_scope(text), is, "{text}");
        }
    }
}
