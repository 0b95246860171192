//! An EFS file system: what tenants keep besides their databases.
//!
//! API: <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>.
//! Does not touch replication, the protection against being overwritten by it, or One Zone storage. Mount targets and access
//! points are kinds of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::support::efs::{file_systems, mark, tags};
use super::support::{side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Document, Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_efs::types as efs;

/// What the disks behind it are tuned for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PerformanceMode {
    /// Short delays; all throughput modes.
    #[default]
    GeneralPurpose,
    /// More in parallel, longer delays; not with elastic throughput.
    #[serde(rename = "maxIO")]
    MaxIo,
}

/// How its throughput is measured out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThroughputMode {
    /// As much as is asked for, paid by use.
    #[default]
    Elastic,
    /// In proportion to what is stored, with credits.
    Bursting,
    /// What `provisioned_throughput_in_mibps` says.
    Provisioned,
}

/// How long a file was not read before it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Age {
    #[serde(rename = "AFTER_1_DAY")]
    Day1,
    #[serde(rename = "AFTER_7_DAYS")]
    Days7,
    #[serde(rename = "AFTER_14_DAYS")]
    Days14,
    #[serde(rename = "AFTER_30_DAYS")]
    Days30,
    #[serde(rename = "AFTER_60_DAYS")]
    Days60,
    #[serde(rename = "AFTER_90_DAYS")]
    Days90,
    #[serde(rename = "AFTER_180_DAYS")]
    Days180,
    #[serde(rename = "AFTER_270_DAYS")]
    Days270,
    #[serde(rename = "AFTER_365_DAYS")]
    Days365,
}

/// Which files move to cheaper storage, and back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// To Infrequent Access: `AFTER_30_DAYS`. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_ia: Option<Age>,
    /// To Archive: `AFTER_90_DAYS`. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_to_archive: Option<Age>,
    /// Back to the primary storage class at the first access. Default: false.
    #[serde(default)]
    pub transition_to_primary_storage_class: bool,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    /// Encrypted at rest. Default: true.
    #[serde(default = "yes")]
    #[schemars(extend("x-replace" = true))]
    pub encrypted: bool,
    /// With which key. Default: the account's `aws/elasticfilesystem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub kms_key: Option<Ref<Key>>,
    /// `generalPurpose` or `maxIO`. Default: generalPurpose.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub performance_mode: PerformanceMode,
    /// `elastic`, `bursting` or `provisioned`. AWS takes one change a day. Default: elastic.
    #[serde(default)]
    pub throughput_mode: ThroughputMode,
    /// MiB per second, with `provisioned`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput_in_mibps: Option<f64>,
    /// Which files move to cheaper storage. Default: none.
    #[serde(default)]
    pub lifecycle_policies: Lifecycle,
    /// AWS's own daily backups are on. Default: true.
    #[serde(default = "yes")]
    pub backup: bool,
    /// Who may mount it, and how. Default: none, so that everybody in the VPC may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "settle"))]
    pub policy: Option<Document>,
}

impl Named for FileSystem {
    const NAME: &'static str = "aws.file_system";
}

impl Kind for FileSystem {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html";
    const TAGS: Tags = Tags::Efs;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "dns_name"];
    const STATEFUL: bool = true;
    const MANY_CALLS: bool = true;
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let provisioned = self.throughput_mode == ThroughputMode::Provisioned;
        if provisioned != self.provisioned_throughput_in_mibps.is_some() {
            let message = "goes with `throughput_mode: provisioned`, and only with that";
            wrong.push(("provisioned_throughput_in_mibps".into(), message.into()));
        }
        if self.performance_mode == PerformanceMode::MaxIo && self.throughput_mode == ThroughputMode::Elastic {
            wrong.push(("performance_mode".into(), "`maxIO` does not go with `throughput_mode: elastic`".into()));
        }
        if self.kms_key.is_some() && !self.encrypted {
            wrong.push(("kms_key".into(), "means nothing with `encrypted: false`".into()));
        }
        wrong
    }

    fn restate(have: &mut Self, want: &Self) {
        if want.kms_key.is_none() {
            have.kms_key = None;
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = file_systems(cx).await?;
        side_by_side(ours.iter().map(|(one, marks)| read(cx, one, marks))).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let out = cx
            .efs
            .create_file_system()
            .creation_token(&new.token)
            .encrypted(want.encrypted)
            .set_kms_key_id(want.kms_key.as_ref().map(|key| key.id().to_owned()))
            .performance_mode(match want.performance_mode {
                PerformanceMode::GeneralPurpose => efs::PerformanceMode::GeneralPurpose,
                PerformanceMode::MaxIo => efs::PerformanceMode::MaxIo,
            })
            .throughput_mode(throughput(want.throughput_mode))
            .set_provisioned_throughput_in_mibps(want.provisioned_throughput_in_mibps)
            .backup(want.backup)
            .set_tags(Some(tags(&new.marks)?))
            .send()
            .await?;
        Ok(Made { attributes: known(cx, out.file_system_id(), out.file_system_arn()), id: out.file_system_id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, have, want) = (&change.id, &change.have, &change.want);
        is_available(cx, id).await?;
        let mode =
            have.throughput_mode != want.throughput_mode || have.provisioned_throughput_in_mibps != want.provisioned_throughput_in_mibps;
        if mode {
            // Asked for the mode that it has, AWS would count it against the one change a day.
            let call = cx.efs.update_file_system().file_system_id(id).throughput_mode(throughput(want.throughput_mode));
            call.set_provisioned_throughput_in_mibps(want.provisioned_throughput_in_mibps).send().await?;
        }
        if change.touches(&["lifecycle_policies"]) {
            let policies = lifecycle_out(&want.lifecycle_policies);
            cx.efs.put_lifecycle_configuration().file_system_id(id).set_lifecycle_policies(Some(policies)).send().await?;
        }
        if change.touches(&["backup"]) {
            let status = if want.backup { efs::Status::Enabled } else { efs::Status::Disabled };
            let policy =
                efs::BackupPolicy::builder().status(status).build().map_err(|_| Error::incomplete("efs.PutBackupPolicy", "status"))?;
            cx.efs.put_backup_policy().file_system_id(id).backup_policy(policy).send().await?;
        }
        if change.touches(&["policy"]) {
            match &want.policy {
                Some(policy) => {
                    cx.efs.put_file_system_policy().file_system_id(id).policy(policy.to_string()).send().await?;
                }
                None => {
                    cx.efs.delete_file_system_policy().file_system_id(id).send().await.map_err(Error::from).absent_ok()?;
                }
            }
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.efs.delete_file_system().file_system_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.efs.describe_file_systems().file_system_id(id).send().await?;
        let one = out.file_systems().first().ok_or_else(|| Error::not_found("efs.DescribeFileSystems", id))?;
        Ok(match one.life_cycle_state() {
            efs::LifeCycleState::Available | efs::LifeCycleState::Updating => Ready::Yes(known(cx, id, one.file_system_arn())),
            efs::LifeCycleState::Error => Ready::Failed("EFS says `error`: its key may be disabled".into()),
            efs::LifeCycleState::Deleted => return Err(Error::not_found("efs.DescribeFileSystems", id)),
            state => Ready::NotYet(state.to_string()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, id, marks).await
    }
}

async fn read(cx: &Aws, one: &efs::FileSystemDescription, marks: &Marks) -> Result<Live<FileSystem>> {
    let id = one.file_system_id();
    let (moves, backup, policy) = futures::try_join!(
        async { Ok::<_, Error>(cx.efs.describe_lifecycle_configuration().file_system_id(id).send().await?) },
        async { cx.efs.describe_backup_policy().file_system_id(id).send().await.map_err(Error::from).absent_ok() },
        async { cx.efs.describe_file_system_policy().file_system_id(id).send().await.map_err(Error::from).absent_ok() },
    )?;
    let on = |policy: &efs::BackupPolicy| matches!(policy.status(), efs::Status::Enabled | efs::Status::Enabling);
    let policy = policy.and_then(|out| out.policy).map(|text| Document::parse(&text)).transpose();
    let shape = FileSystem {
        encrypted: one.encrypted().unwrap_or_default(),
        kms_key: one.kms_key_id().map(Ref::to),
        performance_mode: match one.performance_mode() {
            efs::PerformanceMode::MaxIo => PerformanceMode::MaxIo,
            _ => PerformanceMode::GeneralPurpose,
        },
        throughput_mode: match one.throughput_mode() {
            Some(efs::ThroughputMode::Elastic) => ThroughputMode::Elastic,
            Some(efs::ThroughputMode::Provisioned) => ThroughputMode::Provisioned,
            _ => ThroughputMode::Bursting,
        },
        provisioned_throughput_in_mibps: one.provisioned_throughput_in_mibps(),
        lifecycle_policies: lifecycle_in(moves.lifecycle_policies()),
        backup: backup.and_then(|out| out.backup_policy).as_ref().is_some_and(on),
        policy: policy.map_err(|_| Error::incomplete("efs.DescribeFileSystemPolicy", "policy that is JSON"))?,
    };
    let attributes = known(cx, id, one.file_system_arn());
    Ok(Live { id: id.to_owned(), attributes, shape, marks: marks.clone(), made_at: one.creation_time().to_string() })
}

fn known(cx: &Aws, id: &str, arn: Option<&str>) -> Attributes {
    let estate = &cx.estate;
    let built = format!("arn:{}:elasticfilesystem:{}:{}:file-system/{id}", estate.partition, estate.region, estate.account);
    let suffix = if estate.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    attributes([("arn", arn.unwrap_or(&built)), ("dns_name", &format!("{id}.efs.{}.{suffix}", estate.region))])
}

fn throughput(mode: ThroughputMode) -> efs::ThroughputMode {
    match mode {
        ThroughputMode::Elastic => efs::ThroughputMode::Elastic,
        ThroughputMode::Bursting => efs::ThroughputMode::Bursting,
        ThroughputMode::Provisioned => efs::ThroughputMode::Provisioned,
    }
}

/// A file system takes no settings while it is being made, which takes seconds.
async fn is_available(cx: &Aws, id: &str) -> Result<()> {
    let (class, why) = match FileSystem::ready(cx, id).await? {
        Ready::Yes(_) => return Ok(()),
        Ready::Failed(why) => (Class::Invalid, why),
        Ready::NotYet(state) => (Class::InUse, format!("{id} is still {state}")),
    };
    Err(Error::new(class, "efs.DescribeFileSystems", why))
}

fn lifecycle_in(policies: &[efs::LifecyclePolicy]) -> Lifecycle {
    let age = |word: &str| serde_json::from_value(word.into()).ok();
    Lifecycle {
        transition_to_ia: policies.iter().find_map(|p| age(p.transition_to_ia()?.as_str())),
        transition_to_archive: policies.iter().find_map(|p| age(p.transition_to_archive()?.as_str())),
        transition_to_primary_storage_class: policies.iter().any(|p| p.transition_to_primary_storage_class().is_some()),
    }
}

/// AWS wants one transition in each policy.
fn lifecycle_out(lifecycle: &Lifecycle) -> Vec<efs::LifecyclePolicy> {
    let word = |age: Age| serde_json::to_value(age).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
    let policy = efs::LifecyclePolicy::builder;
    let ia = lifecycle.transition_to_ia.map(|age| policy().transition_to_ia(word(age).as_str().into()).build());
    let archive = lifecycle.transition_to_archive.map(|age| policy().transition_to_archive(word(age).as_str().into()).build());
    let back = lifecycle
        .transition_to_primary_storage_class
        .then(|| policy().transition_to_primary_storage_class(efs::TransitionToPrimaryStorageClassRules::After1Access).build());
    [ia, archive, back].into_iter().flatten().collect()
}
