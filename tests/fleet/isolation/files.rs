//! What a tenant tries to read and to write, and who it is in its container.

use serde_json::json;

use super::attacker::{Attacker, said};
use super::{CLINIC, MALLORY};
use crate::fleet_ground::{Fleet, read};

pub async fn nothing_of_others_is_seen(fleet: &Fleet, attacker: &Attacker) {
    let file = "openmrs-runtime.properties";
    let theirs = format!("data/{file}");
    let folder = fleet.parts.folder().join("tenants");
    // The host has it, so that there is something to find; and the way of looking finds what is the attacker's own.
    assert!(folder.join(CLINIC).join(&theirs).is_file());
    let own = attacker.attack(&format!("read?path=/openmrs/data/{file}")).await;
    assert!(said(&own, "text").contains(&format!("hostedehr-tenant-{MALLORY}-schema")), "{own}");

    let folder = folder.display();
    let mut places = vec![
        format!("{folder}/{CLINIC}/{theirs}"),
        format!("/tenants/{CLINIC}/{theirs}"),
        format!("/openmrs/data/../{CLINIC}/{theirs}"),
        format!("/openmrs/data/../../{CLINIC}/{theirs}"),
        format!("/openmrs/data/../../..{folder}/{CLINIC}/{theirs}"),
    ];
    // The processes that it sees are its own, and behind none of them is another root.
    let listed = attacker.attack("read?path=/proc").await;
    let processes: Vec<&str> = said(&listed, "text").lines().filter(|name| name.parse::<u32>().is_ok()).collect();
    assert!((1..8).contains(&processes.len()), "{processes:?}");
    for process in ["self"].iter().chain(&processes) {
        places.push(format!("/proc/{process}/root/tenants/{CLINIC}/{theirs}"));
        places.push(format!("/proc/{process}/root{folder}/{CLINIC}/{theirs}"));
        places.push(format!("/proc/{process}/cwd/../../../../../..{folder}/{CLINIC}/{theirs}"));
        for shown in ["cmdline", "environ"] {
            let text = attacker.attack(&format!("read?path=/proc/{process}/{shown}")).await;
            assert!(!said(&text, "text").contains(CLINIC), "{process}: {text}");
        }
    }
    for place in &places {
        let tried = attacker.attack(&format!("read?path={place}")).await;
        assert_eq!(tried["read"], false, "{place}: {tried}");
    }
    let mounts = attacker.attack("read?path=/proc/self/mountinfo").await;
    assert!(said(&mounts, "text").contains("/openmrs/data") && !said(&mounts, "text").contains(CLINIC), "{mounts}");

    // Its own secret and no other.
    assert_eq!(attacker.attack("read?path=/run/secrets").await["text"], "database");
    // Docker's socket and HAProxy's, wherever they are on the host.
    let proxy: serde_json::Value = serde_json::from_str(&read(&attacker.engine.host)).expect("JSON");
    let admin = format!("{}/admin.sock", said(&proxy["haproxy"], "folder"));
    assert!(std::path::Path::new(&admin).exists() && attacker.engine.docker.exists(), "{admin}");
    for socket in [&attacker.engine.docker.display().to_string(), "/var/run/docker.sock", "/run/docker.sock", &admin] {
        let tried = attacker.attack(&format!("connect?unix={socket}")).await;
        assert_eq!((&tried["connected"], said(&tried, "error").contains("os error 2)")), (&json!(false), true), "{socket}: {tried}");
    }
    for hidden in ["/proc/kcore", "/proc/keys", "/proc/1/mem", "/dev/mem", "/dev/kmsg", "/sys/firmware"] {
        let tried = attacker.attack(&format!("read?path={hidden}")).await;
        assert_eq!(said(&tried, "text"), "", "{hidden}: {tried}");
    }
}

/// Who it runs as and within which limits, as the kernel and the engine say.
pub async fn it_is_nobody(fleet: &Fleet, attacker: &Attacker) {
    let status = attacker.attack("read?path=/proc/self/status").await;
    let status = said(&status, "text");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}: {status}")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Uid"), "1001 1001 1001 1001");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1".into(), "2".into()));

    let limits = attacker.attack("read?path=/proc/self/limits").await;
    let files = said(&limits, "text").lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(files.split_whitespace().collect::<Vec<_>>()[3..5], ["16384", "16384"], "{files}");

    let inspected = attacker.inspect().await;
    let host = &inspected["HostConfig"];
    assert_eq!(inspected["Config"]["User"], "1001:0");
    assert_eq!((&host["ReadonlyRootfs"], &host["Privileged"]), (&json!(true), &json!(false)), "{host:#}");
    assert_eq!(
        (&host["Memory"], &host["PidsLimit"], &host["NanoCpus"]),
        (&json!(256 << 20), &json!(64), &json!(1_000_000_000)),
        "{host:#}"
    );
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!((&host["PidMode"], &host["IpcMode"], &host["UTSMode"]), (&json!(""), &json!("private"), &json!("")), "{host:#}");
    assert_eq!(host["LogConfig"]["Config"], json!({ "max-file": "3", "max-size": "10m" }));
    let mounted: Vec<&str> = inspected["Mounts"].as_array().expect("mounts").iter().map(|one| said(one, "Destination")).collect();
    let known = ["/reeve", "/openmrs/data", "/tmp", "/run/secrets/database"];
    assert!(mounted.iter().all(|place| known.contains(place)), "{mounted:?}");

    // What is not its own it cannot write, wherever.
    for place in ["/new", "/openmrs/new", "/reeve/new", "/run/secrets/new", "/etc/new", "/proc/sys/new", "/sys/fs/cgroup/new"] {
        let tried = attacker.attack(&format!("write?path={place}")).await;
        assert_eq!(tried["written"], false, "{place}: {tried}");
    }
    for place in ["/new", "/reeve/new"] {
        let tried = attacker.attack(&format!("write?path={place}")).await;
        assert!(said(&tried, "error").contains("os error 30"), "{place} is on something that is read-only: {tried}");
    }
    assert_eq!(attacker.attack("write?path=/openmrs/data/new").await["written"], true);
    assert!(!fleet.parts.folder().join("tenants").join(MALLORY).join("data/new").exists(), "it was removed again");
}
