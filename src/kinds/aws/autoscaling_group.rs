//! An Auto Scaling group: so many hosts from a launch template, spread over zones, replaced when they fail.
//!
//! API: <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html>.
//! The wanted size belongs to whoever scales the group unless `desired_capacity` is set. Does not touch scaling policies, lifecycle hooks,
//! scheduled actions and warm pools.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::launch_template::LaunchTemplate;
use super::mount_target::MountTarget;
use super::network_acl::NetworkAcl;
use super::route_table::RouteTable;
use super::subnet::Subnet;
use super::target_group::TargetGroup;
use super::vpc_endpoint::VpcEndpoint;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Ref, Text};
use crate::model::marks::key;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_autoscaling::types as sdk;

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoscalingGroup {
    /// What its hosts are made of.
    pub launch_template: Ref<LaunchTemplate>,
    /// The template's version: a number, `$Latest` or `$Default`. Default: `$Default`, the one last applied.
    #[serde(default = "default_version")]
    pub launch_template_version: Text,
    /// The subnets of its hosts, one in each zone.
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// The fewest hosts.
    pub min_size: i32,
    /// The most hosts.
    pub max_size: i32,
    /// How many hosts now. Default: not said here; the group begins with `min_size` and its scaling decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_capacity: Option<i32>,
    /// Target groups that its hosts join. Default: none.
    #[serde(default)]
    pub target_groups: BTreeSet<Ref<TargetGroup>>,
    /// Whose word says that a host is sick: EC2's, or also the load balancer's. Default: EC2.
    #[serde(default)]
    pub health_check_type: HealthCheck,
    /// How long a new host may be sick, in seconds. Default: 300.
    #[serde(default = "five_minutes")]
    pub health_check_grace_period: i32,
    /// A host is replaced when it gets this old, in seconds, at least 86400. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instance_lifetime: Option<i32>,
    /// When the template's reference or version changes, hosts are replaced at once while at least this percentage of them serves.
    /// Default: they are not; the change holds for new hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_min_healthy_percentage: Option<i32>,
    /// What has to be ready before the group is made, because its hosts use it as soon as they start. It only orders, and is not compared.
    /// Default: nothing.
    #[serde(default)]
    #[schemars(extend("x-need" = "ready", "x-order" = true))]
    pub waits_for: Surroundings,
}

/// What hosts find around them when they start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// The ways out of their subnets. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub route_tables: BTreeSet<Ref<RouteTable>>,
    /// What is let into and out of their subnets. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub network_acls: BTreeSet<Ref<NetworkAcl>>,
    /// The AWS services that they reach inside the network. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vpc_endpoints: BTreeSet<Ref<VpcEndpoint>>,
    /// Where they mount file systems. Default: none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mount_targets: BTreeSet<Ref<MountTarget>>,
}

/// Whose word counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthCheck {
    /// The status checks of EC2.
    #[default]
    Ec2,
    /// Also the load balancer's.
    Elb,
}

impl HealthCheck {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "EC2",
            Self::Elb => "ELB",
        }
    }
}

fn default_version() -> Text {
    "$Default".into()
}
fn five_minutes() -> i32 {
    300
}

impl Named for AutoscalingGroup {
    const NAME: &'static str = "aws.autoscaling_group";
}

impl Kind for AutoscalingGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html";
    const TAGS: Tags = Tags::Autoscaling;
    const NAME_LIMIT: usize = 255;
    const ATTRIBUTES: &'static [&'static str] = &["name"];
    /// Its hosts hold groups, subnets and addresses until they are terminated.
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.min_size < 0 || self.max_size < self.min_size {
            wrong.push(("max_size".into(), "is at least min_size, and both at least 0".into()));
        }
        if self.desired_capacity.is_some_and(|size| !(self.min_size..=self.max_size).contains(&size)) {
            wrong.push(("desired_capacity".into(), "is min_size to max_size".into()));
        }
        if self.subnets.is_empty() {
            wrong.push(("subnets".into(), "has at least one".into()));
        }
        if self.max_instance_lifetime.is_some_and(|seconds| seconds < 86_400) {
            wrong.push(("max_instance_lifetime".into(), "is at least 86400 seconds".into()));
        }
        if self.refresh_min_healthy_percentage.is_some_and(|percentage| !(0..=100).contains(&percentage)) {
            wrong.push(("refresh_min_healthy_percentage".into(), "is 0 to 100".into()));
        }
        wrong
    }

    fn restate(have: &mut Self, want: &Self) {
        if want.desired_capacity.is_none() {
            have.desired_capacity = None;
        }
        // How to change is no state of the group.
        have.refresh_min_healthy_percentage = want.refresh_min_healthy_percentage;
    }

    /// Hosts stay in the subnets in which they were started. So a group that moves as a whole (to another VPC) is made anew there.
    fn must_replace(have: &Self, want: &Self, changed: &BTreeSet<String>) -> bool {
        changed.contains("subnets") && have.subnets.is_disjoint(&want.subnets)
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = sdk::Filter::builder().name(format!("tag:{}", key::STACK)).values(&cx.estate.stack).build();
        let call = cx.autoscaling.describe_auto_scaling_groups().filters(ours).max_records(100);
        let groups: Vec<sdk::AutoScalingGroup> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        // A status is only set while the group is being deleted.
        let alive = groups.into_iter().filter(|group| group.status().is_none());
        Ok(alive
            .filter_map(|group| {
                let marks = cx.marks(group.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))))?;
                let id = group.auto_scaling_group_name().unwrap_or_default().to_owned();
                let made_at = group.created_time().and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok());
                Some(Live { attributes: known(&id), shape: read(&group), marks, made_at: made_at.unwrap_or_default(), id })
            })
            .collect())
    }

    async fn namesake(_: &Aws, new: &New<Self>) -> Result<Option<String>> {
        Ok(Self::name_of(new))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let (id, want) = (new.name(Self::NAME_LIMIT), &new.want);
        let made = cx
            .autoscaling
            .create_auto_scaling_group()
            .auto_scaling_group_name(&id)
            .launch_template(want.template())
            .vpc_zone_identifier(want.zones())
            .min_size(want.min_size)
            .max_size(want.max_size)
            .set_desired_capacity(want.desired_capacity)
            .set_target_group_arns(Some(want.target_groups.iter().map(|group| group.id().to_owned()).collect()))
            .health_check_type(want.health_check_type.as_str())
            .health_check_grace_period(want.health_check_grace_period)
            .set_max_instance_lifetime(want.max_instance_lifetime)
            .set_tags(Some(tags(&id, &new.marks)))
            .send()
            .await
            .map_err(Error::from);
        match made {
            // A name that a group holds which is being deleted is free in a while: that is waited for.
            Err(error) if error.class == Class::AlreadyExists && is_going(cx, &id).await => {
                return Err(Error { class: Class::InUse, ..error });
            }
            made => made?,
        };
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, want) = (&change.id, &change.want);
        let groups = ["target_groups", "refresh_min_healthy_percentage"];
        if change.fields.iter().any(|field| !groups.contains(&&**field)) {
            cx.autoscaling
                .update_auto_scaling_group()
                .auto_scaling_group_name(id)
                .launch_template(want.template())
                .vpc_zone_identifier(want.zones())
                .min_size(want.min_size)
                .max_size(want.max_size)
                .set_desired_capacity(want.desired_capacity)
                .health_check_type(want.health_check_type.as_str())
                .health_check_grace_period(want.health_check_grace_period)
                // 0 takes it away.
                .max_instance_lifetime(want.max_instance_lifetime.unwrap_or(0))
                .send()
                .await?;
        }
        // What it serves by now, not what it did: so it can be repeated.
        let now = if change.touches(&["target_groups"]) { read(&find(cx, id).await?).target_groups } else { want.target_groups.clone() };
        let minus = |a: &BTreeSet<Ref<TargetGroup>>, b| a.difference(b).map(|group| group.id().to_owned()).collect::<Vec<_>>();
        let (join, leave) = (minus(&want.target_groups, &now), minus(&now, &want.target_groups));
        if !join.is_empty() {
            let call = cx.autoscaling.attach_load_balancer_target_groups().auto_scaling_group_name(id);
            call.set_target_group_arns(Some(join)).send().await?;
        }
        if !leave.is_empty() {
            let call = cx.autoscaling.detach_load_balancer_target_groups().auto_scaling_group_name(id);
            call.set_target_group_arns(Some(leave)).send().await?;
        }
        if let Some(percentage) = want.refresh_min_healthy_percentage
            && change.touches(&["launch_template", "launch_template_version"])
        {
            let preferences = sdk::RefreshPreferences::builder().min_healthy_percentage(percentage).skip_matching(true).build();
            let call = cx.autoscaling.start_instance_refresh().auto_scaling_group_name(id).preferences(preferences);
            match call.send().await.map_err(Error::from) {
                // One that runs takes the template of now for every host that it has not replaced yet.
                Err(error) if error.code == "InstanceRefreshInProgress" => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let call = cx.autoscaling.delete_auto_scaling_group().auto_scaling_group_name(&gone.id).force_delete(true);
        // A group that is not there is a validation error, which says so only in words.
        if find(cx, &gone.id).await.absent_ok()?.is_some_and(|group| group.status().is_none()) {
            call.send().await?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let group = find(cx, id).await?;
        let serving = group.instances().iter().filter(|one| one.lifecycle_state() == Some(&sdk::LifecycleState::InService)).count();
        let wanted = usize::try_from(group.desired_capacity().unwrap_or_default()).unwrap_or_default();
        if serving < wanted {
            return Ok(Ready::NotYet(format!("{serving} of {wanted} hosts in service")));
        }
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        cx.autoscaling.create_or_update_tags().set_tags(Some(tags(id, marks))).send().await?;
        Ok(())
    }
}

impl AutoscalingGroup {
    fn template(&self) -> sdk::LaunchTemplateSpecification {
        let template = sdk::LaunchTemplateSpecification::builder().launch_template_id(self.launch_template.id());
        template.version(self.launch_template_version.as_str()).build()
    }

    fn zones(&self) -> String {
        self.subnets.iter().map(Ref::id).collect::<Vec<_>>().join(",")
    }
}

fn read(group: &sdk::AutoScalingGroup) -> AutoscalingGroup {
    let template = group.launch_template();
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim).filter(|subnet| !subnet.is_empty());
    AutoscalingGroup {
        launch_template: Ref::to(template.and_then(|t| t.launch_template_id()).unwrap_or_default()),
        launch_template_version: template.and_then(|t| t.version()).unwrap_or("$Default").into(),
        subnets: subnets.map(Ref::to).collect(),
        min_size: group.min_size().unwrap_or_default(),
        max_size: group.max_size().unwrap_or_default(),
        desired_capacity: group.desired_capacity(),
        target_groups: group.target_group_arns().iter().map(Ref::to).collect(),
        health_check_type: if group.health_check_type().is_some_and(|kind| kind.contains("ELB")) {
            HealthCheck::Elb
        } else {
            HealthCheck::Ec2
        },
        health_check_grace_period: group.health_check_grace_period().unwrap_or_default(),
        max_instance_lifetime: group.max_instance_lifetime().filter(|seconds| *seconds > 0),
        refresh_min_healthy_percentage: None,
        waits_for: Surroundings::default(),
    }
}

async fn find(cx: &Aws, id: &str) -> Result<sdk::AutoScalingGroup> {
    let out = cx.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(id).send().await?;
    out.auto_scaling_groups.unwrap_or_default().pop().ok_or_else(|| Error::not_found("autoscaling.DescribeAutoScalingGroups", id))
}

/// A status is only set while the group is being deleted; it may also have gone since.
async fn is_going(cx: &Aws, id: &str) -> bool {
    find(cx, id).await.absent_ok().is_ok_and(|group| group.is_none_or(|group| group.status().is_some()))
}

/// Only `reeve:stack` passes on to hosts: with an address they would pass for resources.
fn tags(id: &str, marks: &Marks) -> Vec<sdk::Tag> {
    let tag = |key: &str, value: String| {
        let tag = sdk::Tag::builder().resource_id(id).resource_type("auto-scaling-group").key(key).value(value);
        tag.propagate_at_launch(key == key::STACK).build()
    };
    marks.to_tags().into_iter().map(|(key, value)| tag(key, value)).collect()
}

fn known(id: &str) -> Attributes {
    attributes([("name", id)])
}
