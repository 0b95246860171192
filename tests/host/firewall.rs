//! The firewall's rules, in a network namespace: written, found again, and what they let through.

use serde_json::json;

use crate::ground::{Net, Root, run};

fn rules(space: &str) -> String {
    run(&format!("nsenter --net=/var/run/netns/{space} iptables -S"))
}

#[test]
fn the_rules_are_written_once_and_come_first() {
    let mut net = Net::new();
    let (space, _) = net.space();
    let root = Root::with(&json!({
        "dns": ["169.254.169.253"],
        "database": { "address": "db.example:3307", "admin": "file:/x", "networks": ["10.20.0.0/16"] },
    }));
    let off = root.reeve_in(&space, &["status", "--only", "firewall"]);
    assert_eq!(off.code, 2, "{}", off.out);
    let first = root.reeve_in(&space, &["setup", "--only", "firewall"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let before = rules(&space);
    let second = root.reeve_in(&space, &["setup", "--only", "firewall"]);
    assert_eq!(second.code, 0, "{}", second.err);
    assert!(second.err.contains("1 step are right"), "{}", second.err);
    assert_eq!(rules(&space), before);

    // Somebody puts a rule before ours, and takes one of ours out.
    run(&format!("nsenter --net=/var/run/netns/{space} iptables -I INPUT -j ACCEPT"));
    run(&format!(
        "nsenter --net=/var/run/netns/{space} iptables -D REEVE-TENANTS -d 10.0.0.0/8 -j REJECT --reject-with icmp-port-unreachable"
    ));
    let off = root.reeve_in(&space, &["status", "--only", "firewall"]);
    assert!(off.out.contains("INPUT does not begin") && off.out.contains("REEVE-TENANTS has other rules"), "{}", off.out);
    assert_eq!(root.reeve_in(&space, &["setup", "--only", "firewall"]).code, 0);
    let listed = rules(&space);
    assert_eq!(
        listed.lines().filter(|line| line.starts_with("-A INPUT")).collect::<Vec<_>>(),
        ["-A INPUT -i tenants0 -j REEVE-HOST", "-A INPUT -j ACCEPT"]
    );
    assert!(listed.contains("-A REEVE-TENANTS -d 10.20.0.0/16 -p tcp -m tcp --dport 3307 -j RETURN"), "{listed}");
}
