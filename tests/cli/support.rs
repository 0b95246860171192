//! The real binary against one emulated AWS. Each test has a stack of its own, whose record is a folder.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use reeve::planes::Aws;
use reeve::planes::aws::connect::{Options, connect};
use reeve::sandbox::Sandbox;
use serde_json::Value;
use tempfile::TempDir;

static SANDBOX: tokio::sync::OnceCell<Sandbox> = tokio::sync::OnceCell::const_new();

/// The emulated AWS that most tests share.
pub async fn endpoint() -> String {
    let start = || async { Sandbox::start(reeve::sandbox::Options::default()).await.expect("a sandbox") };
    SANDBOX.get_or_init(start).await.endpoint.clone()
}

/// A stack's folder, and how it is reached.
pub struct Stack {
    pub name: String,
    pub folder: TempDir,
    pub endpoint: String,
    pub secret: String,
}

impl Stack {
    /// A small stack with a local record.
    pub async fn new(name: &str) -> Self {
        let stack = Self::at(name, &endpoint().await);
        stack.write("stack.yaml", &yaml(name, "local:record"));
        stack
    }

    pub fn at(name: &str, endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { name: name.into(), folder, endpoint: endpoint.into(), secret: "test".into() }
    }

    pub fn dir(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The binary with nothing of our own environment but what it must have.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command
            .current_dir(self.folder.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", &self.secret);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap(), args)
    }

    /// `run`, which must end with `code`.
    pub fn ends(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "reeve {}\n{}\n{}", args.join(" "), ran.out, ran.err);
        ran
    }

    /// The account as this stack sees it.
    pub async fn account(&self) -> Aws {
        let options = Options {
            stack: self.name.clone(),
            domain: "hostedehr.org".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(self.endpoint.clone()),
            credentials: Some(aws_credential_types::Credentials::new("test", "test", None, None, "test")),
            ..Options::default()
        };
        connect(options).await.expect("a connection").aws
    }
}

/// The binary in an empty environment, without a terminal.
pub fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.args(args).env_clear().env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A run at a terminal that has shown its plan and asks whether to apply it.
pub struct Asked {
    child: Child,
    heard: Vec<u8>,
}

impl Asked {
    /// `line` on the stack's folder; `script` is the terminal.
    pub fn of(stack: &Stack, line: &str) -> Self {
        let (verb, rest) = line.split_once(' ').unwrap();
        let line = format!("{} {verb} {} {rest}", env!("CARGO_BIN_EXE_reeve"), stack.dir());
        let command = stack.command(&[]);
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR").current_dir(stack.folder.path());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                terminal.env(name, value);
            }
        }
        let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"Only `yes` is taken: ") {
            assert_eq!(child.stdout.as_mut().unwrap().read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&heard));
            heard.push(byte[0]);
        }
        Self { child, heard }
    }

    /// Types `answer`: the exit code, and all that was heard.
    pub fn answer(mut self, answer: &[u8]) -> (Option<i32>, String) {
        let mut input = self.child.stdin.take().unwrap();
        input.write_all(answer).unwrap();
        input.flush().unwrap();
        self.child.stdout.as_mut().unwrap().read_to_end(&mut self.heard).unwrap();
        let status = self.child.wait().unwrap();
        drop(input);
        (status.code(), String::from_utf8_lossy(&self.heard).into_owned())
    }
}

/// What a run said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output, args: &[&str]) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!ran.err.contains("panicked"), "reeve {}: {}", args.join(" "), ran.err);
        ran
    }

    /// The object of `--stats`: the last line of stderr.
    pub fn stats(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
    }

    /// One screen, that says all of `words`.
    pub fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in:\n{}", self.err);
        }
        self
    }
}

/// The smallest stack.
pub fn yaml(name: &str, record: &str) -> String {
    format!(
        "apiVersion: reeve/v1
kind: Stack
metadata: {{ name: {name} }}
spec:
  region: us-east-1
  domain: hostedehr.org
  record: {record}
  residency: {{ allow: [US], reason: test }}
  distributions:
    refapp:
      image: openmrs/backend@sha256:5d3c1c8a6f0e3f2b9a7d4e8c1b0f6a5d4c3b2a19087f6e5d4c3b2a1908f7e6d5
"
    )
}

/// A tenant of the smallest stack.
pub fn tenant(name: &str) -> String {
    format!(
        "apiVersion: reeve/v1
kind: Tenant
metadata: {{ name: {name} }}
spec: {{ distribution: refapp, country: US, admin_email: admin@example.org }}
"
    )
}

/// The calls of a run that are no reads.
pub fn writes(stats: &Value) -> Vec<String> {
    let reads = ["Describe", "List", "Get", "Head"];
    let calls = stats["calls"].as_object().unwrap();
    assert!(!calls.is_empty());
    let operation = |call: &str| call.split_once('.').map_or(String::new(), |(_, operation)| operation.to_owned());
    calls.keys().filter(|call| !reads.iter().any(|verb| operation(call).starts_with(verb))).cloned().collect()
}

/// The example that the project ships.
pub fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr")
}
