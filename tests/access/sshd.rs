//! A real sshd of the test's own: a process on a free port of the loopback, with keys of its own, which knows where the engine is.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::fleet_ground::until;
use crate::outside::Outside;

/// The server. It ends with this value.
pub struct Sshd {
    pub port: u16,
    folder: PathBuf,
    _child: Child,
}

impl Sshd {
    /// Starts it for whoever `outside` is; its client finds it with a key that is let in, and knows it.
    pub async fn start(outside: &Outside<'_>) -> Self {
        let folder = outside.path("ssh");
        fs::create_dir(&folder).expect("a folder");
        for key in ["host", "user", "stranger"] {
            let path = folder.join(key).display().to_string();
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path]).status().await.expect("ssh-keygen");
            assert!(made.success());
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized_keys")).expect("a key");
        let port = free_port();
        let at = |name: &str| folder.join(name).display().to_string();
        // Debian's own client of Docker, and the sandbox's engine as if it were the host's.
        let engine = outside.fleet.engine().docker.display();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPidFile none\nSetEnv DOCKER_HOST=unix://{engine} PATH=/usr/bin:/bin\n",
            at("host"),
            at("authorized_keys"),
        );
        fs::write(folder.join("sshd_config"), settings).expect("a file");
        fs::create_dir_all("/run/sshd").expect("what sshd wants to be there");
        let log = fs::File::create(folder.join("log")).expect("a file");
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f", &at("sshd_config")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = sshd.spawn().expect("Debian's openssh-server (make setup)");
        let server = Self { port, folder: folder.clone(), _child: child };
        until("sshd listens", 10, async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        server.trusts("host");
        server.offers("user");
        outside.program("ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", at("config")));
        server
    }

    /// The client takes that key for the server's; none: it knows none.
    pub fn trusts(&self, key: &str) {
        let known = match key {
            "" => String::new(),
            key => format!("[127.0.0.1]:{} {}", self.port, fs::read_to_string(self.folder.join(format!("{key}.pub"))).expect("a key")),
        };
        fs::write(self.folder.join("known_hosts"), known).expect("a file");
    }

    /// The client comes with that key.
    pub fn offers(&self, key: &str) {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let settings = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
            at(key),
            at("known_hosts")
        );
        fs::write(self.folder.join("config"), settings).expect("a file");
    }

    /// The way, as the stack names it.
    pub fn way(&self) -> String {
        format!("{{ docker: \"ssh://root@127.0.0.1:{}\" }}", self.port)
    }
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Listens, takes connections and says nothing.
pub async fn mute() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    port
}
