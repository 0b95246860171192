//! A stand-in for the Docker Engine at the level of the wire: what reeve asks of the Engine API 1.41, answered from memory over a real socket, so that the real
//! client can be held against ten thousand services. It knows versions, names that are taken and references that lead nowhere; a service that is to run
//! runs at once, on the one node, and no event is ever told.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/>.
#![allow(dead_code)] // each test binary uses a part of it

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// A time of the engine's: nothing here depends on it.
const THEN: &str = "2026-01-01T00:00:00.000000000Z";

/// The swarm of one node. All clones are the same.
#[derive(Debug, Clone)]
pub struct Swarm(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    /// Where every container answers.
    application: SocketAddr,
    last: u64,
    nouns: BTreeMap<&'static str, BTreeMap<String, Object>>,
    /// Names that are taken: `services/one`.
    names: BTreeSet<String>,
    requests: BTreeMap<String, u64>,
}

/// Something that has a version, as JSON: ten thousand of them are sent at once, and read one by one.
#[derive(Debug)]
struct Object {
    name: String,
    version: u64,
    text: String,
    /// The task of a service that runs.
    task: Option<String>,
}

/// Status and body.
type Answer = (u16, String);

impl Swarm {
    /// Answers at `socket`; containers answer at `application`.
    pub async fn start(socket: &Path, application: SocketAddr) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket");
        let nouns = ["networks", "nodes", "secrets", "services"].map(|noun| (noun, BTreeMap::new())).into();
        let swarm = Self(Arc::new(Mutex::new(World { application, last: 10, nouns, names: BTreeSet::new(), requests: BTreeMap::new() })));
        swarm.world().join_node();
        let own = swarm.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let swarm = own.clone();
                tokio::spawn(async move { swarm.serve(stream).await });
            }
        });
        swarm
    }

    /// Requests so far, by method and noun: `GET services`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.world().requests.clone()
    }

    /// How many objects of that noun there are.
    pub fn count(&self, noun: &str) -> usize {
        self.world().nouns[noun].len()
    }

    /// Stops all services but the first so many, by their names, as reeve does with those that nobody uses.
    pub fn sleep_but(&self, awake: usize) {
        let mut world = self.world();
        let mut all: Vec<(String, String)> = world.nouns["services"].iter().map(|(id, one)| (one.name.clone(), id.clone())).collect();
        all.sort();
        for (name, id) in all.into_iter().skip(awake) {
            let whole: Value = serde_json::from_str(&world.nouns["services"][&id].text).expect("JSON");
            let mut spec = whole["Spec"].clone();
            spec["Mode"]["Replicated"]["Replicas"] = 0.into();
            world.put("services", &id, name, &spec);
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection, request after request.
    async fn serve(&self, stream: UnixStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut first, mut length) = (String::new(), 0);
            if stream.read_line(&mut first).await.ok()? == 0 {
                return None;
            }
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.ok()?;
                let line = line.trim_end().to_ascii_lowercase();
                assert!(!line.starts_with("transfer-encoding:"), "bodies come with their length");
                if let Some(text) = line.strip_prefix("content-length:") {
                    length = text.trim().parse().ok()?;
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            let mut words = first.split(' ');
            let (method, target) = (words.next()?, words.next()?);
            if method == "GET" && target.contains("/events?") {
                // Nothing happens by itself here: who listens is told so until it has heard enough.
                let head = "HTTP/1.1 200 -\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.get_mut().write_all(head.as_bytes()).await.ok()?;
                stream.read_u8().await.ok()?;
                return None;
            }
            let (status, text) = self.world().answer(method, target, &body);
            let head = format!("HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len());
            let all = if matches!(status, 204) { format!("HTTP/1.1 {status} -\r\n\r\n") } else { head + &text };
            stream.get_mut().write_all(all.as_bytes()).await.ok()?;
        }
    }
}

impl World {
    fn answer(&mut self, method: &str, target: &str, body: &[u8]) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let parts = if parts.first().is_some_and(|part| part.starts_with("v1.")) { &parts[1..] } else { &parts[..] };
        *self.requests.entry(format!("{method} {}", parts.first().unwrap_or(&""))).or_default() += 1;
        let spec: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, parts) {
            ("GET", ["version"]) => {
                let version =
                    json!({ "Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64" });
                (200, version.to_string())
            }
            ("GET", ["info"]) => {
                (200, json!({ "ServerVersion": "20.10.24", "Swarm": { "NodeID": NODE, "ControlAvailable": true } }).to_string())
            }
            ("GET", ["tasks"]) => self.tasks(query),
            ("GET", [noun]) if self.nouns.contains_key(noun) => {
                let all: Vec<&str> = self.nouns[noun].values().map(|object| object.text.as_str()).collect();
                (200, format!("[{}]", all.join(",")))
            }
            ("GET", [noun, id]) if self.nouns.contains_key(noun) => {
                self.nouns[noun].get(*id).map_or_else(|| absent(id), |object| (200, object.text.clone()))
            }
            ("POST", ["networks", "create"]) => self.create("networks", spec["Name"].clone(), &spec),
            ("POST", [noun @ ("secrets" | "services"), "create"]) => self.create(noun, spec["Name"].clone(), &spec),
            ("POST", [noun @ ("nodes" | "secrets" | "services"), id, "update"]) => self.update(noun, id, query, &spec),
            ("DELETE", [noun @ ("networks" | "secrets" | "services"), id]) => self.delete(noun, id),
            _ => refused(404, &format!("page not found: {method} {path}")),
        }
    }

    fn create(&mut self, noun: &str, name: Value, spec: &Value) -> Answer {
        let name = name.as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return refused(400, "rpc error: code = InvalidArgument desc = a name is missing");
        }
        if self.names.contains(&format!("{noun}/{name}")) {
            return refused(
                409,
                &format!("rpc error: code = AlreadyExists desc = name conflicts with an existing object: {name} already exists"),
            );
        }
        if let Some(why) = self.dangling(noun, spec) {
            return refused(400, &format!("rpc error: code = InvalidArgument desc = {why}"));
        }
        let id = format!("{}{:020}", &noun[..2], self.last + 1);
        self.put(noun, &id, name, spec);
        (201, json!({ "ID": id, "Id": id, "Warning": "" }).to_string())
    }

    fn update(&mut self, noun: &str, id: &str, query: &str, spec: &Value) -> Answer {
        let Some(object) = self.nouns[noun].get(id) else { return absent(id) };
        match parameter(query, "version").and_then(|text| text.parse::<u64>().ok()) {
            None => return refused(400, "invalid version"),
            Some(version) if version != object.version => return refused(500, "rpc error: code = Unknown desc = update out of sequence"),
            Some(_) => {}
        }
        if let Some(why) = self.dangling(noun, spec) {
            return refused(400, &format!("rpc error: code = InvalidArgument desc = {why}"));
        }
        let name = object.name.clone();
        self.put(noun, id, name, spec);
        (200, json!({ "Warnings": null }).to_string())
    }

    fn delete(&mut self, noun: &str, id: &str) -> Answer {
        if noun == "secrets" && self.nouns["services"].values().any(|service| service.text.contains(id)) {
            return refused(
                400,
                &format!("rpc error: code = InvalidArgument desc = secret '{id}' is in use by the following service: one"),
            );
        }
        match self.nouns.get_mut(noun).and_then(|all| all.remove(id)) {
            Some(object) => {
                self.names.remove(&format!("{noun}/{}", object.name));
                (if noun == "services" { 200 } else { 204 }, String::new())
            }
            None => absent(id),
        }
    }

    /// What a service refers to and is not there.
    fn dangling(&self, noun: &str, spec: &Value) -> Option<String> {
        let is_there = |noun: &str, id: &Value| id.as_str().is_some_and(|id| self.nouns[noun].contains_key(id));
        let of = |path: &str| spec.pointer(path).and_then(Value::as_array).into_iter().flatten();
        let networks = of("/TaskTemplate/Networks").map(|one| ("networks", &one["Target"]));
        let secrets = of("/TaskTemplate/ContainerSpec/Secrets").map(|one| ("secrets", &one["SecretID"]));
        let mut all = networks.chain(secrets).filter(|_| noun == "services");
        all.find(|(noun, id)| !is_there(noun, id)).map(|(noun, id)| format!("{noun}: {id} not found"))
    }

    fn put(&mut self, noun: &str, id: &str, name: String, spec: &Value) {
        self.last += 1;
        let version = self.last;
        let mut spec = spec.clone();
        let task = (noun == "services" && spec.pointer("/Mode/Replicated/Replicas").and_then(Value::as_u64) > Some(0))
            .then(|| task(id, version, self.application, spec.pointer("/EndpointSpec/Ports/0/TargetPort")));
        let mut whole = match noun {
            "networks" => {
                let mut network = spec.clone();
                network["Id"] = id.into();
                network
            }
            _ => {
                if let Some(fields) = spec.as_object_mut() {
                    fields.remove("Data"); // the engine never tells what is in a secret
                }
                json!({ "ID": id, "Version": { "Index": version }, "CreatedAt": THEN, "UpdatedAt": THEN, "Spec": spec })
            }
        };
        if noun == "services" {
            let number = u8::from(task.is_some());
            whole["ServiceStatus"] = json!({ "RunningTasks": number, "DesiredTasks": number });
        }
        if noun == "nodes" {
            whole["Description"] = json!({ "Hostname": "standin", "Engine": { "EngineVersion": "20.10.24" } });
            whole["Status"] = json!({ "State": "ready", "Addr": self.application.ip().to_string() });
            whole["ManagerStatus"] = json!({ "Leader": true, "Reachability": "reachable" });
        }
        self.names.insert(format!("{noun}/{name}"));
        let object = Object { name, version, text: whole.to_string(), task };
        self.nouns.get_mut(noun).expect("a noun").insert(id.to_owned(), object);
    }

    fn join_node(&mut self) {
        self.put("nodes", NODE, "standin".to_owned(), &json!({ "Role": "manager", "Availability": "active", "Labels": {} }));
    }

    /// All that run, or those of one service.
    fn tasks(&self, query: &str) -> Answer {
        let filters: Value = parameter(query, "filters").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let of = filters["service"].get(0).and_then(Value::as_str);
        let services = &self.nouns["services"];
        let all: Vec<&str> = match of {
            Some(id) => services.get(id).and_then(|service| service.task.as_deref()).into_iter().collect(),
            None => services.values().filter_map(|service| service.task.as_deref()).collect(),
        };
        (200, format!("[{}]", all.join(",")))
    }
}

const NODE: &str = "node1";

fn task(service: &str, version: u64, at: SocketAddr, target: Option<&Value>) -> String {
    let port = json!({ "Protocol": "tcp", "TargetPort": target, "PublishedPort": at.port(), "PublishMode": "host" });
    json!({
        "ID": format!("task{version}"),
        "Version": { "Index": version },
        "CreatedAt": THEN,
        "UpdatedAt": THEN,
        "ServiceID": service,
        "Slot": 1,
        "NodeID": NODE,
        "DesiredState": "running",
        "Status": { "Timestamp": THEN, "State": "running", "Message": "started", "PortStatus": { "Ports": [port] } },
    })
    .to_string()
}

fn refused(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message }).to_string())
}

fn absent(id: &str) -> Answer {
    refused(404, &format!("{id} not found"))
}

/// A parameter of a request's query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let text = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = |at: &[u8]| u8::from_str_radix(std::str::from_utf8(at.get(..2)?).ok()?, 16).ok();
        match (first, code(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// An application that answers whoever asks: the one container of all services.
pub async fn application(at: std::net::IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((at, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // A health check connects and goes.
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
                }
            });
        }
    });
    address
}
