//! Keys.

use reeve::kinds::aws::key::Key;
use reeve::kinds::{DELETED, Gone, Kind, Ready};
use reeve::model::Address;
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use serde_json::json;

use crate::support::{Life, account, faulty, wish};

#[tokio::test]
async fn a_key_lives() {
    let aws = account("keys").await;
    let life = Life { aws: &aws, address: "database.key" };
    let root = json!({ "AWS": format!("arn:aws:iam::{}:root", aws.estate.account) });
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "account", "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*" },
        { "Sid": "logs", "Effect": "Allow", "Principal": { "Service": "logs.us-east-1.amazonaws.com" },
          "Action": ["kms:GenerateDataKey*", "kms:Decrypt"], "Resource": "*" },
    ] });
    let made = life
        .lives::<Key>(&[
            wish(json!({ "description": "one" })),
            wish(json!({ "description": "two", "policy": policy, "rotation_period_in_days": 180 })),
            wish(json!({ "description": "two", "enable_key_rotation": false, "enabled": false })),
            wish(json!({ "description": "two" })),
        ])
        .await;
    life.dies::<Key>(&made.id).await;
    let state = aws.kms.describe_key().key_id(&made.id).send().await.unwrap().key_metadata.unwrap().key_state.unwrap();
    assert_eq!(state.as_str(), "PendingDeletion", "it can be had back for a while");

    // The next of that address has the alias that the first gave back.
    let second = life.create::<Key>(&wish(json!({ "description": "again" }))).await;
    assert_ne!(second.id, made.id);
    assert!(life.live::<Key>(&second.id).await.is_some());
}

#[tokio::test]
async fn a_key_stays_while_a_backup_can_be_opened_with_it_alone() {
    let aws = account("key-backups").await;
    let life = Life { aws: &aws, address: "database.key" };
    let key = life.create::<Key>(&wish(json!({ "description": "database" }))).await.id;
    let make = aws.rds.create_db_instance().db_instance_identifier("key-backups").engine("mysql").db_instance_class("db.r6g.large");
    let make = make.allocated_storage(20).master_username("me").manage_master_user_password(true).backup_retention_period(7);
    let made = make.storage_type("gp3").storage_encrypted(true).kms_key_id(&key).send().await.unwrap().db_instance.unwrap();
    aws.backup.create_backup_vault().backup_vault_name("key-backups").send().await.unwrap();
    let job = aws.backup.start_backup_job().backup_vault_name("key-backups").resource_arn(made.db_instance_arn().unwrap());
    let point = job.iam_role_arn("arn:aws:iam::123456789012:role/backup").send().await.unwrap().recovery_point_arn.unwrap();
    let end = aws.rds.delete_db_instance().db_instance_identifier("key-backups").delete_automated_backups(false);
    end.final_db_snapshot_identifier("key-backups-final").send().await.unwrap();

    let have = life.live::<Key>(&key).await.unwrap().shape;
    let gone = Gone { address: Address::parse("database.key").unwrap(), id: key.clone(), attributes: Default::default(), have };
    let refused = async || Key::delete(&aws, &gone).await.unwrap_err().to_string();
    let why = refused().await;
    for named in [
        "the snapshot key-backups-final",
        "the automated backups of key-backups",
        &format!("the recovery point {point}"),
        "reeve runbook protected",
    ] {
        assert!(why.contains(named), "{named}: {why}");
    }
    assert!(!life.live::<Key>(&key).await.expect("it is still ours").marks.retiring);

    let snapshots = aws.rds.describe_db_snapshots().db_instance_identifier("key-backups").send().await.unwrap();
    for snapshot in snapshots.db_snapshots().iter().filter_map(|one| one.db_snapshot_identifier()) {
        aws.rds.delete_db_snapshot().db_snapshot_identifier(snapshot).send().await.unwrap();
    }
    assert!(!refused().await.contains("snapshot"));
    aws.rds.delete_db_instance_automated_backup().dbi_resource_id(made.dbi_resource_id().unwrap()).send().await.unwrap();
    assert!(refused().await.contains(&point));
    aws.backup.delete_recovery_point().backup_vault_name("key-backups").recovery_point_arn(&point).send().await.unwrap();
    life.dies::<Key>(&key).await;
}

#[tokio::test]
async fn two_keys_of_one_address_are_both_seen() {
    let aws = account("key-twins").await;
    let life = Life { aws: &aws, address: "files.key" };
    let old = life.create::<Key>(&wish(json!({ "description": "old" }))).await;
    let new = life.create::<Key>(&wish(json!({ "description": "new" }))).await;
    let mut seen: Vec<String> = Key::fetch(&aws).await.unwrap().into_iter().map(|live| live.shape.description).collect();
    seen.sort();
    assert_eq!(seen, ["new", "old"]);
    let have = life.live::<Key>(&old.id).await.unwrap();
    let gone = Gone { address: Address::parse("files.key").unwrap(), id: old.id, attributes: Default::default(), have: have.shape };
    Key::delete(&aws, &gone).await.unwrap();
    assert_eq!(Key::fetch(&aws.fresh()).await.unwrap()[0].id, new.id);
}

#[tokio::test]
async fn a_key_whose_deletion_somebody_else_scheduled_is_not_gone() {
    let aws = account("key-doomed").await;
    let life = Life { aws: &aws, address: "files.key" };
    let want = wish::<Key>(json!({ "description": "files" }));
    let made = life.create::<Key>(&want).await;
    assert!(!life.live::<Key>(&made.id).await.unwrap().attributes.contains_key(DELETED));
    aws.kms.schedule_key_deletion().key_id(&made.id).pending_window_in_days(7).send().await.unwrap();

    let live = life.live::<Key>(&made.id).await.expect("it can be had back, so it is there");
    let due = &live.attributes[DELETED];
    assert!(due.starts_with("on 20") && due.len() == "on 2026-12-24".len(), "{due}");
    assert!(!live.shape.enabled && live.marks == life.marks());
    let ready = Key::ready(&aws, &made.id).await.unwrap();
    assert!(matches!(&ready, Ready::Failed(why) if why.contains(due)), "{ready:?}");

    // Had back with the command that the kind names, it is as it was.
    assert!(Key::REPRIEVE.contains("cancel-key-deletion") && Key::REPRIEVE.contains("enable-key"));
    aws.kms.cancel_key_deletion().key_id(&made.id).send().await.unwrap();
    aws.kms.enable_key().key_id(&made.id).send().await.unwrap();
    let live = life.live::<Key>(&made.id).await.unwrap();
    assert!(live.shape == want && !live.attributes.contains_key(DELETED), "{live:?}");

    // Dropped by us after somebody else had scheduled it: nothing can be written on it any more, and its alias goes.
    aws.kms.schedule_key_deletion().key_id(&made.id).pending_window_in_days(7).send().await.unwrap();
    life.dies::<Key>(&made.id).await;
}

#[tokio::test]
async fn a_key_that_we_dropped_is_gone_though_its_alias_is_still_listed() {
    let aws = account("key-dropped").await;
    let life = Life { aws: &aws, address: "files.key" };
    let made = life.create::<Key>(&wish(json!({}))).await;
    life.dies::<Key>(&made.id).await;
    // The listing of aliases lags behind.
    aws.kms.cancel_key_deletion().key_id(&made.id).send().await.unwrap();
    aws.kms.create_alias().alias_name("alias/reeve/key-dropped/files/key").target_key_id(&made.id).send().await.unwrap();
    aws.kms.schedule_key_deletion().key_id(&made.id).pending_window_in_days(7).send().await.unwrap();
    assert!(life.live::<Key>(&made.id).await.is_none());
    assert!(Key::ready(&aws, &made.id).await.unwrap_err().is_not_found());
}

/// Makes a key of this stack while that is answered whenever a key without an alias is asked for its tags.
async fn beside_an_orphan(stack: &str, status: u16, code: &str) -> (reeve::planes::Result<String>, String) {
    let aws = account(stack).await;
    let want = wish::<Key>(json!({}));
    let orphan = Life { aws: &aws, address: "files.key" }.create::<Key>(&want).await.id;
    aws.kms.delete_alias().alias_name(format!("alias/reeve/{stack}/files/key")).send().await.unwrap();
    let faults = Faults::new(1).with(Rule::new("kms.ListResourceTags", Fault::Refuse { status, code: code.into() }));
    let aws = faulty(stack, Some(faults)).await;
    let made = Life { aws: &aws, address: "files.key" }.tries(&want).await;
    (made.map(|made| made.id), orphan)
}

#[tokio::test]
async fn a_key_that_cannot_be_asked_whose_it_is_is_not_taken_for_a_stranger_s() {
    let (made, _) = beside_an_orphan("key-unasked", 400, "KMSInvalidStateException").await;
    assert_eq!(made.unwrap_err().code, "KMSInvalidStateException", "it could be ours: no second one is made");
    for (stack, code) in [("key-denied", "AccessDeniedException"), ("key-gone", "NotFoundException")] {
        let (made, orphan) = beside_an_orphan(stack, 400, code).await;
        assert_ne!(made.unwrap(), orphan, "{code}: a key that forbids to be looked at is not ours");
    }
}
