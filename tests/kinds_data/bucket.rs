//! Buckets and objects.

use reeve::kinds::aws::bucket::Bucket;
use reeve::kinds::aws::bundle::Bundle;
use reeve::kinds::aws::object::Object;
use reeve::kinds::{Gone, Kind};
use reeve::model::Address;
use reeve::planes::Class;
use serde_json::json;

use crate::support::{Life, account, wish};

#[tokio::test]
async fn a_bucket_lives() {
    let aws = account("buckets").await;
    let [logs, life] = ["edge.logs", "observability.trail_bucket"].map(|address| Life { aws: &aws, address });
    let receives = reeve::model::name::name("buckets", &Address::parse("edge.logs").unwrap(), "", 50);
    let receives = format!("arn:aws:s3:::{receives}-{}/*", aws.estate.account);
    let target = logs
        .create::<Bucket>(&wish(json!({ "policy": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "Service": "logging.s3.amazonaws.com" }, "Action": "s3:PutObject", "Resource": receives }] } })))
        .await;
    let name = reeve::model::name::name("buckets", &Address::parse("observability.trail_bucket").unwrap(), "", 50);
    let arn = format!("arn:aws:s3:::{name}-{}", aws.estate.account);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")], "Condition": { "Bool": { "aws:SecureTransport": "false" } } }] });
    let key = aws.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let made = life
        .lives::<Bucket>(&[
            wish(json!({ "policy": policy, "lifecycle_rules": { "old": { "expiration_days": 2192, "noncurrent_expiration_days": 30 } } })),
            wish(json!({ "kms_key": key, "versioning": false, "public_access_block": false,
                "logging": { "target_bucket": target.id, "target_prefix": "trail/" },
                "lifecycle_rules": { "cold": { "prefix": "AWSLogs/", "transitions": { "STANDARD_IA": 30, "GLACIER": 90 },
                    "abort_incomplete_multipart_upload_days": 7 } } })),
            wish(json!({})),
        ])
        .await;
    aws.s3.put_object().bucket(&made.id).key("kept").body(b"x".to_vec().into()).send().await.unwrap();
    let have = life.live::<Bucket>(&made.id).await.unwrap();
    let address = Address::parse("observability.trail_bucket").unwrap();
    let gone = Gone { address, id: made.id.clone(), attributes: Default::default(), have: have.shape };
    let refused = Bucket::delete(&aws, &gone).await.unwrap_err();
    assert_eq!(refused.class, Class::Invalid);
    assert!(refused.message.contains("Empty"), "{refused}");
    let versions = aws.s3.list_object_versions().bucket(&made.id).send().await.unwrap();
    for version in versions.versions() {
        let call = aws.s3.delete_object().bucket(&made.id).key("kept").set_version_id(version.version_id.clone());
        call.send().await.unwrap();
    }
    life.dies::<Bucket>(&made.id).await;
}

#[tokio::test]
async fn a_bucket_left_untagged_by_a_crash_is_taken_up_and_another_is_not() {
    let aws = account("bucket-crash").await;
    let name = format!("bucket-crash-edge-logs-{}", aws.estate.account);
    aws.s3.create_bucket().bucket(&name).send().await.unwrap();
    let life = Life { aws: &aws, address: "edge.logs" };
    let made = life.create::<Bucket>(&wish(json!({}))).await;
    assert_eq!(made.id, name);

    // Now it bears tags: whoever wants to make it again has to look first.
    let new = reeve::kinds::New {
        address: Address::parse("edge.logs").unwrap(),
        want: wish::<Bucket>(json!({})),
        marks: life.marks(),
        token: String::new(),
        naming: reeve::kinds::Naming { stack: "bucket-crash".into(), salt: String::new() },
    };
    assert_eq!(Bucket::create(&aws, &new).await.unwrap_err().class, Class::AlreadyExists);
}

#[tokio::test]
async fn a_lifecycle_rule_that_somebody_narrowed_is_drift() {
    use aws_sdk_s3::types::{
        BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter,
        Tag,
    };

    let aws = account("narrowed").await;
    let life = Life { aws: &aws, address: "edge.logs" };
    let want = wish::<Bucket>(json!({ "lifecycle_rules": { "old": { "expiration_days": 30 } } }));
    let made = life.create(&want).await;
    let tag = Tag::builder().key("a").value("b").build().unwrap();
    for filter in [
        LifecycleRuleFilter::builder().tag(tag.clone()),
        LifecycleRuleFilter::builder().and(LifecycleRuleAndOperator::builder().prefix("").tags(tag).build()),
    ] {
        let rule = LifecycleRule::builder().id("old").status(ExpirationStatus::Enabled).filter(filter.build());
        let rule = rule.expiration(LifecycleExpiration::builder().days(30).build()).build().unwrap();
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().unwrap();
        aws.s3.put_bucket_lifecycle_configuration().bucket(&made.id).lifecycle_configuration(rules).send().await.unwrap();
        let live = life.live::<Bucket>(&made.id).await.unwrap().shape;
        assert_ne!(live.lifecycle_rules, want.lifecycle_rules, "{live:?}");
    }
    life.dies::<Bucket>(&made.id).await;
}

#[tokio::test]
async fn an_object_lives() {
    let aws = account("objects").await;
    let [holder, life] = ["fleet.scripts", "fleet.script"].map(|address| Life { aws: &aws, address });
    let bucket = holder.create::<Bucket>(&wish(json!({}))).await;
    aws.s3.put_object().bucket(&bucket.id).key("reeve/strange").body(b"x".to_vec().into()).send().await.unwrap();
    let made = life
        .lives::<Object>(&[
            wish(json!({ "bucket": bucket.id, "key": "reeve/setup.sh", "body": "echo one\n" })),
            wish(json!({ "bucket": bucket.id, "key": "reeve/setup.sh", "body": "echo zwei ü\n", "content_type": "text/x-shellscript" })),
        ])
        .await;
    assert_eq!(Object::fetch(&aws.fresh()).await.unwrap().len(), 1, "an object without marks is not ours");
    life.dies::<Object>(&made.id).await;
}

#[tokio::test]
async fn a_bundle_lives_and_only_as_what_its_name_says() {
    use sha2::{Digest, Sha256};

    let aws = account("bundles").await;
    let [holder, life] = ["fleet.bucket", "fleet.bundle"].map(|address| Life { aws: &aws, address });
    let bucket = holder.create::<Bucket>(&wish(json!({}))).await;
    let folder = tempfile::tempdir().unwrap();
    let digest: String = Sha256::digest(b"a bundle").iter().map(|byte| format!("{byte:02x}")).collect();
    let file = folder.path().join(format!("{digest}.tar.gz"));
    let want = wish::<Bundle>(json!({ "bucket": bucket.id, "sha256": digest, "folder": folder.path() }));
    let new = || reeve::kinds::New {
        address: Address::parse("fleet.bundle").unwrap(),
        want: want.clone(),
        marks: life.marks(),
        token: String::new(),
        naming: reeve::kinds::Naming { stack: "bundles".into(), salt: String::new() },
    };
    for (content, said) in [(None, "reeve host bundle"), (Some("another"), "is not what its name says")] {
        content.into_iter().for_each(|content| std::fs::write(&file, content).unwrap());
        let error = Bundle::create(&aws, &new()).await.unwrap_err();
        assert!(error.class == Class::Invalid && error.message.contains(said), "{error}");
    }
    std::fs::write(&file, "a bundle").unwrap();
    let made = life.create::<Bundle>(&want).await;
    let live = life.live::<Bundle>(&made.id).await.expect("it is found again").shape;
    assert_eq!((&live.sha256, live.bucket.id()), (&want.sha256, bucket.id.as_str()));
    let there = aws.s3.get_object().bucket(&bucket.id).key(format!("bundles/{digest}.tar.gz")).send().await.unwrap();
    assert_eq!(there.body.collect().await.unwrap().to_vec(), b"a bundle");
    assert_eq!(Bundle::create(&aws, &new()).await.unwrap_err().class, Class::AlreadyExists);
    // What an object's kind lists is somewhere else.
    assert_eq!(Object::fetch(&aws.fresh()).await.unwrap().len(), 0);
    life.dies::<Bundle>(&made.id).await;
}
