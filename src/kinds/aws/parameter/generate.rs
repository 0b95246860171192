//! How a secret is generated.

use rand::TryRng;
use rand::rngs::SysRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::model::Secret;
use crate::planes::error::{Class, Error, Result};

/// How a secret is generated: letters and digits only, because some images pass values through a shell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// How many letters and digits, 16 to 128. Default: 32 (190 bits).
    #[serde(default = "length")]
    pub length: u16,
}

fn length() -> u16 {
    32
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PATTERN: (&str, &str) = ("^[A-Za-z0-9]{", "}$");

impl Generate {
    /// A secret from the generator of the operating system.
    pub(super) fn secret(&self) -> Result<Secret> {
        let wanted = usize::from(self.length);
        let mut secret = Zeroizing::new(String::with_capacity(wanted));
        let mut bytes = Zeroizing::new([0_u8; 256]);
        while secret.len() < wanted {
            let failed = |_| Error::new(Class::Unreachable, "ssm.PutParameter", "the operating system gives no random bytes");
            SysRng.try_fill_bytes(&mut bytes[..]).map_err(failed)?;
            // 248 is the largest multiple of 62 in a byte: what is above it would favour some letters.
            let letters = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
            let missing = wanted - secret.len();
            secret.extend(letters.take(missing));
        }
        Ok(Secret::new(std::mem::take(&mut *secret)))
    }

    /// SSM checks a value against this pattern, and the listing shows it: that is how the length is read back.
    pub(super) fn pattern(&self) -> String {
        format!("{}{}{}", PATTERN.0, self.length, PATTERN.1)
    }

    pub(super) fn of_pattern(pattern: &str) -> Option<Self> {
        let length = pattern.strip_prefix(PATTERN.0)?.strip_suffix(PATTERN.1)?.parse().ok()?;
        Some(Self { length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_length_and_the_letters_and_differ() {
        let generate = Generate { length: 100 };
        let (a, b) = (generate.secret().unwrap(), generate.secret().unwrap());
        assert_eq!(a.expose().len(), 100);
        assert!(a.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(a.expose(), b.expose());
        assert_eq!(Generate::of_pattern(&generate.pattern()), Some(generate));
        assert_eq!(Generate::of_pattern("^x$"), None);
    }
}
