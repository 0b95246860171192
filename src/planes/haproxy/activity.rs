//! When tenants were last used, as this host's HAProxy counts: for people to look at. A reload begins to count anew.
//!
//! `show stat`: <https://docs.haproxy.org/2.6/management.html#9.1>.

use std::collections::BTreeMap;

use super::{Haproxy, slot};
use crate::planes::error::{Error, Result};

impl Haproxy {
    /// How many seconds ago each tenant was last sent a request; those that never were are left out. `None` when HAProxy does not run.
    ///
    /// # Errors
    /// When it runs and does not answer, or the answer makes no sense.
    pub async fn last_used(&self) -> Result<Option<BTreeMap<String, u64>>> {
        self.ours.reads("haproxy.show_stat");
        self.ask(&self.admin_socket(), "show stat").await?.map(|answer| last_used(&answer)).transpose()
    }
}

/// Reads the table: a line of names, a line for each server.
fn last_used(answer: &str) -> Result<BTreeMap<String, u64>> {
    let mut lines = answer.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let column = |name: &str| {
        let at = names.iter().position(|column| *column == name);
        at.ok_or_else(|| Error::incomplete("haproxy.show_stat", &format!("column {name}")))
    };
    let (backend, server, current, last) = (column("pxname")?, column("svname")?, column("scur")?, column("lastsess")?);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let tenant = cells.get(backend)?.strip_prefix(slot::PREFIX).filter(|_| cells.get(server) == Some(&slot::SERVER))?;
        let busy = cells.get(current)?.parse::<u64>().is_ok_and(|sessions| sessions > 0);
        let ago = if busy { Some(0) } else { cells.get(last)?.parse().ok() };
        Some((tenant.to_owned(), ago?))
    };
    Ok(lines.filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_flight_are_now_and_who_was_never_asked_is_left_out() {
        let (p, s) = (slot::PREFIX, slot::SERVER);
        let answer =
            format!("# pxname,svname,scur,lastsess,x\nin,FRONTEND,9,1,\n{p}a,{s},0,42,\n{p}b,{s},3,7,\n{p}c,{s},0,-1,\n{p}a,wk,0,1,\n");
        let found = last_used(&answer).unwrap();
        assert_eq!(found, BTreeMap::from([("a".to_owned(), 42), ("b".to_owned(), 0)]));
        assert!(last_used("nonsense").is_err());
    }
}
