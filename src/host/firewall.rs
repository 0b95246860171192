//! The firewall of a host (`model/firewall.rs` has the list), written and looked at.
//!
//! Each chain is replaced in one go. A unit writes them at each start, before Docker.

use super::units::{self, Unit};
use super::{Host, HostConfig, Result};
use crate::model::firewall::{Allowed, Family, jump, listing, rules, script};

const UNIT: Unit<'static> = Unit {
    name: "reeve-firewall.service",
    text: "[Unit]\nDescription=What tenants' containers may reach\nAfter=local-fs.target\nBefore=docker.service\n\
           [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/reeve host setup --only firewall\n\
           [Install]\nWantedBy=multi-user.target\n",
};

/// Docker does not run without.
const DROP_IN: (&str, &str) =
    ("/etc/systemd/system/docker.service.d/10-reeve.conf", "[Unit]\nRequires=reeve-firewall.service\nAfter=reeve-firewall.service\n");

fn program(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

impl HostConfig {
    /// What tenants on a host with these settings may reach.
    #[must_use]
    pub fn allowed(&self) -> Allowed<'_> {
        Allowed { dns: &self.dns, database: self.database.as_ref().map(|database| (database.port(), &database.networks[..])) }
    }
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
    host.machine.run(program(family), &["-w", "-S", chain]).await.unwrap_or_default()
}

/// What is off with the rules. A chain that cannot be read is off.
///
/// # Errors
/// None.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = Vec::new();
    for family in families().await {
        for (chain, rules) in rules(host.config.allowed(), family) {
            let caller = family.caller(chain);
            if show(host, family, chain).await != listing(chain, &rules) {
                off.push(format!("{}: the chain {chain} has other rules than it should", program(family)));
            }
            if first(&show(host, family, caller).await) != Some(&jump(chain)) {
                off.push(format!("{}: {caller} does not begin with `{}`", program(family), jump(chain)));
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
        let (program, machine) = (program(family), &host.machine);
        let chains = rules(host.config.allowed(), family);
        machine.feed(&format!("{program}-restore"), &["-w", "--noflush"], &script(&chains)).await?;
        // Docker makes this chain when it starts, where it is not there yet, and calls it before its own rules.
        if family.forwarded() != "FORWARD" && !machine.succeeds(program, &["-w", "-n", "-L", family.forwarded()]).await {
            machine.run(program, &["-w", "-N", family.forwarded()]).await?;
            machine.run(program, &["-w", "-I", "FORWARD", "-j", family.forwarded()]).await?;
        }
        for (chain, _) in chains {
            let caller = family.caller(chain);
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

    #[test]
    fn a_chain_is_called_first_or_it_is_off() {
        assert_eq!(first("-P INPUT ACCEPT\n-A INPUT -i tenants0 -j REEVE-HOST\n-A INPUT -j ACCEPT\n"), Some("-i tenants0 -j REEVE-HOST"));
        assert_eq!(first("-N DOCKER-USER\n"), None);
        assert_eq!(again("-P INPUT ACCEPT\n-A INPUT -j A\n-A INPUT -j B\n-A INPUT -j A\n", "-j A"), Some(3));
        assert_eq!(again("-A INPUT -j A\n", "-j A"), None);
    }
}
