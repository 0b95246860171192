//! What a host's firewall forbids its tenants: one list, in the words of `iptables`.
//!
//! Docker passes everything that it forwards through the chain `DOCKER-USER` first and never touches what is in it. What a container
//! sends to an address of its own host (its bridge's gateway, `docker0`, the host itself) is not forwarded and comes to `INPUT`: there the
//! other tenants' published ports answer, so both chains are needed.

/// The bridge that the tenants' containers are on.
pub(super) const BRIDGE: &str = "tenants0";

/// Rules of IPv4, in their order: chain, and what it says. `{bridge}` is the tenants' bridge, `{mysql}` the database's port.
const V4: &[(&str, &str)] = &[
    // Answers to who reached in: HAProxy on this host, and on the others.
    ("INPUT", "-i {bridge} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
    ("INPUT", "-i {bridge} -j REJECT"),
    ("DOCKER-USER", "-i {bridge} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"),
    // A host's credentials.
    ("DOCKER-USER", "-i {bridge} -d 169.254.169.254 -j REJECT"),
    // One tenant to another, also through a published port that is rewritten before it comes here.
    ("DOCKER-USER", "-i {bridge} -o {bridge} -j REJECT"),
    ("DOCKER-USER", "-i {bridge} -p udp --dport 53 -j RETURN"),
    ("DOCKER-USER", "-i {bridge} -p tcp --dport 53 -j RETURN"),
    ("DOCKER-USER", "-i {bridge} -p tcp --dport 443 -j RETURN"),
    ("DOCKER-USER", "-i {bridge} -p tcp --dport {mysql} -j RETURN"),
    ("DOCKER-USER", "-i {bridge} -j REJECT"),
];

/// Rules of IPv6: tenants have none.
const V6: &[(&str, &str)] = &[("INPUT", "-i {bridge} -j DROP"), ("FORWARD", "-i {bridge} -j DROP")];

/// The two lists as `iptables-restore --noflush` and `ip6tables-restore --noflush` read them.
///
/// The rules stand before Docker starts, so that no container ever runs without them; Docker takes a `DOCKER-USER` that is there.
pub(super) fn restore(mysql: u16) -> (String, String) {
    let text = |head: &str, rules: &[(&str, &str)]| {
        let lines: String = rules.iter().map(|(chain, rule)| format!("-A {chain} {rule}\n")).collect();
        let lines = lines.replace("{bridge}", BRIDGE).replace("{mysql}", &mysql.to_string());
        format!("*filter\n{head}{lines}COMMIT\n")
    };
    (text(":DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n", V4), text("", V6))
}
