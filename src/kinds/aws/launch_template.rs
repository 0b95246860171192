//! A launch template: what a host is made of.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>.
//! A change makes a new version and makes it the default; groups that launch `$Default` follow. Instances and volumes made from it bear the
//! tag `reeve:stack`. Does not touch versions that are not the default.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance_profile::InstanceProfile;
use super::key::Key;
use super::security_group::SecurityGroup;
use super::support::{ec2_mark, ec2_ours, ec2_pairs, ec2_spec, side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::{Ref, Text};
use crate::model::marks::key;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_ec2::types as ec2;

/// A launch template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchTemplate {
    /// The image: `ami-...`, or `resolve:ssm:PARAMETER`, which is looked up at each launch.
    pub image_id: String,
    /// The instance type: `r5d.xlarge`.
    pub instance_type: String,
    /// The profile whose role hosts take.
    pub iam_instance_profile: Ref<InstanceProfile>,
    /// The groups of the one network interface.
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Hosts get a public address. Default: false.
    #[serde(default)]
    pub associate_public_ip_address: bool,
    /// Metrics each minute instead of each five. Default: true.
    #[serde(default = "yes")]
    pub monitoring: bool,
    /// Whether the metadata service asks for IMDSv2 tokens. Default: required.
    #[serde(default)]
    pub http_tokens: Tokens,
    /// How many hops an answer of the metadata service may take, 1 to 64: with 1 it does not reach containers. Default: 1.
    #[serde(default = "one")]
    pub http_put_response_hop_limit: i32,
    /// Volumes, by device name. Default: those of the image.
    #[serde(default)]
    pub block_device_mappings: BTreeSet<BlockDevice>,
    /// What a host runs at its first start; at most 16 KB, and no place for secrets. Default: nothing.
    #[serde(default)]
    pub user_data: Text,
}

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockDevice {
    /// `/dev/xvda` is the root of Amazon Linux.
    pub device_name: String,
    /// Size in GiB.
    pub volume_size: i32,
    /// Default: gp3.
    #[serde(default)]
    pub volume_type: VolumeType,
    /// Default: true.
    #[serde(default = "yes")]
    pub encrypted: bool,
    /// The key that encrypts it. Default: the account's default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Ref<Key>>,
}

/// Whether the metadata service asks for tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// IMDSv2 only.
    #[default]
    Required,
    /// IMDSv1 answers too.
    Optional,
}

/// Types of volumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose.
    #[default]
    Gp3,
    /// Provisioned IOPS.
    Io2,
}

fn one() -> i32 {
    1
}

impl Named for LaunchTemplate {
    const NAME: &'static str = "aws.launch_template";
}

impl Kind for LaunchTemplate {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html";
    const TAGS: Tags = Tags::Ec2;
    const NAME_LIMIT: usize = 128;
    const ATTRIBUTES: &'static [&'static str] = &["name", "latest_version"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if !self.image_id.starts_with("ami-") && !self.image_id.starts_with("resolve:ssm:") {
            wrong.push(("image_id".into(), "is ami-... or resolve:ssm:PARAMETER".into()));
        }
        if !(1..=64).contains(&self.http_put_response_hop_limit) {
            wrong.push(("http_put_response_hop_limit".into(), "is 1 to 64".into()));
        }
        if self.user_data.0.len() > 16 * 1024 {
            wrong.push(("user_data".into(), "has at most 16 KB".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2.describe_launch_templates().filters(ec2_ours(cx)).max_results(200);
        let templates: Vec<ec2::LaunchTemplate> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let ours = templates.iter().filter_map(|template| Some((template, cx.marks(ec2_pairs(template.tags()))?)));
        let all = ours.map(|(template, marks)| async move {
            let id = template.launch_template_id().unwrap_or_default();
            let out = cx.ec2.describe_launch_template_versions().launch_template_id(id).versions("$Default").send().await?;
            let data = out.launch_template_versions().first().and_then(|version| version.launch_template_data());
            let shape = data.map(read).ok_or_else(|| Error::incomplete("ec2.DescribeLaunchTemplateVersions", "data"))?;
            let made_at = template.create_time().and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok());
            Ok::<_, Error>(Live { id: id.to_owned(), attributes: known(template), shape, marks, made_at: made_at.unwrap_or_default() })
        });
        side_by_side(all).await
    }

    async fn namesake(cx: &Aws, new: &New<Self>) -> Result<Option<String>> {
        let out = cx.ec2.describe_launch_templates().launch_template_names(new.name(Self::NAME_LIMIT)).send().await?;
        Ok(out.launch_templates().first().and_then(|template| template.launch_template_id()).map(str::to_owned))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let out = cx
            .ec2
            .create_launch_template()
            .launch_template_name(new.name(Self::NAME_LIMIT))
            .launch_template_data(data(cx, &new.want, &new.marks))
            .tag_specifications(ec2_spec(ec2::ResourceType::LaunchTemplate, &new.marks))
            .client_token(&new.token)
            .send()
            .await?;
        let made = out.launch_template.ok_or_else(|| Error::incomplete("ec2.CreateLaunchTemplate", "template"))?;
        Ok(Made { attributes: known(&made), id: made.launch_template_id.unwrap_or_default() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let call = cx.ec2.create_launch_template_version().launch_template_id(&change.id).client_token(&change.token);
        let out = call.launch_template_data(data(cx, &change.want, &change.marks)).send().await?;
        let number = out.launch_template_version.and_then(|version| version.version_number);
        let number = number.ok_or_else(|| Error::incomplete("ec2.CreateLaunchTemplateVersion", "number"))?;
        cx.ec2.modify_launch_template().launch_template_id(&change.id).default_version(number.to_string()).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ec2.delete_launch_template().launch_template_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_launch_templates().launch_template_ids(id).send().await?;
        let template = out.launch_templates().first().ok_or_else(|| Error::not_found("ec2.DescribeLaunchTemplates", id))?;
        Ok(Ready::Yes(known(template)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

fn known(template: &ec2::LaunchTemplate) -> Attributes {
    let name = template.launch_template_name().unwrap_or_default().to_owned();
    Attributes::from([("name", name), ("latest_version", template.latest_version_number().unwrap_or(1).to_string())])
}

fn data(cx: &Aws, want: &LaunchTemplate, marks: &Marks) -> ec2::RequestLaunchTemplateData {
    let groups = want.security_groups.iter().map(|group| group.id().to_owned()).collect();
    let tokens = if want.http_tokens == Tokens::Required {
        ec2::LaunchTemplateHttpTokensState::Required
    } else {
        ec2::LaunchTemplateHttpTokensState::Optional
    };
    let address = marks.address.as_ref().map(ToString::to_string).unwrap_or_default();
    // No `reeve:address`: an instance is the group's, not a resource of its own.
    let tags = [("Name", format!("{} {address}", cx.estate.stack)), (key::STACK, cx.estate.stack.clone())]
        .map(|(key, value)| ec2::Tag::builder().key(key).value(value).build());
    let tagged = |kind| ec2::LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(Some(tags.to_vec())).build();
    ec2::RequestLaunchTemplateData::builder()
        .image_id(&want.image_id)
        .instance_type(ec2::InstanceType::from(&*want.instance_type))
        .iam_instance_profile(
            ec2::LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(want.iam_instance_profile.id()).build(),
        )
        // A public address can be refused only through an interface, and then the groups stand there too.
        .network_interfaces(
            ec2::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
                .device_index(0)
                .associate_public_ip_address(want.associate_public_ip_address)
                .delete_on_termination(true)
                .set_groups(Some(groups))
                .build(),
        )
        .monitoring(ec2::LaunchTemplatesMonitoringRequest::builder().enabled(want.monitoring).build())
        .metadata_options(
            ec2::LaunchTemplateInstanceMetadataOptionsRequest::builder()
                .http_endpoint(ec2::LaunchTemplateInstanceMetadataEndpointState::Enabled)
                .http_tokens(tokens)
                .http_put_response_hop_limit(want.http_put_response_hop_limit)
                .build(),
        )
        .set_block_device_mappings(Some(want.block_device_mappings.iter().map(BlockDevice::request).collect()))
        .set_user_data((!want.user_data.0.is_empty()).then(|| STANDARD.encode(&want.user_data.0)))
        .tag_specifications(tagged(ec2::ResourceType::Instance))
        .tag_specifications(tagged(ec2::ResourceType::Volume))
        .build()
}

impl BlockDevice {
    fn request(&self) -> ec2::LaunchTemplateBlockDeviceMappingRequest {
        let kind = match self.volume_type {
            VolumeType::Gp3 => ec2::VolumeType::Gp3,
            VolumeType::Io2 => ec2::VolumeType::Io2,
        };
        let ebs = ec2::LaunchTemplateEbsBlockDeviceRequest::builder()
            .volume_size(self.volume_size)
            .volume_type(kind)
            .encrypted(self.encrypted)
            .delete_on_termination(true)
            .set_kms_key_id(self.kms_key.as_ref().map(|key| key.id().to_owned()))
            .build();
        ec2::LaunchTemplateBlockDeviceMappingRequest::builder().device_name(&self.device_name).ebs(ebs).build()
    }

    fn read(live: &ec2::LaunchTemplateBlockDeviceMapping) -> Option<Self> {
        let ebs = live.ebs()?;
        Some(Self {
            device_name: live.device_name()?.to_owned(),
            volume_size: ebs.volume_size().unwrap_or_default(),
            volume_type: if ebs.volume_type() == Some(&ec2::VolumeType::Io2) { VolumeType::Io2 } else { VolumeType::Gp3 },
            encrypted: ebs.encrypted().unwrap_or_default(),
            kms_key: ebs.kms_key_id().map(Ref::to),
        })
    }
}

fn read(data: &ec2::ResponseLaunchTemplateData) -> LaunchTemplate {
    let interface = data.network_interfaces().first();
    let metadata = data.metadata_options();
    let required = metadata.and_then(|m| m.http_tokens()) == Some(&ec2::LaunchTemplateHttpTokensState::Required);
    // What somebody put there need be no text (it may be compressed): it reads as one that no wish is.
    let user_data = STANDARD.decode(data.user_data().unwrap_or_default());
    let user_data = user_data.map_or_else(|_| "\u{FFFD}".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    LaunchTemplate {
        image_id: data.image_id().unwrap_or_default().to_owned(),
        instance_type: data.instance_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        iam_instance_profile: Ref::to(data.iam_instance_profile().and_then(|profile| profile.name()).unwrap_or_default()),
        security_groups: interface.map(|i| i.groups().iter().map(Ref::to).collect()).unwrap_or_default(),
        associate_public_ip_address: interface.and_then(|i| i.associate_public_ip_address()).unwrap_or_default(),
        monitoring: data.monitoring().and_then(|m| m.enabled()).unwrap_or_default(),
        http_tokens: if required { Tokens::Required } else { Tokens::Optional },
        http_put_response_hop_limit: metadata.and_then(|m| m.http_put_response_hop_limit()).unwrap_or(1),
        block_device_mappings: data.block_device_mappings().iter().filter_map(BlockDevice::read).collect(),
        user_data: user_data.into(),
    }
}
