//! A CloudTrail trail: who did what in the account, kept in a bucket and in CloudWatch Logs.
//!
//! API: <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html>.
//! Records management events, all of them (CloudTrail's default selectors); other selectors that somebody puts in their place are drift. Does
//! not touch insight selectors, nor trails of the organisation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::key::Key;
use super::log_group::LogGroup;
use super::role::Role;
use super::support::{found_by_name, side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_cloudtrail::types as sdk;

/// A trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // the API's own switches
pub struct Trail {
    /// The bucket it writes to, whose policy lets CloudTrail.
    pub s3_bucket: Ref<Bucket>,
    /// Events of services without a region (IAM) are recorded. Default: true.
    #[serde(default = "yes")]
    pub include_global_service_events: bool,
    /// Every region is recorded. Default: true.
    #[serde(default = "yes")]
    pub is_multi_region_trail: bool,
    /// Digest files make a change of the record visible. Default: true.
    #[serde(default = "yes")]
    pub enable_log_file_validation: bool,
    /// The log group that it also writes to. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logs_log_group: Option<Ref<LogGroup>>,
    /// The role by which it writes there. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logs_role: Option<Ref<Role>>,
    /// The key that encrypts the files in the bucket. Default: the bucket's encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Ref<Key>>,
    /// It records. Default: true.
    #[serde(default = "yes")]
    pub logging: bool,
    /// Every management event is recorded, of reading and of writing and of every service, and nothing else. Always true: other event
    /// selectors that are found are drift and are replaced. Default: true.
    #[serde(default = "yes")]
    pub include_management_events: bool,
}

impl Named for Trail {
    const NAME: &'static str = "aws.trail";
}

impl Kind for Trail {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html";
    const TAGS: Tags = Tags::Trail;
    const NAME_LIMIT: usize = 128;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.cloud_watch_logs_log_group.is_some() != self.cloud_watch_logs_role.is_some() {
            wrong.push(("cloud_watch_logs_role".into(), "goes with cloud_watch_logs_log_group: set both or none".into()));
        }
        if !self.include_management_events {
            wrong.push(("include_management_events".into(), "stays true: without them a trail records nothing of the account".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let listed = cx.cloudtrail.describe_trails().include_shadow_trails(false).send().await?;
        let prefix = format!("{}-", cx.estate.stack);
        let named = listed.trail_list().iter().filter(|trail| trail.name().is_some_and(|name| name.starts_with(&prefix)));
        let all = named.map(|trail| async move {
            let id = trail.trail_arn().unwrap_or_default();
            let tags = cx.cloudtrail.list_tags().resource_id_list(id).send().await?;
            let tags = tags.resource_tag_list().iter().flat_map(sdk::ResourceTag::tags_list);
            let tags = tags.filter_map(|tag| Some((tag.key(), tag.value()?)));
            let name = trail.name().unwrap_or_default();
            let Some(marks) = cx.marks_or_stranger(Self::NAME, (name, id), tags) else { return Ok(None) };
            let (status, include_management_events) =
                futures::try_join!(async { Ok::<_, Error>(cx.cloudtrail.get_trail_status().name(id).send().await?) }, async {
                    // One that nobody gave selectors has the default ones.
                    Ok(!trail.has_custom_event_selectors().unwrap_or_default() || records_everything(cx, id).await?)
                })?;
            let shape = Self {
                s3_bucket: Ref::to(trail.s3_bucket_name().unwrap_or_default()),
                include_global_service_events: trail.include_global_service_events().unwrap_or_default(),
                is_multi_region_trail: trail.is_multi_region_trail().unwrap_or_default(),
                enable_log_file_validation: trail.log_file_validation_enabled().unwrap_or_default(),
                cloud_watch_logs_log_group: trail
                    .cloud_watch_logs_log_group_arn()
                    .filter(|arn| !arn.is_empty())
                    .map(group_name)
                    .map(Ref::to),
                cloud_watch_logs_role: trail.cloud_watch_logs_role_arn().filter(|arn| !arn.is_empty()).map(Ref::to),
                kms_key: trail.kms_key_id().filter(|arn| !arn.is_empty()).map(Ref::to),
                logging: status.is_logging.unwrap_or_default(),
                include_management_events,
            };
            Ok::<_, Error>(Some(Live { id: id.to_owned(), attributes: known(id), shape, marks, made_at: String::new() }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let call = cx
            .cloudtrail
            .create_trail()
            .name(new.name(Self::NAME_LIMIT))
            .s3_bucket_name(want.s3_bucket.id())
            .include_global_service_events(want.include_global_service_events)
            .is_multi_region_trail(want.is_multi_region_trail)
            .enable_log_file_validation(want.enable_log_file_validation)
            .set_cloud_watch_logs_log_group_arn(want.group_arn(cx))
            .set_cloud_watch_logs_role_arn(want.cloud_watch_logs_role.as_ref().map(|role| role.id().to_owned()))
            .set_kms_key_id(want.kms_key.as_ref().map(|key| key.id().to_owned()))
            .set_tags_list(Some(tags(&new.marks)?));
        let out = call.send().await?;
        let id = out.trail_arn.ok_or_else(|| Error::incomplete("cloudtrail.CreateTrail", "ARN"))?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, want) = (&change.id, &change.want);
        if change.fields.iter().any(|field| field != "logging" && field != "include_management_events") {
            // An empty text takes a setting away.
            let text = |id: Option<String>| Some(id.unwrap_or_default());
            cx.cloudtrail
                .update_trail()
                .name(id)
                .s3_bucket_name(want.s3_bucket.id())
                .include_global_service_events(want.include_global_service_events)
                .is_multi_region_trail(want.is_multi_region_trail)
                .enable_log_file_validation(want.enable_log_file_validation)
                .set_cloud_watch_logs_log_group_arn(text(want.group_arn(cx)))
                .set_cloud_watch_logs_role_arn(text(want.cloud_watch_logs_role.as_ref().map(|role| role.id().to_owned())))
                .set_kms_key_id(text(want.kms_key.as_ref().map(|key| key.id().to_owned())))
                .send()
                .await?;
        }
        if !change.have.include_management_events {
            let all = sdk::EventSelector::builder().read_write_type(sdk::ReadWriteType::All).include_management_events(true).build();
            cx.cloudtrail.put_event_selectors().trail_name(id).event_selectors(all).send().await?;
        }
        if change.touches(&["logging"]) {
            if want.logging {
                cx.cloudtrail.start_logging().name(id).send().await?;
            } else {
                cx.cloudtrail.stop_logging().name(id).send().await?;
            }
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.cloudtrail.delete_trail().name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.cloudtrail.get_trail_status().name(id).send().await?;
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        found_by_name(cx, "cloudtrail.AddTags", id.rsplit('/').next().unwrap_or(id))?;
        cx.cloudtrail.add_tags().resource_id(id).set_tags_list(Some(tags(marks)?)).send().await?;
        Ok(())
    }
}

/// Whether a trail's selectors say what CloudTrail's default ones say.
async fn records_everything(cx: &Aws, id: &str) -> Result<bool> {
    let told = cx.cloudtrail.get_event_selectors().trail_name(id).send().await?;
    Ok(match (told.event_selectors(), told.advanced_event_selectors()) {
        ([one], []) => {
            one.include_management_events() == Some(true)
                && one.read_write_type().is_none_or(|kind| *kind == sdk::ReadWriteType::All)
                && one.exclude_management_event_sources().is_empty()
                && one.data_resources().is_empty()
        }
        ([], [one]) => matches!(one.field_selectors(), [only] if only.field() == "eventCategory" && only.equals() == ["Management"]),
        _ => false,
    })
}

impl Trail {
    fn group_arn(&self, cx: &Aws) -> Option<String> {
        let estate = &cx.estate;
        let group = self.cloud_watch_logs_log_group.as_ref()?;
        Some(format!("arn:{}:logs:{}:{}:log-group:{}:*", estate.partition, estate.region, estate.account, group.id()))
    }
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*` -> `NAME`
fn group_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

fn tags(marks: &Marks) -> Result<Vec<sdk::Tag>> {
    let tags = marks.to_tags().into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("cloudtrail.Tag", "key"))
}

fn known(id: &str) -> Attributes {
    attributes([("arn", id), ("name", id.rsplit('/').next().unwrap_or(id))])
}
