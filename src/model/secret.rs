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
    }
}
