//! What a tenant's container may reach: the database at its port, the resolvers, HTTPS in the world. Nothing else: not the metadata
//! service, no other tenant, no port of a host or of what is in private networks, not the other bridges.
//!
//! Two chains of our own: one for what is forwarded, called first in `DOCKER-USER`, which Docker leaves to others
//! (<https://docs.docker.com/engine/network/packet-filtering-firewalls/>), and one for what is meant for the host itself. Each is replaced in
//! one go. What a published port of another tenant is reached by is rewritten before it gets here, so that it shows as what it is: one
//! container of the bridge calling another. A unit writes them at each start, before Docker.

use super::network::BRIDGE;
use super::units::{self, Unit};
use super::{Host, HostConfig, Result};

/// What containers send elsewhere.
const AWAY: &str = "REEVE-TENANTS";

/// What containers send to the host.
const HOST: &str = "REEVE-HOST";

/// Networks that are nobody's in the world: the estate's own, other bridges, link-local with the metadata service.
const PRIVATE: &[&str] = &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

const UNIT: Unit<'static> = Unit {
    name: "reeve-firewall.service",
    text: "[Unit]\nDescription=What tenants' containers may reach\nAfter=local-fs.target\nBefore=docker.service\n\
           [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/reeve host setup --only firewall\n\
           [Install]\nWantedBy=multi-user.target\n",
};

/// Docker does not run without.
const DROP_IN: (&str, &str) =
    ("/etc/systemd/system/docker.service.d/10-reeve.conf", "[Unit]\nRequires=reeve-firewall.service\nAfter=reeve-firewall.service\n");

/// One of the two families of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Tenants speak it.
    V4,
    /// Tenants do not: the bridge has none, and what gets there all the same goes nowhere.
    V6,
}

impl Family {
    fn program(self) -> &'static str {
        match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        }
    }
    fn refuse(self) -> &'static str {
        match self {
            Self::V4 => "-j REJECT --reject-with icmp-port-unreachable",
            Self::V6 => "-j REJECT --reject-with icmp6-port-unreachable",
        }
    }
    /// The chain in which what is forwarded is looked at first.
    fn forwarded(self) -> &'static str {
        match self {
            Self::V4 => "DOCKER-USER",
            Self::V6 => "FORWARD",
        }
    }
}

/// The rules of a chain, word for word as `iptables -S` shows them.
#[must_use]
pub fn rules(config: &HostConfig, family: Family) -> [(&'static str, Vec<String>); 2] {
    let answers = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN".to_owned();
    let refuse = family.refuse().to_owned();
    if family == Family::V6 {
        return [(AWAY, vec![refuse.clone()]), (HOST, vec![refuse])];
    }
    let mut away = vec![answers.clone(), format!("-o {BRIDGE} {refuse}")];
    for protocol in ["udp", "tcp"] {
        let port = format!("-p {protocol} -m {protocol} --dport 53 -j RETURN");
        match config.dns.iter().filter(|address| address.is_ipv4()).map(|address| format!("-d {address}/32 {port}")).collect::<Vec<_>>() {
            none if none.is_empty() => away.push(port),
            some => away.extend(some),
        }
    }
    if let Some(database) = &config.database {
        let port = database.port();
        away.extend(database.networks.iter().map(|network| format!("-d {network} -p tcp -m tcp --dport {port} -j RETURN")));
    }
    away.extend(PRIVATE.iter().map(|network| format!("-d {network} {refuse}")));
    away.push("-p tcp -m tcp --dport 443 -j RETURN".into());
    away.push(refuse.clone());
    [(AWAY, away), (HOST, vec![answers, refuse])]
}

/// What `iptables-restore --noflush` reads: both chains anew, all others as they are.
#[must_use]
pub fn script(chains: &[(&str, Vec<String>)]) -> String {
    let names = chains.iter().map(|(name, _)| format!(":{name} - [0:0]\n"));
    let rules = chains.iter().flat_map(|(name, rules)| rules.iter().map(move |rule| format!("-A {name} {rule}\n")));
    format!("*filter\n{}COMMIT\n", names.chain(rules).collect::<String>())
}

/// What `iptables -S CHAIN` shows of a chain with these rules.
#[must_use]
pub fn listing(name: &str, rules: &[String]) -> String {
    let rules = rules.iter().map(|rule| format!("-A {name} {rule}\n"));
    std::iter::once(format!("-N {name}\n")).chain(rules).collect()
}

fn jump(chain: &str) -> String {
    format!("-i {BRIDGE} -j {chain}")
}

/// The first rule of a chain that `iptables -S` shows.
#[must_use]
pub fn first(listing: &str) -> Option<&str> {
    listing.lines().find_map(|line| line.strip_prefix("-A ")?.split_once(' ').map(|(_, rule)| rule))
}

/// The number of the last rule that says the same as an earlier one: `rule`.
#[must_use]
pub fn again(listing: &str, rule: &str) -> Option<usize> {
    let rules = listing.lines().filter_map(|line| line.strip_prefix("-A ")?.split_once(' ').map(|(_, rule)| rule));
    let same: Vec<usize> = (1..).zip(rules).filter(|(_, one)| *one == rule).map(|(number, _)| number).collect();
    same.last().copied().filter(|_| same.len() > 1)
}

async fn families() -> Vec<Family> {
    let speaks_v6 = tokio::fs::try_exists("/proc/net/if_inet6").await.unwrap_or(false);
    if speaks_v6 { vec![Family::V4, Family::V6] } else { vec![Family::V4] }
}

async fn show(host: &Host, family: Family, chain: &str) -> String {
    host.machine.run(family.program(), &["-w", "-S", chain]).await.unwrap_or_default()
}

/// What is off with the rules. A chain that cannot be read is off.
///
/// # Errors
/// None.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = Vec::new();
    for family in families().await {
        for (chain, rules) in rules(&host.config, family) {
            let caller = if chain == AWAY { family.forwarded() } else { "INPUT" };
            if show(host, family, chain).await != listing(chain, &rules) {
                off.push(format!("{}: the chain {chain} has other rules than it should", family.program()));
            }
            if first(&show(host, family, caller).await) != Some(&jump(chain)) {
                off.push(format!("{}: {caller} does not begin with `{}`", family.program(), jump(chain)));
            }
        }
    }
    Ok(off)
}

/// Writes the rules.
///
/// # Errors
/// What iptables said.
pub async fn make(host: &Host) -> Result<()> {
    for family in families().await {
        let (program, machine) = (family.program(), &host.machine);
        let chains = rules(&host.config, family);
        machine.feed(&format!("{program}-restore"), &["-w", "--noflush"], &script(&chains)).await?;
        // Docker makes this chain when it starts, where it is not there yet, and calls it before its own rules.
        if family.forwarded() != "FORWARD" && !machine.succeeds(program, &["-w", "-n", "-L", family.forwarded()]).await {
            machine.run(program, &["-w", "-N", family.forwarded()]).await?;
            machine.run(program, &["-w", "-I", "FORWARD", "-j", family.forwarded()]).await?;
        }
        for (chain, _) in chains {
            let caller = if chain == AWAY { family.forwarded() } else { "INPUT" };
            let jump = jump(chain);
            if first(&show(host, family, caller).await) == Some(&jump) {
                continue;
            }
            let words: Vec<&str> = jump.split(' ').collect();
            // First the new one, then whatever was further down: nothing is open meanwhile.
            machine.run(program, &[&["-w", "-I", caller, "1"][..], &words].concat()).await?;
            while let Some(number) = again(&show(host, family, caller).await, &jump) {
                machine.run(program, &["-w", "-D", caller, &number.to_string()]).await?;
            }
        }
    }
    Ok(())
}

/// What is off with what writes the rules at each start.
///
/// # Errors
/// A unit's file cannot be read.
pub async fn check_unit(host: &Host) -> Result<Vec<String>> {
    let mut off = units::check(host, UNIT).await?;
    off.extend(super::machine::differs(&host.machine, DROP_IN.0, DROP_IN.1).await?);
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// What systemctl said.
pub async fn make_unit(host: &Host) -> Result<()> {
    host.machine.write(DROP_IN.0, DROP_IN.1, 0o644).await?;
    units::make(host, UNIT).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::config::tests::whole;

    #[test]
    fn private_networks_are_refused_after_what_is_allowed_in_them_and_before_https() {
        let [(_, away), (_, host)] = rules(&whole(), Family::V4);
        let at = |text: &str| away.iter().position(|rule| rule.contains(text)).unwrap_or_else(|| panic!("{text}: {away:#?}"));
        assert!(at("-d 169.254.169.253/32 -p udp") < at("-d 169.254.0.0/16"));
        assert!(at("-d 10.20.0.0/16 -p tcp -m tcp --dport 3307 -j RETURN") < at("-d 10.0.0.0/8"));
        assert!(at("-d 172.16.0.0/12") < at("--dport 443"));
        assert!(at("-o tenants0") < at("--dport 53"), "another container is no resolver");
        assert_eq!(away.last().map(String::as_str), Some("-j REJECT --reject-with icmp-port-unreachable"));
        assert_eq!(host.len(), 2, "{host:#?}");
    }

    #[test]
    fn a_chain_is_called_first_or_it_is_off() {
        assert_eq!(first("-P INPUT ACCEPT\n-A INPUT -i tenants0 -j REEVE-HOST\n-A INPUT -j ACCEPT\n"), Some("-i tenants0 -j REEVE-HOST"));
        assert_eq!(first("-N DOCKER-USER\n"), None);
        assert_eq!(again("-P INPUT ACCEPT\n-A INPUT -j A\n-A INPUT -j B\n-A INPUT -j A\n", "-j A"), Some(3));
        assert_eq!(again("-A INPUT -j A\n", "-j A"), None);
    }
}
