//! The real binary as a service against one emulated AWS. Each test has a small stack of its own: modules in its folder take the place of the built-in ones.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use crate::support::Stack;

/// How long something may take that is bound to happen.
pub const SOON: Duration = Duration::from_secs(30);

const BUILT_IN: [&str; 10] = ["backup", "database", "edge", "files", "fleet", "observability", "routing", "tenant", "vpc", "extra"];

/// A stack whose only resources are those of `module`, which is the text under `resources:`, and whose `spec` has `more`.
pub async fn stack(name: &str, more: &str, resources: &str) -> Stack {
    let stack = Stack::new(name).await;
    let yaml = crate::support::yaml(name, "local:record") + more;
    stack.write("stack.yaml", &yaml);
    for name in BUILT_IN.iter().filter(|name| **name != "extra") {
        stack.write(
            &format!("{name}.yaml"),
            &format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: {name} }}\nspec: {{ resources: {{}} }}\n"),
        );
    }
    wish(&stack, resources);
    stack
}

/// Looks every ten seconds.
pub const OFTEN: &str = "  reconcile: { every: 10s }\n";

/// Changes what is wished.
pub fn wish(stack: &Stack, resources: &str) {
    stack
        .write("extra.yaml", &format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: extra }}\nspec:\n  resources:\n{resources}"));
}

/// Log groups of these names, kept for a year.
pub fn logs(names: &[&str]) -> String {
    let one = |name: &&str| {
        format!(
            "    {name}: {{ kind: aws.log_group, protect: false, spec: {{ log_group_name: '/reeve/${{stack.name}}/{name}', retention_in_days: 365 }} }}\n"
        )
    };
    names.iter().map(one).collect()
}

/// An instance of the loop. It ends with the test.
pub struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub address: String,
}

impl Running {
    /// `reeve run`, listening where it may.
    pub fn start(stack: &Stack, more: &[&str]) -> Self {
        Self::of(stack, &[&[stack.dir()], more].concat())
    }

    /// The same, `args` naming where the stack is.
    pub fn of(stack: &Stack, args: &[&str]) -> Self {
        Self::on(stack, args, &[])
    }

    /// The same, on a host that the environment names.
    pub fn on(stack: &Stack, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut running = Self::spawn(stack, args, environment);
        running.address = running.says("listening on http://").split_once("http://").unwrap().1.split('"').next().unwrap().to_owned();
        running
    }

    fn spawn(stack: &Stack, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let args = [&["run", "--listen", "127.0.0.1:0", "--log", "json"], more].concat();
        let mut child = stack.command(&args).envs(environment.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (heard, into) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&lines));
        std::thread::spawn(move || heard.lines().map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line)));
        Self { child, lines, address: String::new() }
    }

    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many lines of the log have all of `words`, which stand in one text.
    pub fn count(&self, words: &str) -> usize {
        self.log().iter().filter(|line| line.contains(words)).count()
    }

    /// The first line of the log with `words`, which has to come soon.
    pub fn says(&self, words: &str) -> String {
        self.says_within(words, SOON)
    }

    pub fn says_within(&self, words: &str, limit: Duration) -> String {
        let find = || self.log().into_iter().find(|line| line.contains(words));
        within(limit, find).unwrap_or_else(|| panic!("never said `{words}`:\n{}", self.log().join("\n")))
    }

    /// What an HTTP request is answered: status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The value of a metric: name with its labels.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.get("/metrics").1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until a metric has that value.
    pub fn metric_is(&self, name: &str, value: f64) {
        let seen = within(SOON, || self.metric(name).filter(|now| (*now - value).abs() < 1e-9));
        assert!(seen.is_some(), "{name} is {:?}, not {value}:\n{}", self.metric(name), self.log().join("\n"));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGTERM, and what it ends with.
    pub fn stop(mut self) -> (Option<i32>, Vec<String>) {
        self.signal("-TERM");
        let status = self.ends();
        (status.code(), self.log())
    }

    pub fn ends(&mut self) -> ExitStatus {
        let ended = within(Duration::from_secs(60), || self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("it does not end:\n{}", self.log().join("\n")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `look` finds, when it does so in time.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() > limit {
            return None;
        }
        #[allow(clippy::disallowed_methods)] // each test has a worker to spare: what it waits for is another process
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The log group of that name in the account.
pub fn group(stack: &Stack, name: &str) -> String {
    format!("/reeve/{}/{name}", stack.name)
}

/// The names of the log groups that are there, and how many days they are kept.
pub async fn groups(stack: &Stack) -> Vec<(String, Option<i32>)> {
    let all = stack.account().await.logs.describe_log_groups().log_group_name_prefix(group(stack, "")).send().await.unwrap();
    let name = |name: &str| name.strip_prefix(&group(stack, "")).unwrap().to_owned();
    all.log_groups().iter().map(|one| (name(one.log_group_name().unwrap()), one.retention_in_days())).collect()
}

/// The document in a file of the record.
pub fn record(stack: &Stack, key: &str) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(stack.path("record").join(key)).ok()?).ok()
}
