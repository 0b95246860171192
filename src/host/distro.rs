//! What differs between the two distributions that hosts run.

/// A distribution.
#[derive(Debug, PartialEq, Eq)]
pub struct Distro {
    /// What `/etc/os-release` has: `ID` and `VERSION_ID`.
    id: (&'static str, &'static str),
    /// For a person.
    pub name: &'static str,
    /// The packages of a host.
    pub packages: &'static [&'static str],
    /// Asks for a package: succeeds when it is installed.
    pub query: &'static [&'static str],
    /// Installs packages, without questions.
    pub install: &'static [&'static str],
    /// Brings the lists of packages up to date, where the installer does not do so by itself.
    pub refresh: Option<&'static [&'static str]>,
    /// The package of the proxy, where the distribution has one.
    pub haproxy: Option<&'static str>,
    /// The packages that send the host's logs to CloudWatch, where the distribution has them.
    pub logs: &'static [&'static str],
    /// The host's logs: file, and what the stream is called.
    pub files: &'static [(&'static str, &'static str)],
    /// Settings of unattended security updates: file and text.
    pub updates: (&'static str, &'static str),
    /// The unit of Session Manager's agent.
    pub agent: &'static str,
    /// Units of the updates, enabled and running.
    pub on: &'static [&'static str],
    /// Units that have to be off, so that nobody can start them.
    pub off: &'static [&'static str],
}

/// Amazon Linux 2023: Docker, efs-utils and the agents are in its own repositories.
/// Its images lock the version of the repositories; the newest security release is read at each update.
const AMAZON: Distro = Distro {
    id: ("amzn", "2023"),
    name: "Amazon Linux 2023",
    packages: &["docker", "amazon-efs-utils", "amazon-ssm-agent", "dnf-automatic", "iptables-nft", "openssl"],
    query: &["rpm", "--quiet", "-q", "--whatprovides"],
    install: &["dnf", "install", "-y", "-q"],
    refresh: None,
    haproxy: None,
    logs: &["rsyslog", "amazon-cloudwatch-agent"],
    files: &[("/var/log/messages", "messages"), ("/var/log/secure", "secure"), ("/var/log/audit/audit.log", "audit")],
    updates: (
        "/etc/dnf/automatic.conf",
        "[commands]\nupgrade_type = security\nrandom_sleep = 1800\ndownload_updates = yes\napply_updates = yes\n[emitters]\nemit_via = stdio\n",
    ),
    agent: "amazon-ssm-agent.service",
    on: &["dnf-automatic.timer"],
    off: &["sshd.service", "sshd.socket"],
};

/// Debian 12. Its repositories have neither efs-utils nor the agents of AWS: an image for hosts has to bring them.
const DEBIAN: Distro = Distro {
    id: ("debian", "12"),
    name: "Debian 12",
    packages: &["docker.io", "unattended-upgrades", "iptables", "openssl"],
    query: &["dpkg-query", "-W"],
    install: &["apt-get", "install", "-y", "-qq", "--no-install-recommends"],
    refresh: Some(&["apt-get", "update", "-qq"]),
    haproxy: Some("haproxy"),
    logs: &["rsyslog"],
    files: &[("/var/log/syslog", "messages"), ("/var/log/auth.log", "secure")],
    updates: (
        "/etc/apt/apt.conf.d/52reeve",
        "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n\
         Unattended-Upgrade::Automatic-Reboot \"false\";\n",
    ),
    agent: "amazon-ssm-agent.service",
    on: &["unattended-upgrades.service", "apt-daily-upgrade.timer"],
    off: &["ssh.service", "ssh.socket"],
};

/// The one that `/etc/os-release` names.
#[must_use]
pub fn of(release: &str) -> Option<&'static Distro> {
    let field = |name: &str| {
        let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.trim().trim_matches('"'))
    };
    let id = (field("ID")?, field("VERSION_ID")?);
    [&AMAZON, &DEBIAN].into_iter().find(|distro| distro.id == id)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_distribution_is_known_by_its_release_file() {
        let name = |text| super::of(text).map(|distro| distro.name);
        assert_eq!(name("NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nVERSION_ID=\"2023\"\n"), Some("Amazon Linux 2023"));
        assert_eq!(name("ID=debian\nVERSION_ID=\"12\"\n"), Some("Debian 12"));
        assert_eq!(name("ID=debian\nVERSION_ID=\"13\"\n"), None);
        assert_eq!(name(""), None);
    }
}
