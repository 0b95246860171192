//! What a tenant tries to connect to. Whatever is listed is really there: with the firewall open each of it answers.

use std::net::Ipv4Addr;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::attacker::{Attacker, said};
use crate::fleet_ground::{Fleet, docker, until};

/// The metadata service of a cloud's host.
const METADATA: &str = "169.254.169.254";

/// A server of somebody else's in the world, and the ports at which it would take mail.
const WORLD: &str = "203.0.113.25";
const MAIL: [u16; 3] = [25, 465, 587];

/// What is tried: its name, where it is.
type Aim = (&'static str, String, u16);

/// Every address at which `other` may be reached from `from`.
pub async fn ways_to(from: &Attacker, other: &Attacker) -> Vec<Aim> {
    let networks = other.inspect().await["NetworkSettings"]["Networks"].clone();
    let bridge =
        networks.as_object().and_then(|all| all.values().find(|one| !said(one, "IPAddress").is_empty())).cloned().expect("a bridge");
    let mut ways = vec![
        ("the other tenant at its host's address", other.engine.address.to_string(), other.port()),
        ("the other tenant at its bridge's gateway", said(&bridge, "Gateway").to_owned(), other.port()),
    ];
    if from.engine.space == other.engine.space {
        let subnet = docker(&other.engine, &["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", "bridge"]).await;
        let (docker0, _) = subnet.split_once(".0/").expect("a network");
        ways.push(("the other tenant at docker0", format!("{docker0}.1"), other.port()));
        ways.push(("the other tenant at its bridge address", said(&bridge, "IPAddress").to_owned(), 8080));
    }
    ways
}

/// What every host has, and nobody's tenant needs.
pub fn of_the_host(fleet: &Fleet, address: Ipv4Addr) -> Vec<Aim> {
    let host = address.to_string();
    let registry = fleet.parts.registry();
    let (middle, port) = registry.rsplit_once(':').expect("a port");
    vec![
        ("HAProxy", host.clone(), 8080),
        ("HAProxy over TLS", host.clone(), 8443),
        ("the swarm's managers", host.clone(), 2377),
        ("Docker over TCP", host, 2375),
        ("another port of a private network", middle.to_owned(), port.parse().expect("a port")),
        ("the metadata service", METADATA.to_owned(), 80),
    ]
}

pub async fn try_all(attacker: &Attacker, aims: &[Aim]) -> Vec<(String, Value)> {
    let mut tried = Vec::new();
    for (name, host, port) in aims {
        tried.push((format!("{name}, {host}:{port}"), attacker.attack(&format!("connect?host={host}&port={port}")).await));
    }
    tried
}

pub async fn nothing_is_reached(fleet: &Fleet, attacker: &Attacker, other: &Attacker) {
    reach(fleet, attacker, METADATA).await;
    reach(fleet, attacker, WORLD).await;
    let middle = middle(fleet);
    let mut listeners = vec![Listener::on(middle, METADATA, 80).await, Listener::on(middle, WORLD, 443).await];
    for port in MAIL {
        listeners.push(Listener::on(middle, WORLD, port).await);
    }
    let socket = Listener::on(&attacker.engine.space, "0.0.0.0", 2375).await;
    let mut aims = ways_to(attacker, other).await;
    aims.extend(of_the_host(fleet, attacker.engine.address));
    aims.extend(MAIL.map(|port| ("a mail server in the world", WORLD.to_owned(), port)));

    for (aim, tried) in try_all(attacker, &aims).await {
        assert_eq!(tried["connected"], false, "{aim}: {tried}");
        assert!(said(&tried, "error").contains("refused"), "{aim} is told at once: {tried}");
    }
    let got = attacker.attack(&format!("http?url=http://{METADATA}/latest/meta-data/iam/security-credentials/")).await;
    assert_eq!(got["answered"], false, "{got}");
    // As the address of an interface of the host itself, too: that is another chain.
    let own = ["addr", "add", &format!("{METADATA}/32"), "dev", "lo"];
    ip(&attacker.engine.space, &own).await;
    let on_the_host = Listener::on(&attacker.engine.space, METADATA, 80).await;
    let tried = attacker.attack(&format!("connect?host={METADATA}&port=80")).await;
    assert_eq!(tried["connected"], false, "{tried}");
    open(attacker, "-I").await;
    let tried = attacker.attack(&format!("connect?host={METADATA}&port=80")).await;
    assert_eq!(tried["connected"], true, "{tried}");
    open(attacker, "-D").await;
    drop(on_the_host);
    ip(&attacker.engine.space, &["addr", "del", &format!("{METADATA}/32"), "dev", "lo"]).await;

    // HAProxy is not asked for its numbers, and cannot be crowded from inside.
    let crowd = attacker.attack(&format!("crowd?host={}&port=8080&count=1000", attacker.engine.address)).await;
    assert_eq!(crowd["opened"], 0, "{crowd}");
    // What it may: the database, and HTTPS in the world.
    let database = fleet.parts.database();
    for (host, port) in [(database.ip().to_string(), database.port()), (WORLD.to_owned(), 443)] {
        let tried = attacker.attack(&format!("connect?host={host}&port={port}")).await;
        assert_eq!(tried["connected"], true, "{tried}");
    }

    // Without the firewall all of it is there.
    open(attacker, "-I").await;
    for (aim, tried) in try_all(attacker, &aims).await {
        assert_eq!(tried["connected"], true, "without the firewall, {aim}: {tried}");
    }
    open(attacker, "-D").await;
    for (aim, tried) in try_all(attacker, &aims).await {
        assert_eq!(tried["connected"], false, "with the firewall again, {aim}: {tried}");
    }
    drop((listeners, socket));
}

/// Opens the host's firewall (`-I`), or closes it again (`-D`).
pub async fn open(attacker: &Attacker, how: &str) {
    for chain in ["DOCKER-USER", "INPUT"] {
        let rule = ["iptables", "-w", how, chain, "-i", "tenants0", "-j", "ACCEPT"];
        run(&[&enter(&attacker.engine.space).each_ref().map(String::as_str)[..], &rule].concat()).await;
    }
}

async fn ip(space: &str, arguments: &[&str]) {
    run(&[&["ip", "-n", space], arguments].concat()).await;
}

async fn run(words: &[&str]) {
    let done = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output().await.expect(words[0]);
    assert!(done.status.success(), "{}: {}", words.join(" "), String::from_utf8_lossy(&done.stderr));
}

fn enter(space: &str) -> [String; 2] {
    ["nsenter".to_owned(), format!("--net=/var/run/netns/{space}")]
}

/// A web server where there would be something to find; it ends when this is dropped.
pub struct Listener(#[allow(dead_code)] Child);

impl Listener {
    pub async fn on(space: &str, address: &str, port: u16) -> Self {
        let enter = enter(space);
        let child = Command::new(&enter[0])
            .args([&enter[1], "python3", "-m", "http.server", "--bind", address, &port.to_string()])
            .current_dir("/mnt")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nsenter");
        let target = if address == "0.0.0.0" { "127.0.0.1" } else { address };
        let url = format!("http://{target}:{port}/");
        until(&format!("{url} answers in {space}"), 20, async || {
            let asked = Command::new(&enter[0]).args([&enter[1], "curl", "--silent", "--max-time", "1", &url]).output().await;
            asked.is_ok_and(|asked| asked.status.success())
        })
        .await;
        Self(child)
    }
}

/// The namespace beyond the hosts, where a cloud's own services and the world would be.
fn middle(fleet: &Fleet) -> &str {
    fleet.engine().space.strip_suffix("-1").expect("the engine's namespace is named after the one in the middle")
}

/// Puts an address there, to which the attacker's host knows the way.
async fn reach(fleet: &Fleet, attacker: &Attacker, address: &str) {
    ip(middle(fleet), &["addr", "add", &format!("{address}/32"), "dev", "hub"]).await;
    ip(&attacker.engine.space, &["route", "add", address, "dev", "eth0"]).await;
}
