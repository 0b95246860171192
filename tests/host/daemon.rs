//! Files of the host, in a folder that looks like one.

use serde_json::{Value, json};

use crate::ground::Root;

#[test]
fn programs_on_a_host_find_its_parts_and_the_bundle_is_put_in_place_once() {
    let root =
        Root::with(&json!({ "database": { "address": "db.example:3306", "admin": "secretsmanager:arn", "networks": ["10.20.0.0/16"] } }));
    for name in ["reeve", "hold", "ca.pem"] {
        root.write(&format!("bundle/{name}"), name);
    }
    let bundle = root.path("bundle");
    let setup = ["setup", "--only", "lib,facts", "--bundle", bundle.to_str().unwrap()];
    let first = root.reeve(&setup);
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(root.read("usr/local/lib/reeve/hold"), "hold");
    let facts: Value = serde_json::from_str(&root.read("etc/reeve/host.json")).unwrap();
    assert_eq!(facts["mysql"]["ca"], "/usr/local/lib/reeve/ca.pem");
    let second = root.reeve(&setup);
    assert!(second.err.contains("2 steps are right"), "{}", second.err);
    // A new bundle is taken.
    root.write("bundle/hold", "newer");
    assert!(root.reeve(&setup).err.contains("/usr/local/lib/reeve/hold is not the bundle's"));
    assert_eq!(root.read("usr/local/lib/reeve/hold"), "newer");
}

#[test]
fn what_is_off_is_told_and_nothing_is_touched() {
    let root = Root::with(&json!({ "docker": "unix:///nowhere/docker.sock" }));
    root.write("etc/docker/daemon.json", r#"{"data-root":"/data","live-restore":true}"#);
    let status = root.reeve(&["status", "--only", "docker,facts"]);
    assert_eq!(status.code, 2);
    for part in ["`live-restore` is not false", "/etc/reeve/host.json is not there", "/nowhere/docker.sock does not answer"] {
        assert!(status.out.contains(part), "{part}: {}", status.out);
    }
    assert!(!status.out.contains("data-root"), "{}", status.out);
    assert_eq!(root.read("etc/docker/daemon.json"), r#"{"data-root":"/data","live-restore":true}"#);
}

#[test]
fn settings_that_make_no_sense_say_where() {
    let root = Root::with(&json!({ "swap": "ebs" }));
    let status = root.reeve(&["status"]);
    assert_eq!(status.code, 1);
    assert!(status.err.contains("host-config.json") && status.err.contains("instance-store"), "{}", status.err);
    assert_eq!(Root::with(&json!({})).reeve(&["status", "--only", "nothing"]).code, 64);
}

#[test]
fn each_start_of_docker_has_ports_that_the_last_seven_did_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let (program, turn) = (folder.path().join("ports.sh"), folder.path().join("state/turn"));
    std::fs::write(&program, reeve::host::daemon::PORTS.1).unwrap();
    // A network of its own: the range is that of whoever asks.
    let range = |what: &str| -> (u16, u16) {
        let line = format!("sh {} {what} {} && cat /proc/sys/net/ipv4/ip_local_port_range", program.display(), turn.display());
        let out = std::process::Command::new("unshare").args(["--net", "sh", "-c", &line]).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let (first, last) = text.trim().split_once('\t').unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&out.stderr)));
        (first.parse().unwrap(), last.parse().unwrap())
    };
    let starts: Vec<(u16, u16)> = (0..9).map(|_| range("next")).collect();
    for (number, (first, last)) in starts[..8].iter().enumerate() {
        assert!(*first >= 32768 && *last <= 60999 && last - first >= 3000, "{starts:?}");
        assert!(starts[..number].iter().all(|one| one.1 < *first || one.0 > *last), "{starts:?}");
    }
    assert_eq!(starts[8], starts[0]);
    // What is no number is as if nothing were there.
    std::fs::write(&turn, "x").unwrap();
    assert!(starts.contains(&range("next")));
    assert_eq!(range("back"), (32768, 60999));
}
