//! A database server of RDS, MariaDB or MySQL.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
//! RDS makes, keeps and rotates the administrator's password in a secret of its own (attribute `master_secret_arn`): no password
//! passes through here. Does not touch replicas, option groups, snapshots, or what is inside the server. Changes are applied
//! at once, not in the maintenance window; a deleted server leaves a final snapshot and its automated backups.

mod live;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::db_parameter_group::DbParameterGroup;
use super::db_subnet_group::DbSubnetGroup;
use super::key::Key;
use super::log_group::LogGroup;
use super::role::Role;
use super::security_group::SecurityGroup;
use super::support::rds::{arn, mark, tags};
use super::support::yes;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_rds::types as rds;

/// The engines that OpenMRS runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MariaDB.
    Mariadb,
    /// MySQL.
    Mysql,
}

/// Kinds of disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// General purpose, third generation.
    #[default]
    Gp3,
    /// General purpose, second generation.
    Gp2,
    /// Provisioned IOPS.
    Io1,
    /// Provisioned IOPS, second generation.
    Io2,
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbInstance {
    /// `mariadb` or `mysql`.
    #[schemars(extend("x-replace" = true))]
    pub engine: Engine,
    /// `10.11` (the minor version is then RDS's), or `10.11.9` (no older than that).
    pub engine_version: String,
    /// Its size: `db.r6g.large`.
    pub db_instance_class: String,
    /// GiB of disk at first. RDS may grow it and never shrinks it.
    #[schemars(range(min = 20, max = 65536), extend("x-grows" = true))]
    pub allocated_storage: i32,
    /// GiB to which RDS may grow the disk by itself. Default: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_allocated_storage: Option<i32>,
    /// `gp3`, `gp2`, `io1` or `io2`. Default: gp3.
    #[serde(default)]
    pub storage_type: StorageType,
    /// I/O operations per second. Default: what the disk's type and size come with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// MiB per second. Default: what the disk's type and size come with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_throughput: Option<i32>,
    /// The disk, its backups and snapshots are encrypted. Default: true.
    #[serde(default = "yes")]
    #[schemars(extend("x-replace" = true))]
    pub storage_encrypted: bool,
    /// The key of the disk. Default: the account's `aws/rds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub kms_key: Option<Ref<Key>>,
    /// A second one stands by in another zone. Default: true.
    #[serde(default = "yes")]
    pub multi_az: bool,
    /// Default: 3307, because scanners look for 3306.
    #[serde(default = "port")]
    #[schemars(range(min = 1150, max = 65535))]
    pub port: i32,
    /// The administrator's name. Default: `reeve_root`.
    #[serde(default = "master")]
    #[schemars(extend("x-replace" = true))]
    pub master_username: String,
    /// The key of the secret that holds the administrator's password. Default: the account's `aws/secretsmanager`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub master_user_secret_kms_key: Option<Ref<Key>>,
    /// Where it may stand.
    #[schemars(extend("x-replace" = true))]
    pub db_subnet_group: Ref<DbSubnetGroup>,
    /// Its settings. Default: those of the engine's family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_parameter_group: Option<Ref<DbParameterGroup>>,
    /// Who may reach it.
    pub vpc_security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// It has a public address. Default: false.
    #[serde(default)]
    pub publicly_accessible: bool,
    /// Days that automated backups are kept, 1 to 35. Default: 35.
    #[serde(default = "month")]
    #[schemars(range(min = 1, max = 35))]
    pub backup_retention_period: i32,
    /// When backups are made, UTC: `03:00-04:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_backup_window: Option<String>,
    /// When it may be patched, UTC: `sun:05:00-sun:06:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_maintenance_window: Option<String>,
    /// Snapshots bear its tags. Default: true.
    #[serde(default = "yes")]
    pub copy_tags_to_snapshot: bool,
    /// AWS itself refuses to delete it. Default: true.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Logs that go to CloudWatch: `audit`, `error`, `general`, `slowquery`. Default: `error`, `slowquery`.
    #[serde(default = "logs")]
    pub enable_cloudwatch_logs_exports: BTreeSet<String>,
    /// Seconds between measurements of the host: 0 (off), 1, 5, 10, 15, 30 or 60. Default: 0.
    #[serde(default)]
    pub monitoring_interval: i32,
    /// The role that writes those measurements. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring_role: Option<Ref<Role>>,
    /// Performance Insights is on; small classes do not have it. Default: true.
    #[serde(default = "yes")]
    pub enable_performance_insights: bool,
    /// The key of its data. Default: the account's `aws/rds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_insights_kms_key: Option<Ref<Key>>,
    /// Days that its data are kept: 7, a multiple of 31, or 731. Default: 7.
    #[serde(default = "week")]
    pub performance_insights_retention_period: i32,
    /// RDS applies minor versions in the maintenance window. Default: true.
    #[serde(default = "yes")]
    pub auto_minor_version_upgrade: bool,
    /// The log groups that RDS writes `enable_cloudwatch_logs_exports` to, one for each; their names are `/aws/rds/instance/NAME/LOG`, with the
    /// server's own name. Named here, they are dropped after it, and one that RDS made by itself is told. Default: not said, and then not compared.
    #[serde(default)]
    #[schemars(extend("x-need" = "settle"))]
    pub log_groups: BTreeSet<Ref<LogGroup>>,
    /// Users may log in with IAM. Default: true.
    #[serde(default = "yes")]
    pub enable_iam_database_authentication: bool,
    /// The authority of its certificate. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate_identifier: Option<String>,
}

fn port() -> i32 {
    3307
}
fn master() -> String {
    "reeve_root".into()
}
fn month() -> i32 {
    35
}
fn week() -> i32 {
    7
}
fn logs() -> BTreeSet<String> {
    ["error", "slowquery"].map(str::to_owned).into()
}

impl Named for DbInstance {
    const NAME: &'static str = "aws.db_instance";
}

impl Kind for DbInstance {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html";
    const TAGS: Tags = Tags::Rds("db");
    const NAME_LIMIT: usize = 63;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name", "resource_id"];
    const LATE: &'static [&'static str] = &["endpoint", "port", "master_secret_arn"];
    const STATEFUL: bool = true;
    const LEAVES: &'static str = "a final snapshot and its automated backups stay, and cost their storage";
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| wrong.push((field.to_owned(), message));
        if matches!(self.master_username.to_lowercase().as_str(), "rdsadmin" | "rdsrepladmin" | "root" | "mysql" | "mariadb") {
            say("master_username", format!("RDS keeps `{}` for itself", self.master_username));
        }
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        if self.max_allocated_storage.is_some_and(|max| i64::from(max) * 10 < i64::from(self.allocated_storage) * 11) {
            say(
                "max_allocated_storage",
                "has to be at least a tenth more than `allocated_storage`; leave it out to keep the disk's size".into(),
            );
        }
        if ![0, 1, 5, 10, 15, 30, 60].contains(&self.monitoring_interval) {
            say("monitoring_interval", "is 0, 1, 5, 10, 15, 30 or 60 seconds".into());
        }
        if self.monitoring_interval > 0 && self.monitoring_role.is_none() {
            say("monitoring_role", "is needed for a `monitoring_interval`".into());
        }
        if self.kms_key.is_some() && !self.storage_encrypted {
            say("kms_key", "means nothing with `storage_encrypted: false`".into());
        }
        if self.performance_insights_kms_key.is_some() && !self.enable_performance_insights {
            say("performance_insights_kms_key", "means nothing with `enable_performance_insights: false`".into());
        }
        wrong
    }

    fn restate(have: &mut Self, want: &Self) {
        live::restate(have, want);
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.rds.describe_db_instances().into_paginator().items().send();
        let instances: Vec<rds::DbInstance> = items.collect::<std::result::Result<_, _>>().await?;
        let standing = instances.iter().filter(|db| db.db_instance_status() != Some("deleting"));
        let marks = |db: &rds::DbInstance| {
            let id = db.db_instance_identifier().unwrap_or_default();
            cx.marks_or_stranger(Self::NAME, (id, id), super::support::rds::pairs(db.tag_list()))
        };
        standing.filter_map(|db| Some(live::live(db, marks(db)?))).collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let id = |key: &Option<Ref<Key>>| key.as_ref().map(|key| key.id().to_owned());
        let call = cx
            .rds
            .create_db_instance()
            .db_instance_identifier(new.name(Self::NAME_LIMIT))
            .engine(live::word(&want.engine))
            .engine_version(&want.engine_version)
            .db_instance_class(&want.db_instance_class)
            .allocated_storage(want.allocated_storage)
            .set_max_allocated_storage(want.max_allocated_storage)
            .storage_type(live::word(&want.storage_type))
            .set_iops(want.iops)
            .set_storage_throughput(want.storage_throughput)
            .storage_encrypted(want.storage_encrypted)
            .set_kms_key_id(id(&want.kms_key))
            .multi_az(want.multi_az)
            .port(want.port)
            .master_username(&want.master_username)
            .manage_master_user_password(true)
            .set_master_user_secret_kms_key_id(id(&want.master_user_secret_kms_key))
            .db_subnet_group_name(want.db_subnet_group.id())
            .set_db_parameter_group_name(want.db_parameter_group.as_ref().map(|group| group.id().to_owned()))
            .set_vpc_security_group_ids(Some(want.vpc_security_groups.iter().map(|group| group.id().to_owned()).collect()))
            .publicly_accessible(want.publicly_accessible)
            .backup_retention_period(want.backup_retention_period)
            .set_preferred_backup_window(want.preferred_backup_window.clone())
            .set_preferred_maintenance_window(want.preferred_maintenance_window.clone())
            .copy_tags_to_snapshot(want.copy_tags_to_snapshot)
            .deletion_protection(want.deletion_protection)
            .set_enable_cloudwatch_logs_exports(Some(want.enable_cloudwatch_logs_exports.iter().cloned().collect()))
            .monitoring_interval(want.monitoring_interval)
            .set_monitoring_role_arn(want.monitoring_role.as_ref().map(|role| role.id().to_owned()))
            .enable_performance_insights(want.enable_performance_insights)
            .set_performance_insights_kms_key_id(id(&want.performance_insights_kms_key).filter(|_| want.enable_performance_insights))
            .set_performance_insights_retention_period(
                want.enable_performance_insights.then_some(want.performance_insights_retention_period),
            )
            .auto_minor_version_upgrade(want.auto_minor_version_upgrade)
            .enable_iam_database_authentication(want.enable_iam_database_authentication)
            .set_ca_certificate_identifier(want.ca_certificate_identifier.clone())
            .set_tags(Some(tags(&new.marks)));
        let db = live::create(cx, call).await?;
        Ok(Made { id: db.db_instance_identifier().unwrap_or_default().to_owned(), attributes: live::known(&db) })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        // RDS writes to the groups of these names by itself.
        if change.fields.iter().all(|field| field == "log_groups") {
            return live::are_its_own(&change.id, &change.want);
        }
        // RDS refuses to switch off a log that is off: what is on is asked anew, so that a change can be repeated.
        let logs = match change.touches(&["enable_cloudwatch_logs_exports"]) {
            true => live::exports(&describe(cx, &change.id).await?),
            false => BTreeSet::new(),
        };
        live::modify(cx, change, &logs).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(db) = describe(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        if db.db_instance_status() != Some("deleting") {
            if db.deletion_protection().unwrap_or_default() {
                cx.rds
                    .modify_db_instance()
                    .db_instance_identifier(&gone.id)
                    .deletion_protection(false)
                    .apply_immediately(true)
                    .send()
                    .await?;
            }
            // The resource id is never used twice, so neither is the snapshot's name, also when the server's is.
            let unique = db.dbi_resource_id().unwrap_or_default().trim_start_matches("db-").to_lowercase();
            let snapshot = format!("{}-final-{}", gone.id, unique.get(..12).unwrap_or(&unique)).trim_end_matches('-').to_owned();
            let call = cx.rds.delete_db_instance().db_instance_identifier(&gone.id).delete_automated_backups(false);
            call.skip_final_snapshot(false).final_db_snapshot_identifier(snapshot).send().await.map_err(Error::from).absent_ok()?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let db = describe(cx, id).await?;
        let status = db.db_instance_status().unwrap_or_default();
        Ok(match status {
            "available" | "storage-optimization" => Ready::Yes(live::known(&db)),
            "failed"
            | "storage-full"
            | "incompatible-network"
            | "incompatible-parameters"
            | "incompatible-restore"
            | "incompatible-option-group"
            | "inaccessible-encryption-credentials"
            | "restore-error" => Ready::Failed(format!("RDS says `{status}`; the console's events of {id} tell why")),
            other => Ready::NotYet(other.to_owned()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, &arn(&cx.estate, "db", id), marks).await
    }
}

async fn describe(cx: &Aws, id: &str) -> Result<rds::DbInstance> {
    let out = cx.rds.describe_db_instances().db_instance_identifier(id).send().await?;
    let found = out.db_instances.unwrap_or_default().into_iter().next();
    found.ok_or_else(|| Error::new(Class::NotFound, "rds.DescribeDBInstances", format!("{id} is not there")))
}
