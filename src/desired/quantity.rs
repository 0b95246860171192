//! Sizes (`2GiB`) and durations (`14d`): exact, whole, and with a unit.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const SIZES: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
const DURATIONS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// Reads `2GiB` as bytes.
///
/// # Errors
/// What is wrong, and what was probably meant.
pub fn size(text: &str) -> Result<u64, (String, String)> {
    let near = |unit: &str| match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "ki" | "kib" => Some("KiB"),
        "m" | "mb" | "mi" | "mib" => Some("MiB"),
        "g" | "gb" | "gi" | "gib" | "" => Some("GiB"),
        "t" | "tb" | "ti" | "tib" => Some("TiB"),
        _ => None,
    };
    quantity(text, SIZES, near)
        .map_err(|help| (format!("`{text:.40}` is no size"), help.unwrap_or_else(|| "such as 600MiB, 2GiB or 1TiB".into())))
}

/// Reads `14d` as seconds.
///
/// # Errors
/// What is wrong, and what was probably meant.
pub fn duration(text: &str) -> Result<u64, (String, String)> {
    let near = |unit: &str| match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" | "s" => Some("s"),
        "min" | "mins" | "minute" | "minutes" | "m" => Some("m"),
        "hour" | "hours" | "hr" | "h" => Some("h"),
        "day" | "days" | "d" => Some("d"),
        _ => None,
    };
    quantity(text, DURATIONS, near)
        .map_err(|help| (format!("`{text:.40}` is no duration"), help.unwrap_or_else(|| "such as 60s, 15m, 6h or 14d".into())))
}

fn quantity(text: &str, units: &[(&str, u64)], near: impl Fn(&str) -> Option<&'static str>) -> Result<u64, Option<String>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Ok(number) = number.parse::<u64>() else { return Err(None) };
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => number.checked_mul(*factor).filter(|n| i64::try_from(*n).is_ok()).ok_or(None),
        None => Err(near(unit.trim()).map(|unit| format!("did you mean `{number}{unit}`?"))),
    }
}

macro_rules! quantity_type {
    ($(#[$doc:meta])* $name:ident, $read:ident, $units:expr, $format:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            /// In the largest unit that says it exactly.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match $units.iter().rev().find(|(_, factor)| self.0 != 0 && self.0 % factor == 0) {
                    Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
                    None => write!(f, "{}", self.0),
                }
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(&String::deserialize(deserializer)?).map(Self).map_err(|(message, help)| D::Error::custom(format_args!("{message}: {help}")))
            }
        }
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "examples": [$example] })
            }
        }
    };
}

quantity_type!(
    /// A number of bytes, written `2GiB`; in expressions the bytes.
    Size, size, SIZES, "size", "2GiB"
);
quantity_type!(
    /// A number of seconds, written `14d`; in expressions the seconds.
    Duration, duration, DURATIONS, "duration", "14d"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read_and_written() {
        assert_eq!(size("700MiB"), Ok(700 << 20));
        assert_eq!(duration("14d"), Ok(14 * 86_400));
        assert_eq!(Size(2 << 30).to_string(), "2GiB");
        assert_eq!(Duration(90).to_string(), "90s");
        assert_eq!(Duration(0).to_string(), "0");
    }

    #[test]
    fn a_wrong_unit_is_named() {
        assert_eq!(size("2GB").unwrap_err().1, "did you mean `2GiB`?");
        assert_eq!(duration("2 days").unwrap_err().1, "did you mean `2d`?");
        assert!(size("99999999999999TiB").is_err());
        assert!(duration("d").is_err());
    }
}
