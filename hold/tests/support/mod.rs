//! A real MariaDB with TLS for tests: its own folder, its own free port, ended with the test process, also when that is killed.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "shared by several test programs; tests may sleep"
)]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The server. Its folder goes when it is dropped, or when this process ends in any way.
pub struct MariaDb {
    folder: PathBuf,
    pub port: u16,
    tls: bool,
    running: Mutex<Option<(Child, ChildStdin)>>,
}

/// Starts what follows, waits for a line (or the end of whoever should write it), ends it, and removes the folder unless told to keep it.
const WATCHED: &str = r#"folder=$1; shift; "$@" & pid=$!; read line; case $line in *kill*) kill -9 $pid;; *) kill $pid;; esac; wait $pid; case $line in keep*) ;; *) rm -rf "$folder";; esac"#;

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `done` or panics after `seconds`.
pub fn until(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run(command: &mut Command) {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

fn me() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

impl MariaDb {
    /// One that speaks TLS and proves to be `localhost`, by no other name.
    pub fn start() -> Self {
        Self::with(true)
    }

    /// One that does not.
    pub fn without_tls() -> Self {
        Self::with(false)
    }

    fn with(tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("reeve-mariadb-").tempdir().unwrap().keep();
        // Others may pass: wrappers under another user read the CA.
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // From here on it removes its folder, whatever fails.
        let server = Self { folder, port: free_port(), tls, running: Mutex::new(None) };
        certificates(&server.folder);
        // Temporary tables are named by process id, which another server in a PID namespace of its own may have too.
        std::fs::create_dir(server.folder.join("tmp")).unwrap();
        run(Command::new("mariadb-install-db")
            .env("TMPDIR", server.folder.join("tmp"))
            .args(["--no-defaults", "--auth-root-authentication-method=socket", "--skip-test-db"])
            .arg(format!("--tmpdir={}", server.folder.join("tmp").display()))
            .arg(format!("--auth-root-socket-user={}", me()))
            .arg(format!("--user={}", me()))
            .arg(format!("--datadir={}", server.folder.join("data").display())));
        server.up();
        server
    }

    /// Starts it (again), on the same port.
    pub fn up(&self) {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh"]).arg(&self.folder).arg("mariadbd").arg("--no-defaults");
        command.args([
            format!("--user={}", me()),
            format!("--datadir={}", at("data")),
            format!("--tmpdir={}", at("tmp")),
            format!("--socket={}", at("sock")),
        ]);
        command.args([format!("--pid-file={}", at("pid")), format!("--log-error={}", at("log")), format!("--port={}", self.port)]);
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"]);
        command.args(["--innodb-flush-log-at-trx-commit=2", "--max-connections=300", "--skip-log-bin"]);
        if self.tls {
            command.args([
                format!("--ssl-ca={}", at("ca.pem")),
                format!("--ssl-cert={}", at("server.pem")),
                format!("--ssl-key={}", at("server.key")),
            ]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        *self.running.lock().unwrap() = Some((child, stdin));
        until("mariadbd answers", 60, || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && self.client().arg("-e").arg("SELECT 1").output().is_ok_and(|o| o.status.success())
        });
    }

    /// Ends it; `hard` as a crash does. Its data stays.
    pub fn down(&self, hard: bool) {
        if let Some((mut child, mut stdin)) = self.running.lock().unwrap().take() {
            let _ = stdin.write_all(if hard { b"keep kill\n" } else { b"keep\n" });
            drop(stdin);
            let _ = child.wait();
        }
    }

    /// The CA of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A CA that never signed anything here.
    pub fn other_ca(&self) -> PathBuf {
        self.folder.join("other.pem")
    }

    fn client(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "-u", "root", "-N", "-B", "-S"]).arg(self.folder.join("sock"));
        command
    }

    /// Runs SQL as the administrator; the rows, their columns parted by tabs.
    pub fn sql(&self, sql: &str) -> Vec<String> {
        let out = self.client().arg("-e").arg(sql).output().unwrap();
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// A schema and a user of that name, as reeve makes them.
    pub fn tenant(&self, name: &str, password: &str) {
        let require = if self.tls { "REQUIRE SSL" } else { "" };
        self.sql(&format!(
            "CREATE DATABASE `{name}` CHARACTER SET utf8mb4; CREATE USER `{name}`@`%` IDENTIFIED BY '{password}' {require}; \
             GRANT ALL ON `{name}`.* TO `{name}`@`%`"
        ));
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if let Some((mut child, stdin)) = self.running.lock().unwrap().take() {
            drop(stdin);
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A CA, a certificate of it for this machine, and another CA.
fn certificates(folder: &Path) {
    let openssl = |args: &str| run(Command::new("openssl").current_dir(folder).args(args.split_whitespace()));
    for ca in ["ca", "other"] {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem"
        ));
    }
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=db -keyout server.key -out server.csr");
    std::fs::write(folder.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.pem");
    std::fs::set_permissions(folder.join("ca.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
}
