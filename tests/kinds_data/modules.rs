//! The modules `database` and `files` expand, and what they expand to meets the controls of their area.

use reeve::desired::{self, Desired, SourceFile};
use reeve::model::Address;
use serde_json::Value;

/// The smallest stack, with `sections`.
fn expand(sections: &str) -> Result<Desired, String> {
    let stack = format!(
        "apiVersion: reeve/v1\nkind: Stack\nmetadata: {{ name: small }}\nspec:\n  region: us-east-1\n  domain: small.example\n  \
         distributions:\n    refapp:\n      image: openmrs/backend@sha256:{}\n{sections}",
        "0123456789abcdef".repeat(4)
    );
    let files = [SourceFile { path: "stack.yaml".into(), text: stack }];
    desired::load_sources(&files).map_err(|problems| problems.to_string())
}

fn spec<'d>(desired: &'d Desired, address: &str) -> &'d Value {
    &desired.resources.get(&Address::parse(address).unwrap()).unwrap_or_else(|| panic!("no {address}")).spec
}

#[test]
fn the_smallest_stack_meets_the_controls_of_rds() {
    let desired = expand("").unwrap_or_else(|problems| panic!("{problems}"));
    let spec_of_server = spec(&desired, "database.server");
    for (field, want) in [
        ("storage_encrypted", Value::from(true)),
        ("kms_key", "${ref(\"database.key\")}".into()),
        ("multi_az", true.into()),
        ("publicly_accessible", false.into()),
        ("deletion_protection", true.into()),
        ("port", 3307.into()),
        ("master_username", "reeve_root".into()),
        ("backup_retention_period", 35.into()),
        ("monitoring_interval", 60.into()),
        ("auto_minor_version_upgrade", true.into()),
        ("copy_tags_to_snapshot", true.into()),
        ("enable_iam_database_authentication", true.into()),
        ("performance_insights_kms_key", "${ref(\"database.key\")}".into()),
        ("engine_version", "10.11".into()),
    ] {
        assert_eq!(spec_of_server[field], want, "{field}");
    }
    let parameters = spec(&desired, "database.parameters");
    assert_eq!(parameters["db_parameter_group_family"], "mariadb10.11");
    assert_eq!(parameters["parameters"]["require_secure_transport"], "1", "`ON` is not what the catalogues look for");
    assert_eq!(parameters["parameters"]["log_bin_trust_function_creators"], "1");
    let server = Address::parse("database.server").unwrap();
    let log = spec(&desired, "database.log/error");
    let name = "/aws/rds/instance/${ref(\"database.server\").name}/error";
    assert_eq!(log["log_group_name"], name, "RDS writes where the server's name says, whichever that is by now");
    assert_eq!((&log["retention_in_days"], &log["kms_key"]), (&2192.into(), &"${ref(\"observability.key\")}".into()));
    assert_eq!(spec(&desired, "database.subnets")["subnets"].as_array().unwrap().len(), 3);
    assert_eq!(spec(&desired, "database.events/parameter-group")["event_categories"], serde_json::json!(["configuration change"]));
    assert_eq!(spec(&desired, "database.key")["enable_key_rotation"], true);
    assert!(desired.resources[&server].protect);
}

#[test]
fn the_smallest_stack_meets_the_controls_of_efs() {
    let desired = expand("").unwrap_or_else(|problems| panic!("{problems}"));
    let files = spec(&desired, "files.file_system");
    assert_eq!((&files["encrypted"], &files["backup"], &files["throughput_mode"]), (&true.into(), &true.into(), &"elastic".into()));
    let statements = files["policy"]["Statement"].as_array().unwrap();
    let plain = serde_json::json!(["false"]);
    assert!(statements.iter().any(|one| one["Effect"] == "Deny" && one["Condition"]["Bool"]["aws:SecureTransport"] == plain));
    let allowed = statements.iter().filter(|one| one["Effect"] == "Allow");
    assert!(allowed.into_iter().all(|one| one["Principal"]["AWS"] != serde_json::json!(["*"])), "nobody mounts unnamed");
    let door = spec(&desired, "files.access_point");
    assert_eq!((&door["posix_user"]["uid"], &door["root_directory"]["path"]), (&1001.into(), &"/tenants".into()));
    assert_eq!(spec(&desired, "files.mount/b")["subnet"], "${ref(\"vpc.private/b\")}");
}

#[test]
fn another_engine_takes_its_own_series() {
    let desired = expand("  database: { engine: mysql, storage_gib: 50, max_storage_gib: 50, performance_insights: false }\n").unwrap();
    assert_eq!(spec(&desired, "database.parameters")["db_parameter_group_family"], "mysql8.4");
    let server = spec(&desired, "database.server");
    assert_eq!((&server["engine_version"], server.get("max_allocated_storage")), (&"8.4".into(), None));
}

#[test]
fn the_account_that_gets_copies_may_read_the_database_s() {
    assert_eq!(spec(&expand("").unwrap(), "database.key").get("policy"), None, "nobody else is let in without a copy");
    let far = "arn:aws:backup:eu-west-1:210987654321:backup-vault:far";
    let desired = expand(&format!("  backup: {{ copy_to: \"{far}\" }}\n")).unwrap_or_else(|problems| panic!("{problems}"));
    let statements = spec(&desired, "database.key")["policy"]["Statement"].as_array().unwrap();
    let may = |account: &str, action: &str| {
        statements.iter().any(|one| {
            one["Principal"]["AWS"].to_string().contains(account) && one["Action"].as_array().unwrap().iter().any(|each| each == action)
        })
    };
    for action in ["kms:Decrypt", "kms:ReEncrypt*", "kms:DescribeKey", "kms:CreateGrant"] {
        assert!(may("210987654321", action), "{action}: {statements:#?}");
    }
    assert!(!may("210987654321", "kms:*") && may("lookup.account", "kms:*"), "{statements:#?}");
    assert_eq!(spec(&desired, "backup.plan")["rules"]["daily"]["copy_actions"][0]["destination_backup_vault"], far);
}

#[test]
fn mistakes_are_told_with_their_field() {
    for (sections, words) in [
        ("  database: { engine: mysql, engine_version: \"10.11\" }\n", "engine_version"),
        ("  database: { port: 3306 }\n", "RDS.23"),
        ("  database: { administrator: admin }\n", "RDS.25"),
        ("  database: { storage_gib: 200, max_storage_gib: 100 }\n", "storage_gib"),
        ("  database: { storage_gib: 200, max_storage_gib: 219 }\n", "a tenth more than `storage_gib`"),
        ("  files: { throughput: provisioned }\n", "throughput_mibps"),
    ] {
        let told = expand(sections).expect_err(sections);
        assert!(told.contains(words), "{told}");
    }
}
