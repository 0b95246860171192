//! The place of a tenant in the configuration: its backend, and the one line in it that says where it runs. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What the names of tenants' backends begin with.
pub const PREFIX: &str = "t_";
/// The tenant's own server in its backend.
pub const SERVER: &str = "s";
/// Where a tenant is that runs nowhere: a port that nobody listens on, out of use besides.
const NOWHERE: &str = "  server s 127.0.0.1:1 disabled";

/// The line that begins a tenant's backend.
#[must_use]
pub fn backend(tenant: &str) -> String {
    format!("backend {PREFIX}{tenant}")
}

/// The tenant of a backend of that name.
#[must_use]
pub fn tenant(backend: &str) -> Option<&str> {
    backend.strip_prefix(PREFIX)
}

/// The line of its server.
#[must_use]
pub fn server(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| NOWHERE.to_owned(), |address| format!("  server s {address}"))
}

/// The configuration as a reload needs it, so that no route is lost meanwhile: with the address of each tenant that has one.
#[must_use]
pub fn filled(text: &str, addresses: &BTreeMap<String, SocketAddr>) -> String {
    let (mut filled, mut at) = (String::with_capacity(text.len()), None);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if let Some(name) = bare.strip_prefix("backend ") {
            at = tenant(name).and_then(|tenant| addresses.get(tenant));
        }
        match at.filter(|_| bare == NOWHERE) {
            Some(address) => {
                filled.push_str(&server(Some(*address)));
                filled.push('\n');
            }
            None => filled.push_str(line),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_gets_its_own_address_and_nobody_anothers() {
        let text =
            format!("backend x\n{NOWHERE}\nbackend t_a\n{NOWHERE}\n  server wk b\nbackend t_b\n{NOWHERE}\nbackend t_a-b\n{NOWHERE}\n");
        let addresses =
            BTreeMap::from([("a".to_owned(), "10.0.0.1:32768".parse().unwrap()), ("b".to_owned(), "[::1]:80".parse().unwrap())]);
        let filled = filled(&text, &addresses);
        let expected = format!(
            "backend x\n{NOWHERE}\nbackend t_a\n  server s 10.0.0.1:32768\n  server wk b\nbackend t_b\n  server s [::1]:80\nbackend t_a-b\n{NOWHERE}\n"
        );
        assert_eq!(filled, expected);
    }
}
