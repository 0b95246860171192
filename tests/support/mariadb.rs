//! A MariaDB of the tests' own: TLS only, in a folder and on a port of its own, with an administrator who may what RDS lets its own do.
//!
//! It ends, and its folder goes, when the process that started it does, however that ends: a shell waits for the end of its input.
#![allow(dead_code)] // each test binary uses a part of it

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reeve::planes::facts::{Facts, Server};

/// The administrator's password: nothing may ever show it.
pub const ADMIN_PASSWORD: &str = "CanaryAdmin7Gq2x9Wb4Tz";
/// The administrator.
pub const ADMIN: &str = "reeve_root";

/// The rights of an administrator of RDS for MariaDB:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html>.
const RDS_RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, \
    CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, \
    REPLICATION CLIENT, REPLICATION SLAVE";

/// A server that runs.
pub struct Mariadb {
    pub port: u16,
    pub folder: PathBuf,
    keeper: Child,
}

impl Mariadb {
    /// Starts one with the settings that tenants rely on.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, which win over its own.
    pub fn start_with(more: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("reeve-mariadb-").tempdir().expect("a folder").keep();
        certificates(&folder);
        let data = folder.join("data");
        // Temporary tables are named by the process id, which others have too who live in namespaces of their own.
        let tmp = folder.join("tmp");
        fs::create_dir(&tmp).expect("a folder");
        run(Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"])
            .arg(format!("--tmpdir={}", tmp.display()))
            .arg(format!("--datadir={}", data.display())));
        let init = format!(
            "CREATE USER '{ADMIN}'@'%' IDENTIFIED BY '{ADMIN_PASSWORD}' REQUIRE SSL;\n\
             GRANT {RDS_RIGHTS} ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n\
             CREATE DEFINER = root@localhost PROCEDURE mysql.rds_kill(IN thread BIGINT) SQL SECURITY DEFINER KILL CONNECTION thread;\n"
        );
        write(&folder.join("init.sql"), &init);
        write(&folder.join("admin.json"), &format!(r#"{{"user":"{ADMIN}","password":"{ADMIN_PASSWORD}"}}"#));
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let at = |name: &str| folder.join(name).display().to_string();
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            "--user=root".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--tmpdir={}", tmp.display()),
            format!("--socket={}", at("socket")),
            format!("--pid-file={}", at("pid")),
            format!("--init-file={}", at("init.sql")),
            format!("--log-error={}", at("log")),
            format!("--ssl-ca={}", at("ca.pem")),
            format!("--ssl-cert={}", at("server.pem")),
            format!("--ssl-key={}", at("server.key")),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--port={port}"),
            "--require-secure-transport=ON".to_owned(),
            "--local-infile=OFF".to_owned(),
            "--log-bin-trust-function-creators=ON".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            "--collation-server=utf8mb4_unicode_ci".to_owned(),
            "--max-connections=200".to_owned(),
            "--max-allowed-packet=64M".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-log-file-size=16M".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--sync-binlog=0".to_owned(),
            "--performance-schema=OFF".to_owned(),
        ];
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        let script = r#"folder=$1; shift; mariadbd "$@" & pid=$!; read -r _; kill -9 $pid; wait $pid; rm -rf "$folder""#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", script, "sh"]).arg(&folder).args(&arguments);
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
        let server = Self { port, folder, keeper };
        server.wait();
        server
    }

    #[allow(clippy::disallowed_methods)] // a program is waited for, before there is a runtime
    fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if self.root_may("SELECT 1") {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("MariaDB does not start: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// Where a host's facts say it is.
    pub fn server(&self) -> Server {
        Server {
            address: format!("localhost:{}", self.port),
            ca: self.folder.join("ca.pem"),
            admin: format!("file:{}", self.folder.join("admin.json").display()),
        }
    }

    /// A host's facts with nothing but it.
    pub fn facts(&self) -> Facts {
        Facts { mysql: Some(self.server()), ..Facts::default() }
    }

    /// What somebody does by hand, as root over the socket.
    pub fn by_hand(&self, sql: &str) -> String {
        let done = self.root(sql);
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").trim_end().to_owned()
    }

    fn root_may(&self, sql: &str) -> bool {
        self.root(sql).status.success()
    }

    fn root(&self, sql: &str) -> std::process::Output {
        let mut client = Command::new("mariadb");
        client
            .args(["--no-defaults", "--skip-ssl", "-N", "-B", "-u", "root"])
            .arg(format!("--socket={}", self.folder.join("socket").display()));
        // Through a file: it may be longer than what arguments may be.
        let script = tempfile::NamedTempFile::new_in(&self.folder).expect("a file");
        fs::write(script.path(), sql).expect("written");
        client.stdin(fs::File::open(script.path()).expect("a file")).output().expect("the program mariadb")
    }

    /// What a user sees over the network: its output, or its error. The password goes in through a file.
    pub fn as_user(&self, user: &str, password: &str, tls: bool, sql: &str) -> Result<String, String> {
        let options = tempfile::NamedTempFile::new_in(&self.folder).expect("a file");
        fs::write(options.path(), format!("[client]\nuser={user}\npassword={password}\n")).expect("written");
        let mut client = Command::new("mariadb");
        client.arg(format!("--defaults-file={}", options.path().display())).args([
            "-h",
            "localhost",
            "--protocol=tcp",
            "--default-character-set=utf8mb4",
            "-N",
            "-B",
        ]);
        client.arg(format!("--port={}", self.port));
        if tls {
            client.arg(format!("--ssl-ca={}", self.folder.join("ca.pem").display())).arg("--ssl-verify-server-cert");
        } else {
            client.arg("--skip-ssl");
        }
        let done = client.args(["-e", sql]).output().expect("the program mariadb");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

fn certificates(folder: &Path) {
    let at = |name: &str| folder.join(name).display().to_string();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
    let mut ca = Command::new("openssl");
    ca.args(["req", "-x509"]).args(key).args(["-subj", "/CN=reeve tests", "-keyout", &at("ca.key"), "-out", &at("ca.pem")]);
    run(ca.args(["-addext", "keyUsage=critical,keyCertSign"]));
    let mut server = Command::new("openssl");
    server.args(["req", "-x509"]).args(key).args(["-subj", "/CN=localhost", "-keyout", &at("server.key"), "-out", &at("server.pem")]);
    server.args(["-CA", &at("ca.pem"), "-CAkey", &at("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"]);
    run(server.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth"]));
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("0600");
}
