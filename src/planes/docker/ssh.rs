//! `ssh://[user@]host[:port]`: the engine of a host that the program `ssh` reaches, through Docker's own client there (`docker system dial-stdio`).
//!
//! The program and not a library of our own: a person's settings (jump hosts, keys in an agent or in hardware, names of hosts) hold as they do at the prompt.
//! Nothing is ever asked, and an unknown key of the host is never accepted. The page: <https://man.openbsd.org/ssh_config>.

use std::sync::Arc;

use tokio::process::Command;

use super::dial::{Program, Start};
use crate::model::access::Login;
use crate::model::runbook::{DOCKER_DOWN, UNREACHABLE};

/// What holds whatever the person's own settings say.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    // One that is there already is used; none is left behind.
    "ControlMaster=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
];

/// Starts `ssh`, anew for each connection.
pub(super) fn start(login: Login) -> Start {
    Arc::new(move || {
        let login = login.clone();
        Box::pin(async move { Ok(Program { command: command(&login), session: None }) })
    })
}

fn command(login: &Login) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-T");
    command.args(OPTIONS.iter().flat_map(|option| ["-o", option]));
    if let Some(user) = &login.user {
        command.args(["-l", user]);
    }
    if let Some(port) = &login.port {
        command.args(["-p", port]);
    }
    command.args(["--", &login.host, "docker system dial-stdio"]);
    command.env("LC_ALL", "C");
    command
}

/// What to do about what `ssh`, or Docker's client behind it, said.
pub(super) fn advice(said: &str) -> String {
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    let (what, book) = match () {
        () if says(&["Host key verification failed", "host key is known", "HOST IDENTIFICATION HAS CHANGED"]) => {
            ("compare the host's key with the one that the host itself shows, and put it into known_hosts", UNREACHABLE)
        }
        () if says(&["permission denied while trying"]) || said.contains("dial unix") && said.contains("permission denied") => {
            ("the user there may not use Docker: put it into the group `docker`", UNREACHABLE)
        }
        () if says(&["Cannot connect to the Docker daemon", "raw stream connection", "connect to the docker API"]) => {
            ("there the engine does not run", DOCKER_DOWN)
        }
        () if says(&["Permission denied", "Too many authentication failures"]) => {
            ("no key of this machine is let in: `ssh-add` it, or name it in ~/.ssh/config; a password is never asked for", UNREACHABLE)
        }
        () if says(&["command not found", "docker: not found"]) => ("Docker's client is not installed there", UNREACHABLE),
        () if says(&["Could not resolve", "Connection refused", "timed out", "No route to host", "unreachable"]) => {
            ("is the address right, and does sshd answer there?", UNREACHABLE)
        }
        () if says(&["cannot be started"]) => ("install OpenSSH's client", UNREACHABLE),
        () => ("see what `ssh -o BatchMode=yes HOST docker version` says", UNREACHABLE),
    };
    format!("{what}: see {book}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_and_nothing_is_taken_for_an_option() {
        let login = Login { user: Some("ops".into()), host: "-oProxyCommand=x".into(), port: Some("2222".into()) };
        let command = command(&login);
        let words: Vec<String> = command.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert!(words.contains(&"BatchMode=yes".to_owned()) && words.contains(&"StrictHostKeyChecking=yes".to_owned()), "{words:?}");
        assert_eq!(words[words.len() - 7..], ["-l", "ops", "-p", "2222", "--", "-oProxyCommand=x", "docker system dial-stdio"]);
    }

    #[test]
    fn each_refusal_has_its_advice() {
        for (said, what) in [
            ("Host key verification failed.", "known_hosts"),
            ("ops@h: Permission denied (publickey).", "ssh-add"),
            ("ssh: connect to host h port 22: Connection refused", "sshd"),
            ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "docker-down"),
            ("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock", "group `docker`"),
            ("failed to open the raw stream connection: dial unix /run/docker.sock: connect: connection refused", "docker-down"),
            ("failed to open the raw stream connection: dial unix /run/docker.sock: connect: permission denied", "group `docker`"),
            ("sh: 1: docker: not found", "not installed"),
            ("kex_exchange_identification: Connection closed by remote host", "BatchMode"),
        ] {
            assert!(advice(said).contains(what), "{said}: {}", advice(said));
        }
    }
}
