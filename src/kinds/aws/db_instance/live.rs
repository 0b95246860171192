//! The live server in comparable form, and the call that changes it.

use std::collections::BTreeSet;

use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder;
use aws_sdk_rds::types as rds;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DbInstance, LogGroup, describe, week};
use crate::kinds::{Attributes, Change, Live};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

const CALL: &str = "rds.DescribeDBInstances";

/// The word of an enum's variant, as AWS writes it.
pub fn word(variant: &impl Serialize) -> String {
    serde_json::to_value(variant).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn variant<T: DeserializeOwned>(word: Option<&str>, what: &str) -> Result<T> {
    let word = word.ok_or_else(|| Error::incomplete(CALL, what))?;
    serde_json::from_value(word.into()).map_err(|_| Error::incomplete(CALL, &format!("{what} that this kind knows (`{word}`)")))
}

/// What is known of a server, by now.
pub fn known(db: &rds::DbInstance) -> Attributes {
    let endpoint = db.endpoint();
    let port = endpoint.and_then(rds::Endpoint::port).map(|port| port.to_string());
    let all = [
        ("arn", db.db_instance_arn()),
        ("name", db.db_instance_identifier()),
        ("resource_id", db.dbi_resource_id()),
        ("endpoint", endpoint.and_then(rds::Endpoint::address)),
        ("port", port.as_deref()),
        ("master_secret_arn", db.master_user_secret().and_then(rds::MasterUserSecret::secret_arn)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
}

/// Sends the creation. A name that a server holds which is being deleted is free in a while: that is waited for.
pub async fn create(cx: &Aws, call: CreateDBInstanceFluentBuilder) -> Result<rds::DbInstance> {
    let name = call.get_db_instance_identifier().clone().unwrap_or_default();
    let out = match call.send().await.map_err(Error::from) {
        Err(error) if error.class == Class::AlreadyExists => {
            // It may also have gone since.
            let going = match describe(cx, &name).await.absent_ok() {
                Ok(db) => db.is_none_or(|db| db.db_instance_status() == Some("deleting")),
                Err(_) => false,
            };
            return Err(if going { Error { class: Class::InUse, ..error } } else { error });
        }
        out => out?,
    };
    out.db_instance.ok_or_else(|| Error::incomplete("rds.CreateDBInstance", "instance"))
}

/// The group that RDS writes a log of a server to.
fn log_group(server: &str, log: &str) -> Ref<LogGroup> {
    Ref::to(format!("/aws/rds/instance/{server}/{log}"))
}

/// Whether the wish names the groups that RDS writes to, if any: no call makes it write to others.
pub fn are_its_own(id: &str, want: &DbInstance) -> Result<()> {
    let own: BTreeSet<Ref<LogGroup>> = want.enable_cloudwatch_logs_exports.iter().map(|log| log_group(id, log)).collect();
    if want.log_groups.is_empty() || want.log_groups == own {
        return Ok(());
    }
    let names = |groups: &BTreeSet<Ref<LogGroup>>| groups.iter().map(Ref::id).collect::<Vec<_>>().join(", ");
    let message = format!("`log_groups` names {}, and RDS writes to {}: name those, or leave it out", names(&want.log_groups), names(&own));
    Err(Error::new(Class::Invalid, CALL, message))
}

/// The live server in comparable form. A change that RDS has accepted and not finished counts as made: else every plan in
/// between would ask for it again.
pub fn live(db: &rds::DbInstance, marks: Marks) -> Result<Live<DbInstance>> {
    let pending = db.pending_modified_values();
    let text = |now: Option<&str>, later: Option<&str>| later.or(now).unwrap_or_default().to_owned();
    let port = db.endpoint().and_then(rds::Endpoint::port).or(db.db_instance_port().filter(|port| *port > 0));
    let allocated = pending.and_then(|p| p.allocated_storage()).or(db.allocated_storage()).unwrap_or_default();
    let insights = db.performance_insights_enabled().unwrap_or_default();
    let name = db.db_instance_identifier().unwrap_or_default();
    let exports = exports(db);
    let shape = DbInstance {
        engine: variant(db.engine(), "engine")?,
        engine_version: text(db.engine_version(), pending.and_then(|p| p.engine_version())),
        db_instance_class: text(db.db_instance_class(), pending.and_then(|p| p.db_instance_class())),
        allocated_storage: allocated,
        max_allocated_storage: db.max_allocated_storage(),
        storage_type: variant(pending.and_then(|p| p.storage_type()).or(db.storage_type()), "storage type")?,
        iops: pending.and_then(|p| p.iops()).or(db.iops()),
        storage_throughput: pending.and_then(|p| p.storage_throughput()).or(db.storage_throughput()),
        storage_encrypted: db.storage_encrypted().unwrap_or_default(),
        kms_key: db.kms_key_id().map(Ref::to),
        multi_az: pending.and_then(|p| p.multi_az()).or(db.multi_az()).unwrap_or_default(),
        port: pending.and_then(|p| p.port()).or(port).unwrap_or_default(),
        master_username: db.master_username().unwrap_or_default().to_owned(),
        master_user_secret_kms_key: db.master_user_secret().and_then(|secret| secret.kms_key_id()).map(Ref::to),
        db_subnet_group: Ref::to(db.db_subnet_group().and_then(|group| group.db_subnet_group_name()).unwrap_or_default()),
        db_parameter_group: db.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name()).map(Ref::to),
        vpc_security_groups: db
            .vpc_security_groups()
            .iter()
            .filter(|group| group.status() != Some("removing"))
            .filter_map(|group| group.vpc_security_group_id().map(Ref::to))
            .collect(),
        publicly_accessible: db.publicly_accessible().unwrap_or_default(),
        backup_retention_period: pending.and_then(|p| p.backup_retention_period()).or(db.backup_retention_period()).unwrap_or_default(),
        preferred_backup_window: db.preferred_backup_window().map(str::to_owned),
        preferred_maintenance_window: db.preferred_maintenance_window().map(str::to_owned),
        copy_tags_to_snapshot: db.copy_tags_to_snapshot().unwrap_or_default(),
        deletion_protection: db.deletion_protection().unwrap_or_default(),
        log_groups: exports.iter().map(|log| log_group(name, log)).collect(),
        enable_cloudwatch_logs_exports: exports,
        monitoring_interval: db.monitoring_interval().unwrap_or_default(),
        monitoring_role: db.monitoring_role_arn().map(Ref::to),
        enable_performance_insights: insights,
        performance_insights_kms_key: db.performance_insights_kms_key_id().map(Ref::to),
        performance_insights_retention_period: db.performance_insights_retention_period().unwrap_or_else(week),
        auto_minor_version_upgrade: db.auto_minor_version_upgrade().unwrap_or_default(),
        enable_iam_database_authentication: pending
            .and_then(|p| p.iam_database_authentication_enabled())
            .or(db.iam_database_authentication_enabled())
            .unwrap_or_default(),
        ca_certificate_identifier: pending
            .and_then(|p| p.ca_certificate_identifier())
            .or(db.ca_certificate_identifier())
            .map(str::to_owned),
    };
    let id = db.db_instance_identifier().ok_or_else(|| Error::incomplete(CALL, "identifier"))?.to_owned();
    let made_at = db.instance_create_time().map(ToString::to_string).unwrap_or_default();
    Ok(Live { id, attributes: known(db), shape, marks, made_at })
}

/// The logs that go to CloudWatch, or will in a moment.
pub fn exports(db: &rds::DbInstance) -> BTreeSet<String> {
    let mut exports: BTreeSet<String> = db.enabled_cloudwatch_logs_exports().iter().cloned().collect();
    if let Some(pending) = db.pending_modified_values().and_then(|p| p.pending_cloudwatch_logs_exports()) {
        exports.extend(pending.log_types_to_enable().iter().cloned());
        pending.log_types_to_disable().iter().for_each(|log| {
            exports.remove(log);
        });
    }
    exports
}

/// What is RDS's to decide is taken from the wish: the minor version, a disk that has grown, and what the wish leaves out.
pub fn restate(have: &mut DbInstance, want: &DbInstance) {
    if same_version(&have.engine_version, &want.engine_version, have.auto_minor_version_upgrade) {
        have.engine_version.clone_from(&want.engine_version);
    }
    // A limit that the disk has reached is no limit that someone set: so RDS is told not to grow it.
    if want.max_allocated_storage.is_none() && have.max_allocated_storage.is_some_and(|max| max <= have.allocated_storage) {
        have.max_allocated_storage = None;
    }
    have.allocated_storage = if have.allocated_storage >= want.allocated_storage { want.allocated_storage } else { have.allocated_storage };
    fn left_out<T>(have: &mut Option<T>, want: &Option<T>) {
        if want.is_none() {
            *have = None;
        }
    }
    if want.log_groups.is_empty() {
        have.log_groups.clear();
    }
    left_out(&mut have.iops, &want.iops);
    left_out(&mut have.storage_throughput, &want.storage_throughput);
    left_out(&mut have.kms_key, &want.kms_key);
    left_out(&mut have.master_user_secret_kms_key, &want.master_user_secret_kms_key);
    left_out(&mut have.db_parameter_group, &want.db_parameter_group);
    left_out(&mut have.preferred_backup_window, &want.preferred_backup_window);
    left_out(&mut have.preferred_maintenance_window, &want.preferred_maintenance_window);
    left_out(&mut have.monitoring_role, &want.monitoring_role);
    left_out(&mut have.performance_insights_kms_key, &want.performance_insights_kms_key);
    left_out(&mut have.ca_certificate_identifier, &want.ca_certificate_identifier);
    if !want.enable_performance_insights && !have.enable_performance_insights {
        have.performance_insights_kms_key.clone_from(&want.performance_insights_kms_key);
        have.performance_insights_retention_period = want.performance_insights_retention_period;
    }
}

/// Whether a live version is what `want` asks for: the same series, or, where RDS applies minor versions by itself, a later one of it.
fn same_version(have: &str, want: &str, upgrades: bool) -> bool {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>();
    let (Some(is), Some(asked)) = (numbers(have), numbers(want)) else { return have == want };
    is.starts_with(&asked) || upgrades && asked.len() > 2 && is.get(..2) == asked.get(..2) && is > asked
}

/// The call that changes what differs; `logs` are those that go to CloudWatch now.
pub fn modify(cx: &Aws, change: &Change<DbInstance>, logs: &BTreeSet<String>) -> ModifyDBInstanceFluentBuilder {
    let (have, want) = (&change.have, &change.want);
    let differs = |field: &str| change.fields.contains(field);
    let series = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    let version = differs("engine_version");
    let major = version && series(&have.engine_version) != series(&want.engine_version);
    let insights = ["enable_performance_insights", "performance_insights_kms_key", "performance_insights_retention_period"];
    let on = change.touches(&insights) && want.enable_performance_insights;
    let disk = change.touches(&["allocated_storage", "storage_type", "iops", "storage_throughput"]);
    // Left out, RDS would keep the limit: with the disk's own size it does not grow any more.
    let limit = want.max_allocated_storage.unwrap_or(have.allocated_storage.max(want.allocated_storage));
    cx.rds
        .modify_db_instance()
        .db_instance_identifier(&change.id)
        .apply_immediately(true)
        .set_engine_version(version.then(|| want.engine_version.clone()))
        .set_allow_major_version_upgrade(major.then_some(true))
        .set_db_instance_class(differs("db_instance_class").then(|| want.db_instance_class.clone()))
        .set_allocated_storage(disk.then_some(have.allocated_storage.max(want.allocated_storage)))
        .set_max_allocated_storage(differs("max_allocated_storage").then_some(limit))
        .set_storage_type(disk.then(|| word(&want.storage_type)))
        .set_iops(want.iops.filter(|_| disk))
        .set_storage_throughput(want.storage_throughput.filter(|_| disk))
        .set_multi_az(differs("multi_az").then_some(want.multi_az))
        .set_db_port_number(differs("port").then_some(want.port))
        .set_db_parameter_group_name(
            want.db_parameter_group.as_ref().filter(|_| differs("db_parameter_group")).map(|group| group.id().to_owned()),
        )
        .set_vpc_security_group_ids(
            differs("vpc_security_groups").then(|| want.vpc_security_groups.iter().map(|group| group.id().to_owned()).collect()),
        )
        .set_publicly_accessible(differs("publicly_accessible").then_some(want.publicly_accessible))
        .set_backup_retention_period(differs("backup_retention_period").then_some(want.backup_retention_period))
        .set_preferred_backup_window(want.preferred_backup_window.clone().filter(|_| differs("preferred_backup_window")))
        .set_preferred_maintenance_window(want.preferred_maintenance_window.clone().filter(|_| differs("preferred_maintenance_window")))
        .set_copy_tags_to_snapshot(differs("copy_tags_to_snapshot").then_some(want.copy_tags_to_snapshot))
        .set_deletion_protection(differs("deletion_protection").then_some(want.deletion_protection))
        .set_cloudwatch_logs_export_configuration(differs("enable_cloudwatch_logs_exports").then(|| {
            let (is, asked) = (logs, &want.enable_cloudwatch_logs_exports);
            rds::CloudwatchLogsExportConfiguration::builder()
                .set_enable_log_types(Some(asked.difference(is).cloned().collect()))
                .set_disable_log_types(Some(is.difference(asked).cloned().collect()))
                .build()
        }))
        .set_monitoring_interval(change.touches(&["monitoring_interval", "monitoring_role"]).then_some(want.monitoring_interval))
        .set_monitoring_role_arn(
            want.monitoring_role
                .as_ref()
                .filter(|_| change.touches(&["monitoring_interval", "monitoring_role"]))
                .map(|role| role.id().to_owned()),
        )
        .set_enable_performance_insights(change.touches(&insights).then_some(want.enable_performance_insights))
        .set_performance_insights_kms_key_id(want.performance_insights_kms_key.as_ref().filter(|_| on).map(|key| key.id().to_owned()))
        .set_performance_insights_retention_period(on.then_some(want.performance_insights_retention_period))
        .set_auto_minor_version_upgrade(differs("auto_minor_version_upgrade").then_some(want.auto_minor_version_upgrade))
        .set_enable_iam_database_authentication(
            differs("enable_iam_database_authentication").then_some(want.enable_iam_database_authentication),
        )
        .set_ca_certificate_identifier(want.ca_certificate_identifier.clone().filter(|_| differs("ca_certificate_identifier")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_not_ours() {
        assert!(same_version("10.11.9", "10.11", false));
        assert!(same_version("10.11.10", "10.11.9", true));
        assert!(!same_version("10.11.10", "10.11.9", false));
        assert!(!same_version("10.11.8", "10.11.9", true));
        assert!(!same_version("10.6.9", "10.11", true));
        assert!(!same_version("11.4.2", "10.11.9", true));
        assert!(!same_version("10.1.2", "10.11", true));
    }
}
