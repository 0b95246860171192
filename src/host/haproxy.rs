//! HAProxy as a unit of the host: its place, its certificate, and a first configuration that answers "not yet". What it serves is the business
//! of the kind that writes its configuration, from then on.
//!
//! The load balancer does not check the certificate: each host makes its own. HAProxy runs as a container on the host's network, pinned by its
//! digest, or from the distribution's package.

use super::units::{self, Unit};
use super::{Error, Host, HostConfig, Result};

/// Where its configuration is.
pub const FOLDER: &str = "/etc/reeve/haproxy";

/// Its key and certificate.
pub const CERTIFICATE: &str = "/etc/reeve/haproxy/host.pem";

const CONFIG: &str = "/etc/reeve/haproxy/haproxy.cfg";

const NAME: &str = "reeve-haproxy.service";

/// How a program on the host calls HAProxy, to have a configuration checked: the image in a container of its own, that reaches nothing.
#[must_use]
pub fn program(config: &HostConfig) -> Vec<String> {
    let Some(image) = &config.haproxy.image else { return vec!["haproxy".into()] };
    let volume = format!("{FOLDER}:{FOLDER}:ro");
    let words = ["docker", "run", "--rm", "--network", "none", "--user", "0:0", "--volume", &volume, image, "haproxy"];
    words.map(str::to_owned).into()
}

/// The unit's text.
#[must_use]
pub fn unit(config: &HostConfig) -> String {
    let master = "/run/reeve/haproxy/master.sock,mode,600";
    let how = match &config.haproxy.image {
        Some(image) => format!(
            "[Unit]\nRequires=docker.service\nAfter=docker.service\n\
             [Service]\nExecStartPre=-/usr/bin/docker rm --force reeve-haproxy\n\
             ExecStart=/usr/bin/docker run --rm --name reeve-haproxy --network host --user 0:0 --read-only \
             --cap-drop ALL --cap-add NET_BIND_SERVICE --security-opt no-new-privileges --pids-limit 200 --memory 1g \
             --volume {FOLDER}:{FOLDER}:ro --volume /run/reeve/haproxy:/run/reeve/haproxy \
             {image} haproxy -W -S {master} -f {CONFIG}\n\
             ExecReload=/usr/bin/docker kill --signal USR2 reeve-haproxy\nExecStop=/usr/bin/docker stop reeve-haproxy\n"
        ),
        None => format!(
            "[Service]\nType=notify\nExecStartPre=/usr/sbin/haproxy -c -q -f {CONFIG}\nExecStart=/usr/sbin/haproxy -Ws -S {master} -f {CONFIG}\n\
             ExecReload=/bin/kill -USR2 $MAINPID\nKillMode=mixed\n"
        ),
    };
    format!(
        "[Unit]\nDescription=Routes tenants' subdomains to their containers\nAfter=network-online.target\nWants=network-online.target\n{how}\
         RuntimeDirectory=reeve/haproxy\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=yes\nRestart=always\nRestartSec=2\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

/// What it says until its configuration is written.
#[must_use]
pub fn first(config: &HostConfig) -> String {
    format!(
        "# Until reeve writes what is to be served. Every answer is 503, so that the load balancer sends nobody here.\n\
         global\n  hard-stop-after 60s\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 75s\n  timeout server 75s\n\
         frontend first\n  bind {} ssl crt {CERTIFICATE}\n  http-request return status 503 hdr Retry-After 10 hdr Cache-Control no-store\n",
        config.haproxy.listen
    )
}

/// What is off.
///
/// # Errors
/// A file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = Vec::new();
    for path in [CERTIFICATE, CONFIG] {
        if !host.machine.has(path).await {
            off.push(format!("{path} is not there"));
        }
    }
    let own = host.distro().await?.haproxy.filter(|_| host.config.haproxy.image.is_none());
    if own.is_none() && host.config.haproxy.image.is_none() {
        off.push("there is neither an image for HAProxy in the settings nor a package of the distribution".into());
    }
    off.extend(units::check(host, Unit { name: NAME, text: &unit(&host.config) }).await?);
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
    if !machine.has(CERTIFICATE).await {
        let new = format!("{CERTIFICATE}.made");
        machine.write(&new, "", 0o600).await?;
        let file = machine.path(&new).to_string_lossy().into_owned();
        let arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"];
        machine.run("openssl", &[&arguments[..], &["-subj", "/CN=reeve-host", "-keyout", &file, "-out", &file]].concat()).await?;
        machine.rename(&new, CERTIFICATE).await?;
    }
    if !machine.has(CONFIG).await {
        machine.write(CONFIG, first(&host.config), 0o600).await?;
    }
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
        for part in ["haproxy@sha256:abc haproxy -W", "--cap-drop ALL --cap-add NET_BIND_SERVICE", "--read-only", "no-new-privileges"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(unit(&whole()).contains("/usr/sbin/haproxy -Ws"));
    }
}
