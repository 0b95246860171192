//! Keys.

use reeve::kinds::aws::key::Key;
use reeve::kinds::{DELETED, Gone, Kind, Ready};
use reeve::model::Address;
use serde_json::json;

use crate::support::{Life, account, wish};

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
