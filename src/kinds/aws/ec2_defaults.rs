//! EC2's defaults for this account in this region: encryption of volumes, IMDSv2, and no public snapshots and images.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableEbsEncryptionByDefault.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataDefaults.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableSnapshotBlockPublicAccess.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html>.
//! Belongs to the whole account, so it is only ever tightened: `false` means that it is left as it is, never that it is switched off, and
//! to delete it changes nothing. Does not touch the key that volumes are encrypted with by default (a launch template names its own).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::yes;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::Result;
use aws_sdk_ec2::types as ec2;

/// The defaults of EC2 in the region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // four independent switches
pub struct Ec2Defaults {
    /// New volumes are encrypted. Default: true.
    #[serde(default = "yes")]
    pub ebs_encryption_by_default: bool,
    /// New instances ask for IMDSv2 tokens unless their launch says otherwise. Default: true.
    #[serde(default = "yes")]
    pub http_tokens_required: bool,
    /// No snapshot can be shared with the public. Default: true.
    #[serde(default = "yes")]
    pub snapshot_block_public_access: bool,
    /// No image can be shared with the public anew. Default: true.
    #[serde(default = "yes")]
    pub image_block_public_access: bool,
}

impl Named for Ec2Defaults {
    const NAME: &'static str = "aws.ec2_defaults";
}

impl Kind for Ec2Defaults {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableEbsEncryptionByDefault.html";
    const TAGS: Tags = Tags::None;
    const SINGLETON: bool = true;

    fn restate(have: &mut Self, want: &Self) {
        have.ebs_encryption_by_default &= want.ebs_encryption_by_default;
        have.http_tokens_required &= want.http_tokens_required;
        have.snapshot_block_public_access &= want.snapshot_block_public_access;
        have.image_block_public_access &= want.image_block_public_access;
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let (ebs, metadata, snapshots, images) = futures::join!(
            cx.ec2.get_ebs_encryption_by_default().send(),
            cx.ec2.get_instance_metadata_defaults().send(),
            cx.ec2.get_snapshot_block_public_access_state().send(),
            cx.ec2.get_image_block_public_access_state().send(),
        );
        let tokens = metadata?.account_level.and_then(|level| level.http_tokens);
        let shape = Self {
            ebs_encryption_by_default: ebs?.ebs_encryption_by_default.unwrap_or_default(),
            http_tokens_required: tokens == Some(ec2::HttpTokensState::Required),
            snapshot_block_public_access: snapshots?.state == Some(ec2::SnapshotBlockPublicAccessState::BlockAllSharing),
            image_block_public_access: images?.image_block_public_access_state.as_deref() == Some("block-new-sharing"),
        };
        let (id, marks) = (cx.estate.region.clone(), Marks::default());
        Ok(vec![Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() }])
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        tighten(cx, &new.want, |_| true).await?;
        Ok(Made { id: cx.estate.region.clone(), attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        tighten(cx, &change.want, |field| change.touches(&[field])).await
    }

    async fn delete(_: &Aws, _: &Gone<Self>) -> Result<()> {
        Ok(())
    }

    async fn ready(_: &Aws, _: &str) -> Result<Ready> {
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(_: &Aws, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

async fn tighten(cx: &Aws, want: &Ec2Defaults, touches: impl Fn(&str) -> bool) -> Result<()> {
    if want.ebs_encryption_by_default && touches("ebs_encryption_by_default") {
        cx.ec2.enable_ebs_encryption_by_default().send().await?;
    }
    if want.http_tokens_required && touches("http_tokens_required") {
        cx.ec2.modify_instance_metadata_defaults().http_tokens(ec2::MetadataDefaultHttpTokensState::Required).send().await?;
    }
    if want.snapshot_block_public_access && touches("snapshot_block_public_access") {
        let all = ec2::SnapshotBlockPublicAccessState::BlockAllSharing;
        cx.ec2.enable_snapshot_block_public_access().state(all).send().await?;
    }
    if want.image_block_public_access && touches("image_block_public_access") {
        let new = ec2::ImageBlockPublicAccessEnabledState::BlockNewSharing;
        cx.ec2.enable_image_block_public_access().image_block_public_access_state(new).send().await?;
    }
    Ok(())
}
