//! What a tenant's container may reach: the database at its port, the resolvers, HTTPS in the world. Nothing else: not the metadata
//! service, no other tenant, no port of a host or of what is in private networks, not the other bridges.
//!
//! The one list: `reeve host setup` writes it on the hosts of the fleet, and the sandbox on its own, where tests attack it.
//!
//! Three chains of our own: one for what is forwarded, called first in `DOCKER-USER`, which Docker leaves to others
//! (<https://docs.docker.com/engine/network/packet-filtering-firewalls/>), one for what is meant for the host itself, and one for what programs of the host
//! send to it. What a published port of another tenant is reached by is rewritten before it gets here, so that it shows as what it is: one container of
//! the bridge calling another.

use std::net::IpAddr;

use super::Cidr;
use super::host::ENGINE_PORT;

/// The bridge that the tenants' containers are on.
pub const BRIDGE: &str = "tenants0";

/// The chain for what containers send elsewhere.
pub const AWAY: &str = "REEVE-TENANTS";

/// The chain for what containers send to the host.
pub const HOST: &str = "REEVE-HOST";

/// The chain for what programs of the host send to the host: the engine, which Session Manager's agent reaches at a port, is root's alone.
pub const OWN: &str = "REEVE-OWN";

/// Networks that are nobody's in the world: the estate's own, other bridges, link-local with the metadata service.
const PRIVATE: &[&str] = &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/// One of the two families of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Tenants speak it.
    V4,
    /// Tenants do not: the bridge has none, and what gets there all the same goes nowhere.
    V6,
}

impl Family {
    fn refuse(self) -> &'static str {
        match self {
            Self::V4 => "-j REJECT --reject-with icmp-port-unreachable",
            Self::V6 => "-j REJECT --reject-with icmp6-port-unreachable",
        }
    }

    /// The chain in which what is forwarded is looked at first.
    #[must_use]
    pub fn forwarded(self) -> &'static str {
        match self {
            Self::V4 => "DOCKER-USER",
            Self::V6 => "FORWARD",
        }
    }

    /// The chain that calls `chain`, which is one of ours.
    #[must_use]
    pub fn caller(self, chain: &str) -> &'static str {
        match chain {
            AWAY => self.forwarded(),
            OWN => "OUTPUT",
            _ => "INPUT",
        }
    }
}

/// What differs from estate to estate.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// The resolvers. None: whatever answers at their port.
    pub dns: &'a [IpAddr],
    /// The database's port, and the networks that its servers are in.
    pub database: Option<(u16, &'a [Cidr])>,
}

/// Our chains and their rules, word for word as `iptables -S` shows them.
#[must_use]
pub fn rules(allowed: Allowed<'_>, family: Family) -> [(&'static str, Vec<String>); 3] {
    let answers = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN".to_owned();
    let refuse = family.refuse().to_owned();
    // Who may begin is all that is asked: what the kernel still sends for a program that is gone belongs to nobody.
    let own = vec![format!("-p tcp -m tcp --dport {ENGINE_PORT} --tcp-flags FIN,SYN,RST,ACK SYN -m owner ! --uid-owner 0 {refuse}")];
    if family == Family::V6 {
        return [(AWAY, vec![refuse.clone()]), (HOST, vec![refuse]), (OWN, own)];
    }
    let mut away = vec![answers.clone(), format!("-o {BRIDGE} {refuse}")];
    for protocol in ["udp", "tcp"] {
        let port = format!("-p {protocol} -m {protocol} --dport 53 -j RETURN");
        match allowed.dns.iter().filter(|address| address.is_ipv4()).map(|address| format!("-d {address}/32 {port}")).collect::<Vec<_>>() {
            none if none.is_empty() => away.push(port),
            some => away.extend(some),
        }
    }
    if let Some((port, networks)) = allowed.database {
        away.extend(networks.iter().map(|network| format!("-d {network} -p tcp -m tcp --dport {port} -j RETURN")));
    }
    away.extend(PRIVATE.iter().map(|network| format!("-d {network} {refuse}")));
    away.push("-p tcp -m tcp --dport 443 -j RETURN".into());
    away.push(refuse.clone());
    [(AWAY, away), (HOST, vec![answers, refuse]), (OWN, own)]
}

/// The rule by which one of our chains is called.
#[must_use]
pub fn jump(chain: &str) -> String {
    let from = if chain == OWN { "-o lo".to_owned() } else { format!("-i {BRIDGE}") };
    format!("{from} -j {chain}")
}

/// What `iptables-restore --noflush` reads: our chains anew, all others as they are.
#[must_use]
pub fn script(chains: &[(&str, Vec<String>)]) -> String {
    format!("*filter\n{}COMMIT\n", body(chains))
}

/// The same where nothing is yet and Docker has not started: with the calls of our chains. Docker takes a `DOCKER-USER` that is there.
#[must_use]
pub fn first(chains: &[(&str, Vec<String>)], family: Family) -> String {
    let docker = match family {
        Family::V4 => ":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n",
        Family::V6 => "",
    };
    let calls: String = chains.iter().map(|(chain, _)| format!("-A {} {}\n", family.caller(chain), jump(chain))).collect();
    format!("*filter\n{}{docker}{calls}COMMIT\n", body(chains))
}

fn body(chains: &[(&str, Vec<String>)]) -> String {
    let names = chains.iter().map(|(name, _)| format!(":{name} - [0:0]\n"));
    let rules = chains.iter().flat_map(|(name, rules)| rules.iter().map(move |rule| format!("-A {name} {rule}\n")));
    names.chain(rules).collect()
}

/// What `iptables -S CHAIN` shows of a chain with these rules.
#[must_use]
pub fn listing(name: &str, rules: &[String]) -> String {
    let rules = rules.iter().map(|rule| format!("-A {name} {rule}\n"));
    std::iter::once(format!("-N {name}\n")).chain(rules).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_refused_after_what_is_allowed_in_them_and_before_https() {
        let networks = [Cidr::parse("10.20.0.0/16").unwrap()];
        let allowed = Allowed { dns: &[IpAddr::from([169, 254, 169, 253])], database: Some((3307, &networks)) };
        let [(_, away), (_, host), _] = rules(allowed, Family::V4);
        let at = |text: &str| away.iter().position(|rule| rule.contains(text)).unwrap_or_else(|| panic!("{text}: {away:#?}"));
        assert!(at("-d 169.254.169.253/32 -p udp") < at("-d 169.254.0.0/16"));
        assert!(at("-d 10.20.0.0/16 -p tcp -m tcp --dport 3307 -j RETURN") < at("-d 10.0.0.0/8"));
        assert!(at("-d 172.16.0.0/12") < at("--dport 443"));
        assert!(at("-o tenants0") < at("--dport 53"), "another container is no resolver");
        assert_eq!(away.last().map(String::as_str), Some("-j REJECT --reject-with icmp-port-unreachable"));
        assert_eq!(host.len(), 2, "{host:#?}");
    }

    #[test]
    fn where_nothing_is_yet_all_chains_are_called() {
        let allowed = Allowed { dns: &[], database: None };
        let four = first(&rules(allowed, Family::V4), Family::V4);
        for call in [
            "-A DOCKER-USER -i tenants0 -j REEVE-TENANTS\n",
            "-A INPUT -i tenants0 -j REEVE-HOST\n",
            "-A OUTPUT -o lo -j REEVE-OWN\n",
            "-A FORWARD -j DOCKER-USER\n",
        ] {
            assert!(four.contains(call), "{call}: {four}");
        }
        let six = first(&rules(allowed, Family::V6), Family::V6);
        assert!(six.contains("-A FORWARD -i tenants0 -j REEVE-TENANTS\n") && !six.contains("DOCKER-USER"), "{six}");
    }
}
