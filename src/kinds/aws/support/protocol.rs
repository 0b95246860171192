//! IP protocols, as rules of security groups and entries of network ACLs name them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// `tcp`, `udp`, `icmp`, `icmpv6`, `all`, or the number of another protocol (0 to 255).
///
/// AWS writes `all` as `-1`, and names or numbers depending on the call; here each has one form.
/// Numbers: <https://www.iana.org/assignments/protocol-numbers/protocol-numbers.xhtml>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protocol(Cow<'static, str>);

const NAMES: [(&str, &str); 5] = [("-1", "all"), ("6", "tcp"), ("17", "udp"), ("1", "icmp"), ("58", "icmpv6")];

impl Protocol {
    /// Every protocol.
    pub const ALL: Self = Self(Cow::Borrowed("all"));
    /// TCP.
    pub const TCP: Self = Self(Cow::Borrowed("tcp"));

    /// Parses a name or a number.
    ///
    /// # Errors
    /// With the allowed words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        if let Some((_, name)) = NAMES.iter().find(|(number, name)| text == *number || text == *name) {
            return Ok(Self(Cow::Borrowed(name)));
        }
        match text.parse::<u8>() {
            Ok(number) => Ok(Self(Cow::Owned(number.to_string()))),
            Err(_) => Err(format!("`{text}` is no protocol: tcp, udp, icmp, icmpv6, all, or a number from 0 to 255")),
        }
    }

    /// As security groups write it: names, `-1` for all.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.is_all() { "-1" } else { &self.0 }
    }

    /// As network ACLs write it: numbers only.
    #[must_use]
    pub fn number(&self) -> &str {
        NAMES.iter().find(|(_, name)| self.0 == *name).map_or(&self.0, |(number, _)| number)
    }

    /// Whether it is every protocol.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Whether its packets have ports.
    #[must_use]
    pub fn has_ports(&self) -> bool {
        matches!(&*self.0, "tcp" | "udp")
    }

    /// Whether its packets have a type and a code.
    #[must_use]
    pub fn is_icmp(&self) -> bool {
        matches!(&*self.0, "icmp" | "icmpv6")
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
impl JsonSchema for Protocol {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Protocol".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(tcp|udp|icmp|icmpv6|all|-1|[0-9]{1,3})$", "examples": ["tcp", "udp", "all"] })
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn names_and_numbers_are_one_protocol() {
        assert_eq!(Protocol::parse("6").unwrap(), Protocol::parse("TCP").unwrap());
        assert_eq!(Protocol::parse("-1").unwrap(), Protocol::ALL);
        assert_eq!((Protocol::ALL.name(), Protocol::ALL.number()), ("-1", "-1"));
        assert_eq!((Protocol::TCP.name(), Protocol::TCP.number()), ("tcp", "6"));
        assert_eq!(Protocol::parse("50").unwrap().number(), "50");
        assert!(Protocol::parse("http").unwrap_err().contains("tcp, udp"));
    }
}
