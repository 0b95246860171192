//! The wrapper under test, with what it says.
#![allow(dead_code, missing_docs, reason = "shared by several test programs")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{MariaDb, until};

/// A running wrapper. Dropped, it and its application are killed.
pub struct Wrapper {
    pub child: Child,
    said: Arc<Mutex<Vec<String>>>,
    _secret: Option<tempfile::TempDir>,
}

/// How a wrapper is started.
pub struct Start {
    pub settings: serde_json::Value,
    pub secret: serde_json::Value,
    pub env: Vec<(String, String)>,
    pub prefix: Vec<String>,
}

impl Start {
    /// For a tenant of this server, with times that suit a test.
    pub fn tenant(server: &MariaDb, name: &str, password: &str) -> Self {
        Self {
            settings: serde_json::json!({
                "tenant": name, "host": "localhost", "port": server.port, "schema": name, "ca": server.ca(),
                "wait_timeout_s": 4, "ping_ms": 500, "timeout_ms": 500, "quiet_ms": 600, "patience_s": 30,
                "env": {"DB_USER": "{user}", "DB_PASSWORD": "{password}"},
            }),
            secret: serde_json::json!({"user": name, "password": password, "admin_password": "unused"}),
            env: vec![("DB_PORT".into(), server.port.to_string())],
            prefix: Vec::new(),
        }
    }

    /// Without a database.
    pub fn plain() -> Self {
        Self { settings: serde_json::json!({}), secret: serde_json::Value::Null, env: Vec::new(), prefix: Vec::new() }
    }

    /// Another value in the settings.
    pub fn set(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.settings[name] = value.into();
        self
    }

    /// Starts it with this command.
    pub fn run(mut self, command: &[&str]) -> Wrapper {
        let mut folder = None;
        if !self.secret.is_null() {
            let dir = tempfile::tempdir().unwrap();
            std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            let path: PathBuf = dir.path().join("database");
            std::fs::write(&path, self.secret.to_string()).unwrap();
            self.settings["secret"] = path.display().to_string().into();
            folder = Some(dir);
        }
        let mut words = self.prefix;
        words.push(env!("CARGO_BIN_EXE_reeve-hold").into());
        words.push("--".into());
        words.extend(command.iter().map(|&w| w.to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("REEVE_HOLD", self.settings.to_string()).envs(self.env);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    said.lock().unwrap().push(line);
                }
            });
        }
        Wrapper { child, said, _secret: folder }
    }
}

/// As in a container: PID 1, uid 1001 with gid 0, no capability, no new privileges, a root that cannot be written.
const CONTAINER: &str = "unshare --pid --fork --mount --mount-proc --kill-child sh -c";
const INSIDE: &str = "mount --bind / / && mount -o remount,ro,bind / && mount -t proc proc /proc && exec setpriv --reuid 1001 --regid 0 --clear-groups --no-new-privs --bounding-set=-all \"$@\"";

/// Starts it so.
pub fn container(mut start: Start) -> Start {
    start.prefix = CONTAINER.split_whitespace().map(str::to_owned).chain([INSIDE.to_owned(), "sh".to_owned()]).collect();
    start
}

impl Wrapper {
    /// All that was said so far, by the wrapper and its application.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Waits until a line holds `words`.
    pub fn hears(&self, words: &str, seconds: u64) {
        let mut last = String::new();
        let end = std::time::Instant::now() + Duration::from_secs(seconds);
        while std::time::Instant::now() < end {
            last = self.said();
            if last.contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("never heard {words:?} in {seconds} s:\n{last}");
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for its end; the exit code.
    pub fn ends(&mut self, seconds: u64) -> ExitStatus {
        let mut status = None;
        let said = Arc::clone(&self.said);
        until(&format!("the wrapper ends; it said:\n{}", said.lock().unwrap().join("\n")), seconds, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        std::thread::sleep(Duration::from_millis(50));
        status.unwrap()
    }

    /// The processes below it.
    pub fn family(&self) -> Vec<Pid> {
        family(self.pid())
    }
}

/// The processes below one.
pub fn family(of: Pid) -> Vec<Pid> {
    let out = Command::new("pgrep").args(["-P", &of.to_string()]).output().unwrap();
    let children: Vec<Pid> = String::from_utf8(out.stdout).unwrap().lines().map(|l| Pid::from_raw(l.parse().unwrap())).collect();
    let below: Vec<Pid> = children.iter().flat_map(|&child| family(child)).collect();
    [children, below].concat()
}

/// The state letter of a process: R, S, T, Z.
pub fn state(pid: Pid) -> Option<char> {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit_once(") ")?.1.chars().next()
}

impl Drop for Wrapper {
    fn drop(&mut self) {
        let below = self.family();
        let _ = self.child.kill();
        for pid in below {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}
