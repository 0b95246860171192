//! Names are for creation only: they are made here, from stack and address, and never compared.

use super::Address;
use super::marks::short;

/// A name of at most `limit` characters of `[a-z0-9-]`, starting with a letter, from stack, address and `salt`.
///
/// `salt` is empty for a fixed name, or a hash of what cannot change in place, so that a replacement made before the old one is
/// dropped gets another name. When the name is cut or salted, it ends in a hash.
#[must_use]
pub fn name(stack: &str, address: &Address, salt: &str, limit: usize) -> String {
    let plain: String =
        format!("{stack}-{address}").chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    if salt.is_empty() && plain.len() <= limit && !address.as_str().contains(['_', '-']) {
        return plain;
    }
    // `a-b.c` and `a.b-c` would read the same: the hash tells them apart.
    let hash = hex(short(format!("{stack}|{address}|{salt}").as_bytes(), 12).as_bytes(), 8);
    let keep = limit.saturating_sub(hash.len() + 1).min(plain.len());
    format!("{}-{hash}", plain[..keep].trim_end_matches('-'))
}

fn hex(bytes: &[u8], chars: usize) -> String {
    use sha2::{Digest, Sha256};
    let mut text: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    text.truncate(chars);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let a = Address::parse("edge.target").unwrap();
        assert_eq!(name("hostedehr", &a, "", 32), "hostedehr-edge-target");
        let b = Address::parse("edge.a-very-long-resource-name/with-a-key").unwrap();
        let cut = name("hostedehr", &b, "", 32);
        assert!(cut.len() <= 32 && cut.starts_with("hostedehr-edge-a-very"), "{cut}");
        assert_ne!(name("s", &Address::parse("a-b.c").unwrap(), "", 32), name("s", &Address::parse("a.b-c").unwrap(), "", 32));
        assert_ne!(name("s", &a, "x", 32), name("s", &a, "y", 32));
    }
}
