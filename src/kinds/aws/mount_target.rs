//! An EFS mount target: the address at which a subnet reaches a file system.
//!
//! API: <https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html>.
//! It bears no tags: every mount target of a file system of ours is ours. A file system has at most one in a zone, so that a
//! replacement cannot stand beside the old one. Does not choose its address.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_system::FileSystem;
use super::security_group::SecurityGroup;
use super::subnet::Subnet;
use super::support::efs::{file_systems, is_going};
use super::support::{ec2_filter, side_by_side};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_efs::types as efs;

/// A file system's address in a subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountTarget {
    /// The file system.
    #[schemars(extend("x-replace" = true, "x-need" = "ready"))]
    pub file_system: Ref<FileSystem>,
    /// The subnet.
    #[schemars(extend("x-replace" = true))]
    pub subnet: Ref<Subnet>,
    /// Who may reach it; at most five.
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
}

impl Named for MountTarget {
    const NAME: &'static str = "aws.mount_target";
}

impl Kind for MountTarget {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html";
    const TAGS: Tags = Tags::None;
    const ATTRIBUTES: &'static [&'static str] = &["ip_address"];
    const KEY: &'static [&'static str] = &["file_system", "subnet"];
    const DROP_FIRST: bool = true;
    /// Its network interface stands in the way of subnet and group, it itself in that of the file system.
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        match self.security_groups.len() {
            1..=5 => Vec::new(),
            _ => vec![("security_groups".into(), "EFS takes one to five".into())],
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = file_systems(cx).await?;
        let of_each = ours.iter().map(|(one, _)| async move {
            let items = cx.efs.describe_mount_targets().file_system_id(one.file_system_id()).into_paginator().items().send();
            Ok::<Vec<efs::MountTargetDescription>, Error>(items.collect::<std::result::Result<_, _>>().await?)
        });
        let all: Vec<efs::MountTargetDescription> = side_by_side(of_each).await?.into_iter().flatten().collect();
        let standing: Vec<_> = all.iter().filter(|target| !is_going(target.life_cycle_state())).collect();
        let groups = &groups_by_interface(cx, &standing).await?;
        let read = standing.into_iter().map(|target| async move {
            let id = target.mount_target_id();
            let shape = Self {
                file_system: Ref::to(target.file_system_id()),
                subnet: Ref::to(target.subnet_id()),
                security_groups: match target.network_interface_id().and_then(|interface| groups.get(interface)) {
                    Some(groups) => groups.iter().map(Ref::to).collect(),
                    // Its interface cannot be seen yet.
                    None => {
                        let out = cx.efs.describe_mount_target_security_groups().mount_target_id(id).send().await?;
                        out.security_groups().iter().map(Ref::to).collect()
                    }
                },
            };
            Ok::<_, Error>(Live { id: id.to_owned(), attributes: known(target), shape, marks: Marks::default(), made_at: String::new() })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let call = cx.efs.create_mount_target().file_system_id(want.file_system.id()).subnet_id(want.subnet.id());
        let made = match call.set_security_groups(Some(ids(want))).send().await.map_err(Error::from) {
            Err(error) if error.code == "MountTargetConflict" => return Err(conflict(cx, want, error).await?),
            made => made?,
        };
        let address = made.ip_address().map(|address| ("ip_address", address.to_owned()));
        Ok(Made { attributes: address.into_iter().collect(), id: made.mount_target_id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let call = cx.efs.modify_mount_target_security_groups().mount_target_id(&change.id);
        call.set_security_groups(Some(ids(&change.want))).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.efs.delete_mount_target().mount_target_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.efs.describe_mount_targets().mount_target_id(id).send().await?;
        let target = out.mount_targets().first().ok_or_else(|| Error::not_found("efs.DescribeMountTargets", id))?;
        Ok(match target.life_cycle_state() {
            efs::LifeCycleState::Available | efs::LifeCycleState::Updating => Ready::Yes(known(target)),
            efs::LifeCycleState::Error => Ready::Failed("EFS says `error`: delete it, it will be made again".into()),
            efs::LifeCycleState::Deleted => return Err(Error::not_found("efs.DescribeMountTargets", id)),
            state => Ready::NotYet(state.to_string()),
        })
    }

    async fn mark(_: &Aws, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

/// A conflict is with one in this subnet, which is there already; or with others in its zone or in another network: a file system has them
/// in one network, and those that nobody wishes are on their way out.
async fn conflict(cx: &Aws, want: &MountTarget, mut error: Error) -> Result<Error> {
    let items = cx.efs.describe_mount_targets().file_system_id(want.file_system.id()).into_paginator().items().send();
    let standing: Vec<efs::MountTargetDescription> = items.collect::<std::result::Result<_, _>>().await?;
    let same = standing.iter().any(|target| target.subnet_id() == want.subnet.id() && !is_going(target.life_cycle_state()));
    error.class = if same { Class::AlreadyExists } else { Class::InUse };
    Ok(error)
}

/// The security groups of mount targets by their network interfaces: one call for all, where EFS itself wants one for each.
async fn groups_by_interface(cx: &Aws, targets: &[&efs::MountTargetDescription]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut groups = BTreeMap::new();
    let interfaces: Vec<&str> = targets.iter().filter_map(|target| target.network_interface_id()).collect();
    // EC2 takes this many values in a filter.
    for some in interfaces.chunks(200) {
        let call = cx.ec2.describe_network_interfaces().filters(ec2_filter("network-interface-id", some.iter().copied()));
        let found: Vec<_> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        groups.extend(found.into_iter().filter_map(|interface| {
            let ids = interface.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
            Some((interface.network_interface_id?, ids))
        }));
    }
    Ok(groups)
}

fn ids(want: &MountTarget) -> Vec<String> {
    want.security_groups.iter().map(|group| group.id().to_owned()).collect()
}

fn known(target: &efs::MountTargetDescription) -> Attributes {
    attributes([("ip_address", target.ip_address().unwrap_or_default())])
}
