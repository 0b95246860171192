//! `ssm://[instance]`: the engine of a manager by Session Manager, at the port of the host's loopback that `reeve host setup` opens for root alone.

use std::sync::Arc;

use super::dial::{Program, Start};
use crate::model::host::ENGINE_PORT;
use crate::model::runbook::DOCKER_DOWN;
use crate::planes::tunnel::Tunnels;

/// Begins a session, anew for each connection.
pub(super) fn start(tunnels: Tunnels) -> Start {
    Arc::new(move || {
        let tunnels = tunnels.clone();
        Box::pin(async move {
            let (command, session) = tunnels.stream(ENGINE_PORT).await?;
            Ok(Program { command, session: Some(session) })
        })
    })
}

/// What to do about a session that leads to no engine, whatever the plugin said.
pub(super) fn advice(_: &str) -> String {
    format!(
        "the host does not give its engine at port {ENGINE_PORT}: `reeve host status` there says what is off, and `reeve host setup` opens it: see {DOCKER_DOWN}"
    )
}
