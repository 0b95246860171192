//! The process that makes the network, starts the parts and takes everything away when its standard input ends.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::network::Network;
use super::{Error, files, programs};

/// How it went.
pub(super) enum Outcome {
    /// The network is there and the parts are starting.
    Started(Keeper),
    /// Somebody has these addresses.
    Taken,
}

/// The running keeper. Dropping it returns when all is gone.
#[derive(Debug)]
pub(super) struct Keeper {
    child: Child,
    // It also ends when this process is killed: then the kernel closes this.
    life: Option<ChildStdin>,
}

impl Keeper {
    /// Starts it over a folder that holds every part's settings.
    pub(super) async fn start(network: &Network, engines: u8, servers: u8, folder: &Path) -> Result<Outcome, Error> {
        files::write(&folder.join("inside.sh"), include_str!("inside.sh"))?;
        let program = folder.join("keeper.sh");
        files::write(&program, include_str!("keeper.sh"))?;
        let [a, b, c, first] = network.gateway().octets();
        let mut child = Command::new("/bin/sh")
            .arg(&program)
            .args([network.name(), network.link(), format!("{a}.{b}.{c}"), first.to_string(), engines.to_string(), servers.to_string()])
            .arg(folder)
            // Nothing of who starts it is handed on: no keys, no proxies.
            .env_clear()
            .env("PATH", programs::PATH)
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal is for who owns the parts.
            .process_group(0)
            .spawn()
            .map_err(|cause| Error::Write { path: "/bin/sh".into(), cause })?;
        let (life, output) = (child.stdin.take(), child.stdout.take());
        let keeper = Self { child, life };
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            output.map(|output| BufReader::new(output).read_line(&mut line));
            line
        });
        match line.await.unwrap_or_default().trim() {
            "ready" => Ok(Outcome::Started(keeper)),
            "taken" => Ok(Outcome::Taken),
            why => Err(Error::Network { why: if why.is_empty() { "it said nothing".to_owned() } else { why.to_owned() } }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = self.child.wait();
    }
}
