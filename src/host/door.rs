//! The engine's door for Session Manager: a port of the host's loopback that leads to the engine's socket.
//!
//! Session Manager's agent forwards to ports only, and runs as root; so does whoever comes through it, and is the engine's owner anyway. Everybody else on the
//! host is kept away by a rule of the firewall (`model/firewall.rs`), without which the port is not opened, and is closed when
//! the host is next looked at. systemd listens and starts what forwards when
//! somebody comes ([systemd-socket-proxyd](https://www.freedesktop.org/software/systemd/man/latest/systemd-socket-proxyd.html)); the engine itself keeps to its socket.

use super::units::{self, Unit};
use super::{Host, HostConfig, Result};
use crate::model::host::ENGINE_PORT;

/// Who listens. Not among the sockets of an early start: those come before the firewall.
const SOCKET: &str = "reeve-engine.socket";
/// Who forwards. It is started by the socket and never by itself.
const SERVICE: &str = "reeve-engine.service";

/// The socket's text.
fn socket() -> String {
    format!(
        "[Unit]\nDescription=The Docker engine for Session Manager, for root alone\nDefaultDependencies=no\nRequires=reeve-firewall.service\n\
         After=reeve-firewall.service\nBefore=shutdown.target\nConflicts=shutdown.target\n\
         [Socket]\nListenStream=127.0.0.1:{ENGINE_PORT}\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

/// The service's text. It may do nothing but pass bytes between the two sockets.
fn service(config: &HostConfig) -> String {
    let engine = config.docker.strip_prefix("unix://").unwrap_or(&config.docker);
    format!(
        "[Unit]\nDescription=The Docker engine for Session Manager\nRequires={SOCKET}\nAfter={SOCKET}\n\
         [Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd --exit-idle-time=10min {engine}\n\
         NoNewPrivileges=yes\nCapabilityBoundingSet=\nPrivateNetwork=yes\nPrivateTmp=yes\nPrivateDevices=yes\nProtectHome=yes\nProtectSystem=strict\n\
         RestrictAddressFamilies=AF_UNIX AF_INET\nSystemCallFilter=@system-service\n"
    )
}

/// What is off.
///
/// # Errors
/// A unit's file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = units::check_file(host, Unit { name: SERVICE, text: &service(&host.config) }).await?;
    off.extend(units::check(host, Unit { name: SOCKET, text: &socket() }).await?);
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// A file cannot be written, or systemctl refused.
pub async fn make(host: &Host) -> Result<()> {
    units::make_file(host, Unit { name: SERVICE, text: &service(&host.config) }).await?;
    units::make(host, Unit { name: SOCKET, text: &socket() }).await
}

/// Closes it: what keeps all but root away from it is not there.
///
/// # Errors
/// systemctl refused.
pub async fn shut(host: &Host) -> Result<()> {
    for unit in [SOCKET, SERVICE] {
        units::stop(host, unit).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::config::tests::whole;

    #[test]
    fn the_door_is_on_the_loopback_and_opens_after_the_firewall() {
        let socket = socket();
        assert_eq!(socket.lines().filter(|line| line.starts_with("Listen")).collect::<Vec<_>>(), ["ListenStream=127.0.0.1:2375"]);
        for line in ["Requires=reeve-firewall.service", "After=reeve-firewall.service", "DefaultDependencies=no"] {
            assert!(socket.lines().any(|one| one == line), "{line}: {socket}");
        }
        let service = service(&whole());
        assert!(service.contains("systemd-socket-proxyd --exit-idle-time=10min /run/docker.sock\n"), "{service}");
        assert!(!service.contains("[Install]"), "only the socket starts it");
    }
}
