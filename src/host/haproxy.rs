//! HAProxy as a unit of the host. Its configuration, certificate and sockets are the business of the plane that writes them; until there is a
//! configuration nothing runs, and the load balancer sends nobody here.
//!
//! It runs as a container on the host's network, pinned by its digest, or from the distribution's package. Whoever wants it checked or started calls one
//! program for both ([`PROGRAM`]): a check is a call of its own, a start is systemd's, so that it outlives the one who asked.

use super::machine::differs;
use super::units::{self, Unit};
use super::{Error, Host, HostConfig, Result};

/// Where its configuration is.
pub const FOLDER: &str = "/etc/reeve/haproxy";

/// How the programs on a host call it.
pub const PROGRAM: &str = "/usr/local/sbin/reeve-haproxy";

const CONFIG: &str = "/etc/reeve/haproxy/haproxy.cfg";

const NAME: &str = "reeve-haproxy.service";

/// The unit's text.
#[must_use]
pub fn unit(config: &HostConfig) -> String {
    let arguments = format!("-S {FOLDER}/master.sock,mode,600 -p {FOLDER}/haproxy.pid -f {CONFIG}");
    // A unit of a container is wanted by Docker: it starts whenever Docker does, and never makes it start before the tenants' files are there.
    let (how, wanted) = match &config.haproxy.image {
        Some(image) => (
            format!(
                "BindsTo=docker.service\nAfter=docker.service\n\
                 [Service]\nExecStartPre=-/usr/bin/docker rm --force reeve-haproxy\n\
                 ExecStart=/usr/bin/docker run --rm --name reeve-haproxy --network host --user 0:0 --read-only \
                 --cap-drop ALL --cap-add NET_BIND_SERVICE --cap-add SETUID --cap-add SETGID --cap-add KILL --security-opt no-new-privileges \
                 --pids-limit 200 --memory 1g --volume {FOLDER}:{FOLDER} {image} haproxy -W {arguments}\n\
                 ExecStop=/usr/bin/docker stop reeve-haproxy\n"
            ),
            "docker.service",
        ),
        None => (format!("[Service]\nType=notify\nExecStart=/usr/sbin/haproxy -Ws {arguments}\nKillMode=mixed\n"), "multi-user.target"),
    };
    format!(
        "[Unit]\nDescription=Routes tenants' subdomains to their containers\nAfter=network-online.target\nWants=network-online.target\n\
         ConditionPathExists={CONFIG}\n{how}Restart=always\nRestartSec=2\n[Install]\nWantedBy={wanted}\n"
    )
}

/// The text of the program that checks and starts it.
#[must_use]
pub fn program(config: &HostConfig) -> String {
    let own = match &config.haproxy.image {
        Some(image) => format!("docker run --rm --network none --user 0:0 --volume {FOLDER}:{FOLDER}:ro {image} haproxy"),
        None => "haproxy".into(),
    };
    format!(
        "#!/bin/sh\n# How reeve calls HAProxy on this host: a check is a call of its own; a start is systemd's.\n\
         case \"$1\" in -c) exec {own} \"$@\" ;; esac\n\
         systemctl start {NAME} || exit 1\n\
         while systemctl is-active --quiet {NAME}; do sleep 5; done\nexit 1\n"
    )
}

/// What is off.
///
/// # Errors
/// A file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off: Vec<String> = differs(&host.machine, PROGRAM, &program(&host.config)).await?.into_iter().collect();
    if !host.machine.has(FOLDER).await {
        off.push(format!("{FOLDER} is not there"));
    }
    if host.config.haproxy.image.is_none() && host.distro().await?.haproxy.is_none() {
        off.push("there is neither an image for HAProxy in the settings nor a package of the distribution".into());
    }
    let text = unit(&host.config);
    let unit = Unit { name: NAME, text: &text };
    off.extend(if host.machine.has(CONFIG).await { units::check(host, unit).await? } else { units::check_text(host, unit).await? });
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// A file cannot be written, or HAProxy does not start.
pub async fn make(host: &Host) -> Result<()> {
    let machine = &host.machine;
    if host.config.haproxy.image.is_none() {
        let distro = host.distro().await?;
        let Some(package) = distro.haproxy else {
            return Err(Error::Unfit(format!("{} has no package of HAProxy: name an image by its digest in the settings", distro.name)));
        };
        if machine.is_live() {
            super::services::install(host, &[package]).await?;
            // The package's own unit would take the port.
            units::off(host, "haproxy.service").await?;
        }
    }
    machine.folder(FOLDER).await?;
    machine.write(PROGRAM, program(&host.config), 0o755).await?;
    // A unit whose configuration is not there yet is started all the same: systemd leaves it be.
    units::make(host, Unit { name: NAME, text: &unit(&host.config) }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::config::tests::whole;

    #[test]
    fn an_image_runs_by_its_digest_with_nearly_no_rights() {
        let mut config = whole();
        config.haproxy.image = Some("docker.io/library/haproxy@sha256:abc".into());
        let text = unit(&config);
        for part in ["haproxy@sha256:abc haproxy -W", "--cap-drop ALL --cap-add NET_BIND_SERVICE", "--read-only", "WantedBy=docker.service"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(program(&config).contains("-c) exec docker run --rm --network none"));
        assert!(unit(&whole()).contains("/usr/sbin/haproxy -Ws"));
    }
}
