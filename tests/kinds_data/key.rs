//! Keys.

use reeve::kinds::aws::key::Key;
use reeve::kinds::{Gone, Kind};
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
