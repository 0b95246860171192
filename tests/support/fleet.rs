//! The whole estate with its inner half: the emulated AWS beside a real Docker Engine, a real MariaDB and a real HAProxy, and the stand-in for
//! OpenMRS in two versions. They need root and `make setup`.
#![allow(dead_code)] // each test binary uses a part of it

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use reeve::apply::Halt;
use reeve::desired::SourceFile;
use reeve::planes::aws::connect;
use reeve::record::Location;
use reeve::sandbox::parts::{Engine, Image, Options, Parts};
use reeve::sandbox::{Sandbox, ZONE};
use reeve::session::{Session, Stack};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;

use crate::support::{Estate, Wishes, wishes};

/// The parts, an emulated AWS that knows of them, and the stand-in's images.
pub struct Fleet {
    pub parts: Parts,
    pub sandbox: Sandbox,
    /// Two versions of the stand-in, by digest.
    pub images: [String; 2],
}

impl Fleet {
    pub async fn start(engines: u8) -> Self {
        Self::start_with(Options { engines, ..Options::default() }).await
    }

    pub async fn start_with(options: Options) -> Self {
        let parts = Parts::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        let database = parts.behind_rds();
        let log = Some(parts.folder().join("aws.log"));
        let options = reeve::sandbox::Options { zones: vec![ZONE.into()], database: Some(database), log, ..Default::default() };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts (make setup)");
        let images = parts.standin().await.unwrap_or_else(|error| panic!("{error}")).expect("the stand-in is built (make setup)");
        Self { parts, sandbox, images }
    }

    pub fn engine(&self) -> &Engine {
        &self.parts.engines()[0]
    }

    /// The example stack with the stand-in for OpenMRS, and these tenants.
    pub fn wishes(&self, tenants: &str) -> Wishes {
        self.wishes_of(&self.images[0], tenants)
    }

    pub fn wishes_of(&self, image: &str, tenants: &str) -> Wishes {
        wishes(&self.files(image, tenants))
    }

    /// The files of the stack.
    pub fn files(&self, image: &str, tenants: &str) -> Vec<SourceFile> {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/desired/hostedehr/stack.yaml")).expect("the example");
        let (head, _) = text.split_once("  distributions:").expect("a catalogue");
        let catalogue = format!(
            "  distributions:\n    refapp:\n      image: {image}\n      command: [{command}]\n      memory: {{ reserve: 32MiB, limit: 256MiB }}\n      \
             pids: 64\n      read_only: true\n      data: /openmrs/data\n      api_paths: [/openmrs/ws/]\n      blocked_paths: [/openmrs/initialsetup]\n      \
             health: {{ ready: /openmrs/health/started, live: /openmrs/health/alive, start_period: 2m }}\n      \
             env: {{ STANDIN_FIRST_START_SECONDS: \"2\", STANDIN_START_SECONDS: \"1\", STANDIN_VERSION: \"{version}\" }}\n",
            command = Image::command("standin"),
            version = if image == self.images[0] { "1" } else { "2" },
        );
        let stack = SourceFile { path: "stack.yaml".into(), text: format!("{head}{catalogue}") };
        vec![stack, SourceFile { path: "tenants.yaml".into(), text: tenants.into() }]
    }

    /// Runs a statement as the administrator of the first database server.
    pub async fn sql(&self, statement: &str) -> String {
        self.sql_on(0, statement).await
    }

    /// The same on one of them, counted from 0.
    pub async fn sql_on(&self, server: usize, statement: &str) -> String {
        let admin: serde_json::Value = serde_json::from_str(&read(self.parts.admin())).expect("JSON");
        let (address, ca) = (self.parts.databases()[server], self.parts.authority());
        let login = format!(
            "[client]\nuser={}\npassword={}\nhost={}\nport={}\nssl-ca={}\nssl-verify-server-cert\n",
            admin["user"].as_str().unwrap_or_default(),
            admin["password"].as_str().unwrap_or_default(),
            address.ip(),
            address.port(),
            ca.display()
        );
        let file = self.parts.folder().join(format!("client{server}.cnf"));
        std::fs::write(&file, login).expect("a file");
        let file = format!("--defaults-file={}", file.display());
        let mut client = Command::new("mariadb");
        client.args([&file, "--batch", "--skip-column-names", "--execute", statement]);
        let output = client.stdin(Stdio::null()).output().await.expect("mariadb-client");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A session as on the first engine's host.
    pub async fn estate(&self, wishes: Wishes) -> Estate {
        self.estate_on(0, wishes).await
    }

    pub async fn estate_on(&self, engine: usize, wishes: Wishes) -> Estate {
        self.open(&self.parts.engines()[engine].host, wishes, TempDir::new().expect("a folder")).await
    }

    /// The same stack with its record, connected anew.
    pub async fn again(&self, estate: Estate) -> Estate {
        let Estate { wishes, record, .. } = estate;
        self.open(&self.engine().host, wishes, record).await
    }

    /// A session as on a host that has the tenants' folders at `place`.
    pub async fn estate_with_files(&self, place: &Path, wishes: Wishes) -> Estate {
        let host = self.host_with("files", &place.display().to_string());
        self.open(&host, wishes, TempDir::new().expect("a folder")).await
    }

    /// The facts of the first engine's host, one of them another.
    pub fn host_with(&self, fact: &str, value: &str) -> PathBuf {
        let mut facts: serde_json::Value = serde_json::from_str(&read(&self.engine().host)).expect("JSON");
        facts[fact] = value.into();
        let host = self.parts.folder().join(format!("host-with-{fact}.json"));
        std::fs::write(&host, facts.to_string()).expect("a file");
        host
    }

    /// A session as on another engine's host, of the stack that this one's record is of.
    pub async fn beside(&self, engine: usize, estate: &Estate) -> Estate {
        let at = estate.record.path().to_owned();
        let session = self.session(&self.parts.engines()[engine].host, &at).await;
        let record = TempDir::new().expect("a folder");
        Estate { session, wishes: estate.wishes.clone(), halt: watch::Sender::new(Halt::No), record }
    }

    /// A session as on a host with these facts.
    pub async fn open(&self, host: &Path, wishes: Wishes, record: TempDir) -> Estate {
        let session = self.session(host, record.path()).await;
        Estate { session, wishes, halt: watch::Sender::new(Halt::No), record }
    }

    async fn session(&self, host: &Path, record: &Path) -> Session {
        let stack = Stack {
            name: "hostedehr".into(),
            domain: ZONE.into(),
            region: "us-east-1".into(),
            account: None,
            record: Location::Local(record.into()),
            access: reeve::model::Access::default(),
            starts: reeve::model::Starts::default(),
        };
        let options = connect::Options {
            endpoint: Some(self.sandbox.endpoint.clone()),
            credentials: Some(Credentials::new("test", "test", None, None, "tests")),
            host: Some(host.to_owned()),
            ..connect::Options::default()
        };
        Session::open(stack, options).await.expect("AWS answers")
    }
}

/// One tenant's document.
pub fn tenant(name: &str, more: &str) -> String {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec:\n  distribution: refapp\n  country: US\n  admin_email: admin@{name}.example\n{more}---\n"
    )
}

/// Debian's own client, which speaks what its engine speaks.
pub async fn docker(engine: &Engine, arguments: &[&str]) -> String {
    let host = format!("unix://{}", engine.docker.display());
    let output =
        Command::new("/usr/bin/docker").args(["-H", &host]).args(arguments).stdin(Stdio::null()).output().await.expect("docker.io");
    assert!(output.status.success(), "docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What containers say of themselves, for whoever wants to know why one does not get ready.
pub async fn told_by(engine: &Engine) -> String {
    let host = format!("unix://{}", engine.docker.display());
    // Not the services' logs: those show nothing of a task that is still starting.
    let line =
        "for one in $(docker ps -aq); do docker inspect -f '{{.Name}} {{json .State}}' $one; docker logs --timestamps --tail 20 $one; done";
    let output = Command::new("sh").args(["-c", line]).env("DOCKER_HOST", host).stdin(Stdio::null()).output().await.expect("sh");
    [output.stdout, output.stderr].map(|one| String::from_utf8_lossy(&one).into_owned()).concat()
}

/// Status and body of an answer; the status is 0 where nobody answers.
pub async fn get(address: impl AsRef<str>, host: &str, path: &str) -> (u16, String) {
    get_with(address, host, path, &[]).await
}

/// The same, with further arguments for curl.
pub async fn get_with(address: impl AsRef<str>, host: &str, path: &str, more: &[&str]) -> (u16, String) {
    let url = format!("http://{}{path}", address.as_ref());
    let out = Command::new("curl")
        .args(["--silent", "--max-time", "10", "--header", &format!("Host: {host}"), "--write-out", "\n%{http_code}", &url])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("curl");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (body, code) = text.rsplit_once('\n').unwrap_or(("", "0"));
    (code.parse().unwrap_or_default(), body.to_owned())
}

/// The inner address of the first host's HAProxy without TLS.
pub fn plain(address: Ipv4Addr) -> String {
    format!("{address}:8080")
}

/// Asks again until it is so.
pub async fn until(what: &str, seconds: u64, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A file's text.
pub fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}
