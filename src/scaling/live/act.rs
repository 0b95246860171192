//! The steps, as calls. Each can be repeated: what was done already is done once more, or refused.

use bollard::models::NodeSpecAvailabilityEnum as Availability;

use super::{AWAY, Away};
use crate::kinds::docker::node;
use crate::planes::error::{Error, Result};
use crate::planes::{Aws, Docker};
use crate::scaling::policy::Step;
use crate::scaling::world::World;

/// Takes one.
///
/// # Errors
/// What AWS or the engine answered, or the gate.
pub(super) async fn take(aws: &Aws, docker: &Docker, world: &World, step: &Step) -> Result<()> {
    match step {
        Step::Grow { to } => grow(aws, world, *to).await,
        Step::Pause { host } => put(docker, world, host, Availability::PAUSE, Some(Away::Shrink)).await,
        Step::Drain { host, why } => put(docker, world, host, Availability::DRAIN, Some(*why)).await,
        Step::Undrain { host } => put(docker, world, host, Availability::ACTIVE, None).await,
        Step::Shrink { host } => end(aws, host, true).await,
        Step::Replace { host } => end(aws, host, false).await,
    }
}

async fn grow(aws: &Aws, world: &World, to: u32) -> Result<()> {
    let call = "autoscaling.SetDesiredCapacity";
    let group = world.group.as_ref().ok_or_else(|| Error::not_found(call, "the workers' group"))?;
    let to = i32::try_from(to).unwrap_or(i32::MAX);
    aws.autoscaling.set_desired_capacity().auto_scaling_group_name(&group.name).desired_capacity(to).honor_cooldown(false).send().await?;
    Ok(())
}

/// Whether a host takes tasks, and why not.
async fn put(docker: &Docker, world: &World, host: &str, availability: Availability, away: Option<Away>) -> Result<()> {
    let found = world.hosts.iter().find(|one| one.name == host).and_then(|one| one.node.as_deref());
    let id = found.ok_or_else(|| Error::not_found("docker.NodeInspect", &format!("the node of {host}")))?;
    node::change(docker, id, |spec| {
        spec.availability = Some(availability);
        let labels = spec.labels.get_or_insert_default();
        match away {
            Some(away) => drop(labels.insert(AWAY.to_owned(), away.as_str().to_owned())),
            None => drop(labels.remove(AWAY)),
        }
    })
    .await
}

/// Ends that very instance; the group has one less, or launches another.
async fn end(aws: &Aws, host: &str, less: bool) -> Result<()> {
    let call = aws.autoscaling.terminate_instance_in_auto_scaling_group().instance_id(host);
    call.should_decrement_desired_capacity(less).send().await?;
    Ok(())
}
