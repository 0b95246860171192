//! A secret: readable where it is handed over, and nowhere else.

use std::fmt;

use zeroize::Zeroizing;

/// A value that is never shown: it has no serialised form, its `Debug` form does not hold it, and it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value in.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one call that hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Another secret that is made of this one and of what it is for: 32 letters and digits.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Self {
        use sha2::{Digest, Sha256};
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let hash = Sha256::digest(format!("reeve-derived|{purpose}|{}", self.expose()));
        Self::new(hash.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect())
    }

    /// A short hash of it, by which two of them are told apart: safe to show for what has 100 bits or more of randomness.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        super::marks::short(format!("reeve-secret|{}", self.expose()).as_bytes(), 10)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown_and_known_by_its_fingerprint() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.fingerprint(), Secret::new("hunter2".into()).fingerprint());
        assert_ne!(secret.fingerprint(), Secret::new("hunter3".into()).fingerprint());
        let derived = secret.derived("admin");
        assert!(derived.expose().len() == 32 && derived.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(derived.expose(), secret.derived("other").expose());
    }
}
