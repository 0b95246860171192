//! Docker's settings (`/etc/docker/daemon.json`), and Docker running with them.
//!
//! What reeve knows nothing of in the file stays: an image for hosts may have settings of its own.
//! The page: <https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file>.

use serde_json::{Map, Value, json};

use super::{Error, Host, HostConfig, Result};
use crate::model::engine;

const FILE: &str = "/etc/docker/daemon.json";

/// Gives each start of Docker ports that the last ones did not have (`ports.sh` says why): no tenant's old address is another's new one.
pub const PORTS: (&str, &str) = ("/usr/local/sbin/reeve-docker-ports", include_str!("ports.sh"));

/// Docker's bridge driver remembers the node's own part of the swarm's network over a restart, the rest of the engine does not: every task is then rejected (`network ... exists`), for
/// ever. So it forgets its networks before it starts (they are made anew: its own by itself, the swarm's with the first task), and the one that says how is made again right after.
/// Seen with Engine 20.10: a network of swarm scope that has its settings from another one.
const DROP_IN: (&str, &str) = (
    "/etc/systemd/system/docker.service.d/20-reeve-networks.conf",
    "[Service]\nExecStartPre=/bin/rm -f /var/lib/docker/network/files/local-kv.db\n\
     ExecStartPre=/usr/local/sbin/reeve-docker-ports next /var/lib/reeve/docker-ports\n\
     ExecStartPost=-/usr/local/sbin/reeve-docker-ports back\n\
     ExecStartPost=-/usr/local/bin/reeve host setup --only network\n",
);

/// What reeve wants in the file.
#[must_use]
pub fn settings(config: &HostConfig) -> Map<String, Value> {
    let mut all = engine::guarded();
    all.insert("live-restore".into(), json!(false)); // a swarm's manager refuses to start with it
    match &config.logs {
        // Never blocking: a tenant does not wait for CloudWatch.
        Some(group) => {
            all.insert("log-driver".into(), json!("awslogs"));
            let options = json!({
                "awslogs-region": config.region, "awslogs-group": group, "tag": "{{.Name}}", "mode": "non-blocking", "max-buffer-size": "4m",
            });
            all.insert("log-opts".into(), options);
        }
        None => all.extend(engine::local_logs()),
    }
    if !config.dns.is_empty() {
        all.insert("dns".into(), json!(config.dns));
    }
    all
}

/// `have` with ours in it.
#[must_use]
pub fn merged(have: &Map<String, Value>, ours: &Map<String, Value>) -> Map<String, Value> {
    let mut all = have.clone();
    all.extend(ours.iter().map(|(key, value)| (key.clone(), value.clone())));
    all
}

/// What `have` lacks of ours.
#[must_use]
pub fn lacks(have: &Map<String, Value>, ours: &Map<String, Value>) -> Vec<String> {
    let differs = ours.iter().filter(|(key, value)| have.get(*key) != Some(value));
    differs.map(|(key, value)| format!("{FILE}: `{key}` is not {value}")).collect()
}

async fn read(host: &Host) -> Result<Map<String, Value>> {
    let Some(text) = host.machine.read(FILE).await?.filter(|text| !text.trim().is_empty()) else { return Ok(Map::new()) };
    serde_json::from_str(&text).map_err(|error| Error::Settings { path: host.machine.path(FILE), said: error.to_string() })
}

/// What is off.
///
/// # Errors
/// The file cannot be read or is no JSON.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = lacks(&read(host).await?, &settings(&host.config));
    for (path, text) in [PORTS, DROP_IN] {
        off.extend(super::machine::differs(&host.machine, path, text).await?);
    }
    if let Err(error) = host.docker().await {
        off.push(error.to_string());
    }
    Ok(off)
}

/// Makes it so. Docker starts, or starts anew with the new settings.
///
/// # Errors
/// The file cannot be written, or Docker does not start.
pub async fn make(host: &Host) -> Result<()> {
    let (have, ours) = (read(host).await?, settings(&host.config));
    let lacking = !lacks(&have, &ours).is_empty();
    if lacking {
        let text = format!("{:#}\n", Value::Object(merged(&have, &ours)));
        host.machine.write(FILE, text, 0o644).await?;
    }
    host.machine.write(PORTS.0, PORTS.1, 0o755).await?;
    if super::machine::differs(&host.machine, DROP_IN.0, DROP_IN.1).await?.is_some() {
        host.machine.write(DROP_IN.0, DROP_IN.1, 0o644).await?;
        host.machine.run("systemctl", &["daemon-reload"]).await?;
    }
    // Not enabled by itself: at a start of the machine, setup starts Docker once the tenants' files are there.
    host.machine.run("systemctl", &["disable", "--quiet", "docker.service", "docker.socket"]).await?;
    host.machine.run("systemctl", &[if lacking { "restart" } else { "start" }, "docker.service"]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::config::tests::whole;

    #[test]
    fn what_others_set_stays() {
        let have = json!({ "data-root": "/data", "live-restore": true });
        let (have, ours) = (have.as_object().unwrap().clone(), settings(&whole()));
        let all = merged(&have, &ours);
        assert_eq!((&all["data-root"], &all["live-restore"]), (&json!("/data"), &json!(false)));
        assert_eq!(all["log-opts"]["awslogs-group"], "/reeve/hostedehr/fleet");
        assert_eq!(all["dns"], json!(["169.254.169.253"]));
        assert_eq!(lacks(&all, &ours), Vec::<String>::new());
        assert!(lacks(&have, &ours).contains(&"/etc/docker/daemon.json: `live-restore` is not false".to_owned()));
    }

    #[test]
    fn logs_that_stay_on_the_host_have_limits() {
        let config = HostConfig { logs: None, ..whole() };
        assert_eq!(settings(&config)["log-opts"], json!({ "max-size": "10m", "max-file": "3" }));
    }
}
