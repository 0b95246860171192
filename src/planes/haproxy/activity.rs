//! When tenants were last used, as this host's HAProxy knows it. A reload forgets.
//!
//! Not the statistics of servers: those count what an open tab asks by itself, too. The configuration keeps a table of use (`kinds/haproxy/config/text.rs`), whose
//! entries tell their age by what is left of their life. `show table`: <https://docs.haproxy.org/2.6/management.html#9.3>.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Haproxy, slot};
use crate::planes::error::{Error, Result};

/// The table of use.
pub const TABLE: &str = "used";
/// How long an entry of it lives. HAProxy counts milliseconds in 31 bits: no longer than this.
pub const KEPT: Duration = Duration::from_secs(24 * 86_400);

impl Haproxy {
    /// How long ago each tenant was last used; zero while it is. Those that nobody used since the last reload are left out. `None` when HAProxy does not run.
    ///
    /// # Errors
    /// When it runs and does not answer, or the answer makes no sense.
    pub async fn last_used(&self) -> Result<Option<BTreeMap<String, Duration>>> {
        self.ours.reads("haproxy.show_table");
        self.ask(&self.admin_socket(), &format!("show table {TABLE}")).await?.map(|answer| last_used(&answer)).transpose()
    }
}

/// Reads the table: a line about itself, a line for each entry. One of a configuration that has no such table is empty.
fn last_used(answer: &str) -> Result<BTreeMap<String, Duration>> {
    let bad = || Error::incomplete("haproxy.show_table", "lines of the form that is expected");
    let row = |line: &str| {
        let field = |name: &str| line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let in_use = field("use").and_then(|count| count.parse::<u32>().ok()).ok_or_else(bad)? > 0;
        let left = field("exp").and_then(|left| left.parse().ok()).map(Duration::from_millis).ok_or_else(bad)?;
        let tenant = field("key").and_then(slot::tenant).ok_or_else(bad)?;
        Ok((tenant.to_owned(), if in_use { Duration::ZERO } else { KEPT.saturating_sub(left) }))
    };
    answer.lines().filter(|line| line.starts_with("0x")).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_what_is_gone_of_a_life_and_what_goes_on_is_now() {
        let answer = "# table: used, type: string, size:102400, used:2\n\
                      0x56: key=t_a use=0 exp=2073598000 gpc0=0\n0x57: key=t_b use=3 exp=2073000000 gpc0=0\n\n";
        let found = last_used(answer).unwrap();
        assert_eq!(found, BTreeMap::from([("a".to_owned(), Duration::from_secs(2)), ("b".to_owned(), Duration::ZERO)]));
        assert!(last_used("No such table\n\n").unwrap().is_empty());
        assert!(last_used("0x56: nonsense\n").is_err());
    }
}
