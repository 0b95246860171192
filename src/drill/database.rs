//! A copy of a database server - the one that tenants share, or one that a tenant has for itself - restored to its latest restorable time. Its data is the live one's, so it stands where that stands, has the
//! same key and lets in the same hosts; its administrator's password is its own.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceToPointInTime.html>.

use std::time::Duration;

use aws_sdk_rds::types as rds;
use jiff::Timestamp;

use super::look::{self, Copy};
use super::wait::{Step, until};
use super::{Begun, Progress, Seen, TAG, name};
use crate::model::Address;
use crate::model::drill::Part;
use crate::planes::error::{Absent, Class, Error, Result};
use crate::planes::{Aws, Planes};

/// How long a restore may take. One of a large server takes an hour.
const RESTORE: Duration = Duration::from_secs(6 * 3600);
/// For how long RDS may refuse to delete a server that it is still making.
const REMOVE: Duration = Duration::from_secs(3600);
/// For how long RDS may not know a server that it was just asked for.
const KNOWN: Duration = Duration::from_secs(120);
/// What lists servers.
const CALL: &str = "rds.DescribeDBInstances";
/// States that a server that was restored does not leave by itself.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
const DEAD: &[&str] = &[
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-create",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
];

/// The live server, and its latest restorable time.
#[derive(Debug)]
pub struct Source {
    pub(super) id: String,
    pub(super) latest: Timestamp,
    pub(super) address: Address,
    /// Servers of tenants that cannot be drilled with this one, and why.
    pub(super) left_out: Vec<String>,
    class: String,
    gib: i32,
    subnets: String,
    groups: Vec<String>,
    parameters: Option<String>,
    port: i32,
    key: Option<String>,
    secret_key: Option<String>,
}

impl Source {
    /// The shared server, and after it those that tenants have for themselves. That one of the latter cannot be restored yet keeps no other from it.
    pub(super) async fn find(aws: &Aws) -> Result<Vec<Self>> {
        let ours = all(aws).await?.into_iter().filter_map(|db| {
            let marks = aws.marks(tags(&db)).filter(|marks| !marks.retiring)?;
            Some((marks.address?, db))
        });
        let (shared, mut own): (Vec<_>, Vec<_>) = ours.partition(|(address, _)| address.as_str() == Part::Database.address());
        own.retain(|(address, _)| address.as_str().starts_with("tenant/"));
        own.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        let missing = || Error::not_found(CALL, &format!("the stack's {}", Part::Database.address()));
        let (address, live) = shared.into_iter().next().ok_or_else(missing)?;
        let mut shared = Self::of(address, &live)?;
        let mut sources = Vec::new();
        for (address, live) in own {
            let name = live.db_instance_identifier().unwrap_or_default().to_owned();
            match Self::of(address, &live) {
                Ok(source) => sources.push(source),
                Err(error) => shared.left_out.push(format!("{name}, a tenant's own server: {error}")),
            }
        }
        sources.insert(0, shared);
        Ok(sources)
    }

    fn of(address: Address, live: &rds::DbInstance) -> Result<Self> {
        let call = CALL;
        let id = live.db_instance_identifier().unwrap_or_default().to_owned();
        let latest = live.latest_restorable_time().and_then(|time| Timestamp::from_second(time.secs()).ok());
        let latest = latest.ok_or_else(|| {
            Error::not_found(
                call,
                &format!("a restorable time of {id} (its automated backups are off, or it was made minutes ago): nothing"),
            )
        })?;
        let missing = |what: &str| Error::incomplete(call, what);
        Ok(Self {
            latest,
            address,
            left_out: Vec::new(),
            class: live.db_instance_class().unwrap_or_default().to_owned(),
            gib: live.allocated_storage().unwrap_or_default(),
            subnets: live
                .db_subnet_group()
                .and_then(rds::DbSubnetGroup::db_subnet_group_name)
                .ok_or_else(|| missing("subnet group"))?
                .to_owned(),
            groups: live.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id().map(str::to_owned)).collect(),
            parameters: live.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name().map(str::to_owned)),
            port: live.endpoint().and_then(rds::Endpoint::port).ok_or_else(|| missing("port"))?,
            key: live.kms_key_id().map(str::to_owned),
            secret_key: live.master_user_secret().and_then(|secret| secret.kms_key_id().map(str::to_owned)),
            id,
        })
    }

    pub(super) fn words(&self) -> String {
        format!(
            "a database server ({}, {} GiB, in the same private network), restored from {} to {:.0}",
            self.class, self.gib, self.id, self.latest
        )
    }

    pub(super) async fn begin(&self, aws: &Aws, name: &str) -> Result<()> {
        let tag = |key: &str, value: &str| rds::Tag::builder().key(key).value(value).build();
        let stack = &aws.estate.stack;
        // Without logs: their groups would outlive it.
        aws.rds
            .restore_db_instance_to_point_in_time()
            .source_db_instance_identifier(&self.id)
            .target_db_instance_identifier(name)
            .use_latest_restorable_time(true)
            .db_subnet_group_name(&self.subnets)
            .set_vpc_security_group_ids(Some(self.groups.clone()))
            .set_db_parameter_group_name(self.parameters.clone())
            .port(self.port)
            .multi_az(false)
            .publicly_accessible(false)
            .copy_tags_to_snapshot(false)
            .deletion_protection(false)
            .auto_minor_version_upgrade(false)
            .manage_master_user_password(true)
            .set_master_user_secret_kms_key_id(self.secret_key.clone())
            .tags(tag(TAG, stack))
            .tags(tag("Name", &format!("restore drill of {stack} - a copy, not the live one")))
            .send()
            .await?;
        Ok(())
    }

    pub(super) async fn look(&self, planes: &Planes, begun: &Begun, seen: &mut Seen, progress: &Progress) -> Result<()> {
        let aws = &planes.aws;
        let copy = until(&begun.name, RESTORE, progress, async || {
            match describe(aws, &begun.name).await.absent_ok()? {
                Some(db) => ready(db),
                // What was asked for a moment ago is not known everywhere.
                None if begun.since.elapsed() < KNOWN => Ok(Step::NotYet("asked for".into())),
                None => Err(Error::not_found("rds.DescribeDBInstances", &begun.name)),
            }
        })
        .await?;
        seen.seconds = begun.seconds();
        if copy.storage_encrypted() != Some(true) || copy.kms_key_id() != self.key.as_deref() {
            seen.wrong.push(format!("{} is not encrypted with the key of {}", begun.name, self.id));
        }
        if copy.publicly_accessible() == Some(true) {
            seen.wrong.push(format!("{} has a public address", begun.name));
        }
        let at = endpoint(&copy).ok_or_else(|| Error::incomplete("rds.DescribeDBInstances", "endpoint"))?;
        progress.send_replace(format!("looking into {}", begun.name));
        let own = (self.address.as_str() != Part::Database.address()).then_some(self.id.as_str());
        look::look(planes, &at, own, self.latest, seen).await
    }
}

/// Whether it can be used: it is available, and RDS has made its administrator's password.
fn ready(db: rds::DbInstance) -> Result<Step<rds::DbInstance>> {
    let state = db.db_instance_status().unwrap_or_default().to_owned();
    if DEAD.contains(&state.as_str()) {
        let message = format!("{} is {state}: it was not restored", db.db_instance_identifier().unwrap_or_default());
        return Err(Error::new(Class::Invalid, "rds.DescribeDBInstances", message));
    }
    let secret = db.master_user_secret().and_then(rds::MasterUserSecret::secret_status);
    if state == "available" && secret == Some("active") && endpoint(&db).is_some() { Ok(Step::Done(db)) } else { Ok(Step::NotYet(state)) }
}

fn endpoint(db: &rds::DbInstance) -> Option<Copy> {
    let (at, secret) = (db.endpoint()?, db.master_user_secret()?.secret_arn()?);
    Some(Copy { address: format!("{}:{}", at.address()?, at.port()?), admin: format!("secretsmanager:{secret}") })
}

/// Those that drills left.
pub(super) async fn leftovers(aws: &Aws) -> Result<Vec<String>> {
    let left = all(aws).await?.into_iter().filter(|db| is_drills(aws, db) && db.db_instance_status() != Some("deleting"));
    Ok(left.filter_map(|db| db.db_instance_identifier).collect())
}

/// By its name and its tag, and no mark of the stack: nothing else is ever deleted.
fn is_drills(aws: &Aws, db: &rds::DbInstance) -> bool {
    let stack = aws.estate.stack.as_str();
    let tagged = tags(db).any(|(key, value)| key == TAG && value == stack);
    let marked = tags(db).any(|(key, _)| key == crate::model::marks::key::STACK);
    tagged && !marked && db.db_instance_identifier().is_some_and(|id| name::is_ours(stack, id))
}

/// Deletes it. One that was just asked for (`begun`) is not taken for gone because RDS does not know it yet.
pub(super) async fn remove(aws: &Aws, name: &str, begun: Option<&Begun>, progress: &Progress) -> Result<()> {
    let unknown = || match begun {
        Some(begun) if begun.since.elapsed() < KNOWN => Step::NotYet("asked for, and not known to RDS yet".into()),
        _ => Step::Done(()),
    };
    until(name, REMOVE, progress, async || {
        let Some(db) = describe(aws, name).await.absent_ok()? else { return Ok(unknown()) };
        if !is_drills(aws, &db) {
            return Err(Error::new(
                Class::Invalid,
                "rds.DeleteDBInstance",
                format!("{name} does not bear the tag of a drill: it is left alone"),
            ));
        }
        if db.db_instance_status() == Some("deleting") {
            return Ok(Step::Done(()));
        }
        let call = aws.rds.delete_db_instance().db_instance_identifier(name).skip_final_snapshot(true).delete_automated_backups(true);
        match call.send().await.map_err(Error::from).absent_ok() {
            Ok(Some(_)) => Ok(Step::Done(())),
            Ok(None) => Ok(unknown()),
            Err(error) if error.class == Class::InUse => Ok(Step::NotYet("is not to be deleted yet".into())),
            Err(error) => Err(error),
        }
    })
    .await
}

async fn all(aws: &Aws) -> Result<Vec<rds::DbInstance>> {
    Ok(aws.rds.describe_db_instances().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?)
}

async fn describe(aws: &Aws, name: &str) -> Result<rds::DbInstance> {
    let out = aws.rds.describe_db_instances().db_instance_identifier(name).send().await?;
    out.db_instances.into_iter().flatten().next().ok_or_else(|| Error::not_found("rds.DescribeDBInstances", name))
}

fn tags(db: &rds::DbInstance) -> impl Iterator<Item = (&str, &str)> {
    db.tag_list().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}
