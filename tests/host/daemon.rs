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
