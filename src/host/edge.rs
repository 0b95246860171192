//! `reeve host run` as a unit: what the host does by itself from then on (`src/cli/host/run.rs`).

use super::units::{self, Unit};
use super::{Host, Result};

/// As root, who alone reaches the sockets of Docker and of HAProxy; with nothing of the machine to write to but what it keeps and HAProxy's folder.
/// It stops within what it gives the lead of the edge back in.
const UNIT: Unit<'static> = Unit {
    name: "reeve-run.service",
    text: "[Unit]\nDescription=Routes tenants, wakes them and puts them to rest\nWants=network-online.target\nAfter=network-online.target docker.service\n\
           StartLimitIntervalSec=0\n\
           [Service]\nExecStart=/usr/local/bin/reeve host run --log json\nRestart=always\nRestartSec=2\nTimeoutStopSec=60\n\
           StateDirectory=reeve\nProtectSystem=strict\nReadWritePaths=/etc/reeve/haproxy\nProtectHome=true\nPrivateTmp=true\nNoNewPrivileges=true\n\
           MemoryHigh=512M\n\
           [Install]\nWantedBy=multi-user.target\n",
};

/// What is off. A host whose stack gives it no orders does nothing by itself.
///
/// # Errors
/// The unit's file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    match host.config.orders {
        Some(_) => units::check(host, UNIT).await,
        None => Ok(Vec::new()),
    }
}

/// Makes it so.
///
/// # Errors
/// The unit's file cannot be written, or systemctl refused.
pub async fn make(host: &Host) -> Result<()> {
    units::make(host, UNIT).await
}
