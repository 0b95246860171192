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

/// Whether a program that runs as that user, in the namespace, gets a connection.
fn reaches(space: &str, user: u32, address: &str) -> bool {
    let connect = format!("exec 3<>/dev/tcp/{address}/2375");
    let user = user.to_string();
    let words = ["--reuid", &user, "--regid", &user, "--clear-groups", "timeout", "5", "/bin/bash", "-c", &connect];
    let mut command = std::process::Command::new("nsenter");
    command.arg(format!("--net=/var/run/netns/{space}")).arg("setpriv").args(words).stderr(std::process::Stdio::null());
    command.status().expect("setpriv (Debian's util-linux)").success()
}

#[test]
fn only_root_comes_to_the_engines_port_and_nobody_from_elsewhere() {
    let mut net = Net::new();
    let ((space, address), (elsewhere, _)) = (net.space(), net.space());
    let root = Root::with(&json!({}));
    // What systemd runs on a host: whoever comes to the port is led to a socket.
    let engine = root.path("engine.sock");
    let listener = std::os::unix::net::UnixListener::bind(&engine).expect("a socket");
    let mut doors: Vec<Door> = ["127.0.0.1", "[::1]"].iter().map(|at| Door::open(&space, &format!("{at}:2375"), &engine)).collect();
    while !["127.0.0.1", "::1"].iter().all(|at| reaches(&space, 0, at)) {
        assert!(doors.iter_mut().all(Door::lives), "systemd-socket-activate ended");
    }
    for at in ["127.0.0.1", "::1"] {
        assert!(reaches(&space, 65534, at), "without the rule everybody comes to {at}");
    }

    assert_eq!(root.reeve_in(&space, &["setup", "--only", "firewall"]).code, 0);
    for at in ["127.0.0.1", "::1"] {
        assert!(reaches(&space, 0, at), "root is kept away from {at}");
        assert!(!reaches(&space, 65534, at) && !reaches(&space, 1001, at), "anybody comes to {at}");
    }
    // A container's packets come from outside too: the loopback of a host is not theirs.
    assert!(!reaches(&elsewhere, 0, &address));
    // The way through leads to the engine: what root says is heard there.
    listener.set_nonblocking(true).expect("a socket");
    assert!(listener.accept().is_ok(), "nobody came to the engine");

    let listed = rules(&space);
    assert!(listed.contains("-A OUTPUT -o lo -j REEVE-OWN"), "{listed}");
    run(&format!("nsenter --net=/var/run/netns/{space} iptables -F REEVE-OWN"));
    let off = root.reeve_in(&space, &["status", "--only", "firewall"]);
    assert!(off.out.contains("REEVE-OWN has other rules"), "{}", off.out);
}

/// What a host's two units do, without systemd itself.
struct Door(std::process::Child);

impl Door {
    fn open(space: &str, at: &str, engine: &std::path::Path) -> Self {
        let mut command = std::process::Command::new("nsenter");
        command.arg(format!("--net=/var/run/netns/{space}")).args(["systemd-socket-activate", "--listen", at]);
        command.arg("/usr/lib/systemd/systemd-socket-proxyd").arg(engine).stderr(std::process::Stdio::null());
        Self(command.spawn().expect("systemd-socket-activate (Debian's systemd)"))
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|ended| ended.is_none())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
