//! The host's own logs, to CloudWatch. Containers' logs go there by the engine's driver.
//!
//! The agent's settings: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html>.

use serde_json::json;

use super::distro::Distro;
use super::machine::differs;
use super::{Error, Host, Result, services, units};

const FILE: &str = "/etc/reeve/cloudwatch-agent.json";
const CONTROL: &str = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl";
const UNIT: &str = "amazon-cloudwatch-agent.service";

/// The agent's settings.
#[must_use]
pub fn settings(group: &str, distro: &Distro) -> String {
    let files = distro.files.iter().map(|(path, stream)| {
        json!({ "file_path": path, "log_group_name": group, "log_stream_name": format!("{{instance_id}}/{stream}"), "timezone": "UTC" })
    });
    let collect: Vec<_> = files.collect();
    format!("{:#}\n", json!({ "agent": { "run_as_user": "root" }, "logs": { "logs_collected": { "files": { "collect_list": collect } } } }))
}

/// What is off.
///
/// # Errors
/// A file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let Some(group) = &host.config.logs else { return Ok(Vec::new()) };
    let mut off: Vec<String> = differs(&host.machine, FILE, &settings(group, host.distro().await?)).await?.into_iter().collect();
    if !units::is_on(host, UNIT).await {
        off.push(format!("{UNIT} is not enabled or does not run: the host's logs stay on it"));
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// The agent is not there and the distribution does not have it, or it does not take its settings.
pub async fn make(host: &Host) -> Result<()> {
    let Some(group) = &host.config.logs else { return Ok(()) };
    let distro = host.distro().await?;
    if host.machine.is_live() {
        services::install(host, distro.logs).await?;
    }
    if !host.machine.has(CONTROL).await {
        return Err(Error::Unfit(format!(
            "CloudWatch's agent is not there, and {} has no package of it: the image has to bring it",
            distro.name
        )));
    }
    host.machine.write(FILE, settings(group, distro), 0o644).await?;
    let file = format!("file:{}", host.machine.path(FILE).display());
    host.machine.run(CONTROL, &["-a", "fetch-config", "-m", "ec2", "-s", "-c", &file]).await?;
    units::on(host, UNIT).await
}
