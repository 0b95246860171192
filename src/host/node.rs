//! Nodes of the swarm, changed by several hosts at once.

use std::time::Duration;

use bollard::Docker;
use bollard::models::NodeSpec;
use bollard::query_parameters::UpdateNodeOptionsBuilder;
use tokio::time::sleep;

use super::Result;
use crate::planes::docker::failed;
use crate::planes::error::{Absent, Error};

/// How often an update that met another's is tried.
const TRIES: u32 = 10;

/// Changes a node's spec; on a conflict with another's change it is read again. Nothing is lost: a node's spec is all that is sent.
///
/// # Errors
/// What the engine answered.
pub async fn change(docker: &Docker, node: &str, change: impl Fn(&mut NodeSpec)) -> Result<()> {
    let mut tries = 0;
    loop {
        let found = docker.inspect_node(node).await.map_err(failed("docker.InspectNode")).absent_ok()?;
        let Some(found) = found else { return Ok(()) };
        let (Some(version), Some(mut spec)) = (found.version.and_then(|version| version.index), found.spec) else {
            return Err(Error::incomplete("docker.InspectNode", "version and spec").into());
        };
        let before = spec.clone();
        change(&mut spec);
        if spec == before {
            return Ok(());
        }
        let options = UpdateNodeOptionsBuilder::default().version(version as i64).build();
        match docker.update_node(node, spec, options).await {
            Ok(()) => return Ok(()),
            Err(_) if tries < TRIES => tries += 1,
            Err(error) => return Err(failed("docker.UpdateNode")(error).into()),
        }
        sleep(Duration::from_millis(300)).await;
    }
}
