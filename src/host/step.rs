//! The steps that make a host, in their order, and how they run: look, act on what is off, look again.

use super::{Host, Result, daemon, door, edge, files, firewall, haproxy, install, journal, network, services, swap, swarm};
use crate::model::host::{Finding, State};

/// One thing that has to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What the bundle brings is in place.
    Lib,
    /// `/etc/reeve/host.json`.
    Facts,
    /// What the distribution brings is installed.
    Packages,
    /// Session Manager, and no SSH.
    Access,
    /// Security updates come by themselves.
    Updates,
    /// The host's logs go to CloudWatch.
    Logs,
    /// Swap on the instance's drives.
    Swap,
    /// The tenants' files are mounted.
    Files,
    /// The rules of the firewall.
    Firewall,
    /// What writes them at each start.
    FirewallUnit,
    /// Docker with its settings.
    Docker,
    /// The engine's port for Session Manager.
    Door,
    /// The tenants' bridge.
    Network,
    /// The swarm.
    Swarm,
    /// HAProxy.
    Haproxy,
    /// What wakes tenants and puts them to rest.
    Edge,
}

/// A row of the table: name, what it is about, what has to be so before.
type Row = (&'static str, &'static str, &'static [Step]);

impl Step {
    /// All, each after those that it needs.
    pub const ALL: [Self; 16] = [
        Self::Lib,
        Self::Facts,
        Self::Packages,
        Self::Access,
        Self::Updates,
        Self::Logs,
        Self::Swap,
        Self::Files,
        Self::Firewall,
        Self::FirewallUnit,
        Self::Docker,
        Self::Door,
        Self::Network,
        Self::Swarm,
        Self::Haproxy,
        Self::Edge,
    ];

    fn row(self) -> Row {
        match self {
            Self::Lib => ("lib", "what the bundle brings is in place", &[]),
            Self::Facts => ("facts", "programs on the host find its parts", &[]),
            Self::Packages => ("packages", "what the distribution brings is installed", &[]),
            Self::Access => ("access", "administrators come in by Session Manager alone", &[Self::Packages]),
            Self::Updates => ("updates", "security updates come by themselves", &[Self::Packages]),
            Self::Logs => ("logs", "the host's logs go to CloudWatch", &[Self::Packages]),
            Self::Swap => ("swap", "swap is on the instance's own drives alone", &[]),
            Self::Files => ("files", "the tenants' files are mounted with TLS", &[Self::Packages]),
            Self::Firewall => ("firewall", "tenants reach what they may", &[Self::Packages]),
            Self::FirewallUnit => ("firewall-unit", "the firewall is written at each start, before Docker", &[Self::Lib, Self::Firewall]),
            // No tenant starts without its files, nor without the firewall.
            Self::Docker => ("docker", "Docker runs with its settings", &[Self::Packages, Self::Files, Self::Firewall, Self::FirewallUnit]),
            // Never before the rule that keeps all but root away from it.
            Self::Door => {
                ("door", "root reaches the engine through Session Manager", &[Self::Packages, Self::Firewall, Self::FirewallUnit])
            }
            Self::Network => ("network", "the tenants' bridge is there", &[Self::Docker]),
            Self::Swarm => ("swarm", "the host is in the stack's swarm", &[Self::Docker, Self::Network]),
            Self::Haproxy => ("haproxy", "HAProxy runs", &[Self::Packages, Self::Docker]),
            Self::Edge => ("edge", "tenants wake and rest", &[Self::Lib, Self::Facts, Self::Swarm, Self::Haproxy]),
        }
    }

    /// Its name, as `--only` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it is about.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().1
    }

    /// What has to be so before.
    #[must_use]
    pub fn needs(self) -> &'static [Self] {
        self.row().2
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// What is off. Changes nothing.
    ///
    /// # Errors
    /// It cannot be seen.
    pub async fn check(self, host: &Host) -> Result<Vec<String>> {
        match self {
            Self::Lib => install::check(host).await,
            Self::Facts => install::check_facts(host).await,
            Self::Packages => services::check_packages(host).await,
            Self::Access => services::check_access(host).await,
            Self::Updates => services::check_updates(host).await,
            Self::Logs => journal::check(host).await,
            Self::Swap => swap::check(host).await,
            Self::Files => files::check(host).await,
            Self::Firewall => firewall::check(host).await,
            Self::FirewallUnit => firewall::check_unit(host).await,
            Self::Docker => daemon::check(host).await,
            Self::Door => door::check(host).await,
            Self::Network => network::check(host).await,
            Self::Swarm => swarm::check(host).await,
            Self::Haproxy => haproxy::check(host).await,
            Self::Edge => edge::check(host).await,
        }
    }

    async fn make(self, host: &Host) -> Result<()> {
        match self {
            Self::Lib => install::make(host).await,
            Self::Facts => install::make_facts(host).await,
            Self::Packages => services::make_packages(host).await,
            Self::Access => services::make_access(host).await,
            Self::Updates => services::make_updates(host).await,
            Self::Logs => journal::make(host).await,
            Self::Swap => swap::make(host).await,
            Self::Files => files::make(host).await,
            Self::Firewall => firewall::make(host).await,
            Self::FirewallUnit => firewall::make_unit(host).await,
            Self::Docker => daemon::make(host).await,
            Self::Door => door::make(host).await,
            Self::Network => network::make(host).await,
            Self::Swarm => swarm::make(host).await,
            Self::Haproxy => haproxy::make(host).await,
            Self::Edge => edge::make(host).await,
        }
    }

    fn finding(self, state: State) -> Finding {
        Finding { step: self.name().to_owned(), about: self.about().to_owned(), state }
    }

    /// Looks, and only looks.
    pub async fn status(self, host: &Host) -> Finding {
        self.finding(match self.check(host).await {
            Ok(off) if off.is_empty() => State::Right,
            Ok(off) => State::Off(off),
            Err(error) => State::Failed(error.to_string()),
        })
    }

    /// Looks, acts on what is off and looks again. `before` is what was found of earlier steps: what this one needs has to be so.
    pub async fn setup(self, host: &Host, before: &[Finding]) -> Finding {
        let lacking = before.iter().filter(|one| !one.is_right()).find(|one| self.needs().iter().any(|need| need.name() == one.step));
        if let Some(lacking) = lacking {
            if self == Self::Door
                && let Err(error) = door::shut(host).await
            {
                return self.finding(State::Failed(error.to_string()));
            }
            return self.finding(State::Waiting(lacking.step.clone()));
        }
        // A step that cannot even see yet may have to act first: an engine that does not run answers nothing.
        let off = match self.check(host).await {
            Ok(off) if off.is_empty() => return self.finding(State::Right),
            Ok(off) => off,
            Err(error) => vec![error.to_string()],
        };
        if let Err(error) = self.make(host).await {
            return self.finding(State::Failed(error.to_string()));
        }
        self.finding(match self.check(host).await {
            Ok(left) if left.is_empty() => State::Made(off),
            Ok(left) => State::Off(left),
            Err(error) => State::Failed(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn each_step_comes_after_those_that_it_needs_and_has_a_name_of_its_own() {
        for (at, step) in Step::ALL.into_iter().enumerate() {
            assert!(step.needs().iter().all(|need| Step::ALL[..at].contains(need)), "{step:?}");
            assert_eq!(Step::named(step.name()), Some(step));
        }
    }
}
