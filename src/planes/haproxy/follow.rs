//! The tenants' servers follow what Swarm runs: held against each other in one read, and only what differs is set.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::runtime::Server;
use super::{Haproxy, slot};
use crate::model::runbook::HAPROXY_DOWN;
use crate::planes::error::{Class, Error, Result};

/// A tenant's container that answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// The tenant.
    pub tenant: String,
    /// Where.
    pub address: SocketAddr,
}

/// What following changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Tenants whose requests go to another address by now.
    pub given: BTreeMap<String, SocketAddr>,
    /// Tenants that run nowhere: they are answered by the page.
    pub taken: Vec<String>,
    /// Running tenants that the configuration does not know.
    pub unknown: Vec<String>,
}

impl Followed {
    /// Whether everything was already as it should be.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.given.is_empty() && self.taken.is_empty()
    }
}

/// What has to change for `have` to be as `want` says. Pure. Of two addresses for one tenant neither is taken: S24 has a hand in it, and a page is better than
/// the wrong one of two writers.
#[must_use]
pub fn difference(have: &BTreeMap<String, Server>, want: &[Running]) -> Followed {
    let mut wanted: BTreeMap<&str, Option<SocketAddr>> = BTreeMap::new();
    for one in want {
        wanted
            .entry(&one.tenant)
            .and_modify(|address| *address = address.filter(|address| *address == one.address))
            .or_insert(Some(one.address));
    }
    let mut found = Followed::default();
    for (tenant, server) in have {
        match wanted.get(tenant.as_str()).copied().flatten() {
            Some(address) if !server.in_use || server.address != address => {
                found.given.insert(tenant.clone(), address);
            }
            None if server.in_use => found.taken.push(tenant.clone()),
            _ => {}
        }
    }
    found.unknown = wanted.keys().filter(|tenant| !have.contains_key(**tenant)).map(|tenant| (*tenant).to_owned()).collect();
    found
}

impl Haproxy {
    /// What differs from `running`; `None` when HAProxy does not run.
    ///
    /// # Errors
    /// When it runs and does not answer.
    pub async fn differs(&self, running: &[Running]) -> Result<Option<Followed>> {
        Ok(self.servers().await?.map(|have| difference(&have, running)))
    }

    /// Makes every tenant's server that of `running`, and reads back that it is so. First those that run nowhere lose their address, then the others get
    /// theirs: at no moment is a stale address given to anybody.
    ///
    /// # Errors
    /// When HAProxy does not run, the lease is lost, or something is not as it was set.
    pub async fn follow(&self, running: &[Running]) -> Result<Followed> {
        const CALL: &str = "haproxy.set_server";
        let have = self.servers().await?.ok_or_else(|| self.down(CALL))?;
        let changed = difference(&have, running);
        if changed.is_nothing() {
            return Ok(changed);
        }
        let mut commands: Vec<String> = Vec::new();
        let at = |tenant: &str| format!("set server {}{tenant}/{}", slot::PREFIX, slot::SERVER);
        for tenant in &changed.taken {
            commands.push(format!("{} state maint", at(tenant)));
            commands.push(format!("{} addr 127.0.0.1 port 1", at(tenant)));
        }
        for (tenant, address) in &changed.given {
            commands.push(format!("{} addr {} port {}", at(tenant), address.ip(), address.port()));
            // One that was out of use comes back as one that answers; one that was in use and did not answer elsewhere is asked afresh.
            let fresh = if have.get(tenant).is_some_and(|server| server.in_use) { "health up" } else { "state ready" };
            commands.push(format!("{} {fresh}", at(tenant)));
        }
        let said = self.tell(CALL, &commands).await?;
        let left = self.differs(running).await?.ok_or_else(|| self.down(CALL))?;
        if left.is_nothing() {
            return Ok(changed);
        }
        let which: Vec<&str> = left.given.keys().chain(&left.taken).map(String::as_str).take(5).collect();
        let words: Vec<&str> =
            said.iter().map(String::as_str).filter(|line| !line.ends_with("by 'stats socket command'")).take(3).collect();
        let why = format!("{} did not take its address ({}): {HAPROXY_DOWN}", which.join(", "), words.join("; "));
        Err(Error::new(Class::Ambiguous, CALL, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_set_and_of_two_addresses_neither() {
        let server = |address: &str, in_use| Server { address: address.parse().unwrap(), in_use, up: true };
        let have = BTreeMap::from([
            ("asleep".to_owned(), server("127.0.0.1:1", false)),
            ("same".to_owned(), server("10.0.0.1:1", true)),
            ("moved".to_owned(), server("10.0.0.1:2", true)),
            ("stopped".to_owned(), server("10.0.0.1:3", true)),
            ("drained".to_owned(), server("10.0.0.1:4", false)),
            ("twice".to_owned(), server("10.0.0.1:5", true)),
        ]);
        let running = |tenant: &str, address: &str| Running { tenant: tenant.into(), address: address.parse().unwrap() };
        let want = [
            running("same", "10.0.0.1:1"),
            running("moved", "10.0.0.2:2"),
            running("drained", "10.0.0.1:4"),
            running("new", "10.0.0.1:6"),
            running("twice", "10.0.0.1:5"),
            running("twice", "10.0.0.2:5"),
            running("same", "10.0.0.1:1"),
        ];
        let found = difference(&have, &want);
        assert_eq!(found.given.keys().collect::<Vec<_>>(), ["drained", "moved"]);
        assert_eq!(found.taken, ["stopped", "twice"]);
        assert_eq!(found.unknown, ["new"]);
    }
}
