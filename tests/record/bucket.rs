//! The record in S3: how the bucket is made, whose it must be, and everything that holds for a folder too.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, Tag, Tagging};
use reeve::planes::aws::connect::{self, Connection};
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::planes::aws::stats::Stats;
use reeve::record::{Bucket, Location, RECORD_TAG, Record, RecordError, Store};
use reeve::sandbox::{ACCOUNT, Options, Sandbox};

use crate::support::{attempt, end, made, owner, run, start};
use crate::{history, journal, lease};

const REGION: &str = "eu-west-1";

async fn sandbox() -> Sandbox {
    Sandbox::start(Options { zones: Vec::new(), ..Options::default() }).await.unwrap()
}

async fn connect(sandbox: &Sandbox, faults: Option<Faults>) -> Connection {
    let options = connect::Options {
        stack: "estate".to_owned(),
        domain: "estate.example".to_owned(),
        region: REGION.to_owned(),
        endpoint: Some(sandbox.endpoint.clone()),
        credentials: Some(Credentials::new("test", "test", None, None, "test")),
        stats: Stats::default(),
        faults,
        ..connect::Options::default()
    };
    connect::connect(options).await.unwrap()
}

fn bucket(stack: &str) -> Bucket {
    Bucket { stack: stack.to_owned(), account: ACCOUNT.to_owned(), region: REGION.to_owned(), partition: "aws".to_owned() }
}

/// A record in a fresh bucket.
async fn record(client: &Client, stack: &str) -> Record {
    Record::new(Store::S3(bucket(stack).ensure(client).await.unwrap()))
}

#[tokio::test]
async fn what_holds_for_a_folder_holds_for_s3() {
    let sandbox = sandbox().await;
    let client = connect(&sandbox, None).await.aws.s3;
    lease::one_of_many(record(&client, "one").await).await;
    lease::one_of_many_takes_over(record(&client, "race").await).await;
    lease::passes_on(record(&client, "passes").await).await;
    lease::taken_over(record(&client, "over").await).await;
    lease::kept(record(&client, "kept").await).await;
    lease::unlocked(record(&client, "unlocked").await).await;
    lease::taken(record(&client, "taken").await).await;
    journal::chained(record(&client, "chained").await).await;
    journal::grouped(record(&client, "grouped").await).await;
    history::told(record(&client, "told").await).await;
    history::crashed(record(&client, "crashed").await).await;

    let applied = record(&client, "applied").await;
    applied.mark_plan_applied("sha256:00aa", "run-1").await.unwrap();
    let error = applied.mark_plan_applied("sha256:00aa", "run-2").await.unwrap_err();
    assert!(matches!(error, RecordError::AlreadyApplied(by) if by.run == "run-1"));
    assert_eq!(applied.was_applied("sha256:00bb").await.unwrap(), None);
    // Of which nothing came may be applied again, and then counts.
    applied.was_in_vain("sha256:00aa", "run-2").await.unwrap();
    assert!(applied.was_applied("sha256:00aa").await.unwrap().is_some(), "another run's word");
    applied.was_in_vain("sha256:00aa", "run-1").await.unwrap();
    assert_eq!(applied.was_applied("sha256:00aa").await.unwrap(), None);
    applied.mark_plan_applied("sha256:00aa", "run-3").await.unwrap();
    let error = applied.mark_plan_applied("sha256:00aa", "run-4").await.unwrap_err();
    assert!(matches!(error, RecordError::AlreadyApplied(by) if by.run == "run-3"));
}

#[tokio::test]
async fn reading_before_the_first_apply_makes_nothing() {
    let sandbox = sandbox().await;
    let aws = connect(&sandbox, None).await.aws;
    let client = aws.s3.clone();
    let record = Record::open(&Location::S3, &aws);
    let loaded = record.history().await.unwrap();
    assert!(loaded.history.applied.is_empty() && loaded.warnings.is_empty());
    assert_eq!(record.holder().await.unwrap(), None);
    assert_eq!(record.was_applied("sha256:00").await.unwrap(), None);
    assert_eq!(record.verify().await.unwrap(), reeve::record::Verified::default());
    assert!(client.list_buckets().send().await.unwrap().buckets().is_empty());
    let message = record.acquire(&owner("ops")).await.unwrap_err().to_string();
    assert!(message.contains("reeve-123456789012-eu-west-1-estate/lease.json") && message.contains("first apply makes it"), "{message}");

    let record = Record::prepare(&Location::S3, &aws).await.unwrap();
    assert!(record.acquire(&owner("ops")).await.is_ok());
}

#[tokio::test]
async fn the_bucket_is_private_versioned_encrypted_tls_only_and_made_once() {
    let sandbox = sandbox().await;
    let Connection { aws, stats, .. } = connect(&sandbox, None).await;
    let client = &aws.s3;
    let want = bucket("estate");
    let name = want.name();
    want.ensure(client).await.unwrap();

    let block = client.get_public_access_block().bucket(&name).send().await.unwrap().public_access_block_configuration.unwrap();
    let flags = [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets];
    assert_eq!(flags, [Some(true); 4]);
    let versions = client.get_bucket_versioning().bucket(&name).send().await.unwrap();
    assert_eq!(versions.status, Some(BucketVersioningStatus::Enabled));
    let encryption = client.get_bucket_encryption().bucket(&name).send().await.unwrap().server_side_encryption_configuration.unwrap();
    let default = encryption.rules()[0].apply_server_side_encryption_by_default().unwrap();
    assert_eq!(default.sse_algorithm, ServerSideEncryption::Aes256);
    let policy = client.get_bucket_policy().bucket(&name).send().await.unwrap().policy.unwrap();
    let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(policy["Statement"][0]["Condition"]["Bool"]["aws:SecureTransport"], "false");
    assert_eq!(policy["Statement"][0]["Resource"][1], format!("arn:aws:s3:::{name}/*"));
    assert_eq!(client.get_bucket_location().bucket(&name).send().await.unwrap().location_constraint.unwrap().as_str(), REGION);
    let tags = client.get_bucket_tagging().bucket(&name).send().await.unwrap().tag_set;
    assert!(tags.iter().any(|tag| tag.key == "reeve:stack" && tag.value == "estate"));
    assert!(tags.iter().any(|tag| tag.key == RECORD_TAG));

    let before: u64 = stats.calls().values().sum();
    want.ensure(client).await.unwrap();
    assert_eq!(stats.calls().values().sum::<u64>(), before + 1, "a bucket that is there costs one call");
}

#[tokio::test]
async fn a_bucket_of_somebody_else_is_refused_and_an_unfinished_one_finished() {
    let sandbox = sandbox().await;
    let client = connect(&sandbox, None).await.aws.s3;
    let make = async |stack: &str| {
        let place = aws_sdk_s3::types::BucketLocationConstraint::from(REGION);
        let config = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(place).build();
        let name = bucket(stack).name();
        client.create_bucket().bucket(&name).create_bucket_configuration(config).send().await.unwrap();
        name
    };
    let refused = async |stack: &str, says: &str| {
        let error = bucket(stack).ensure(&client).await.unwrap_err();
        assert!(matches!(&error, RecordError::ForeignBucket { why, .. } if why.contains(says)), "{error}");
        let versions = client.get_bucket_versioning().bucket(bucket(stack).name()).send().await.unwrap();
        assert_eq!(versions.status, None, "it was touched");
    };
    for (stack, key, value, says) in
        [("a", "reeve:stack", "other", "says other"), ("b", "team", "web", "lacks the tags"), ("c", "reeve:record", "v9", "says v9")]
    {
        let tags = Tagging::builder().tag_set(Tag::builder().key(key).value(value).build().unwrap()).build().unwrap();
        client.put_bucket_tagging().bucket(make(stack).await).tagging(tags).send().await.unwrap();
        refused(stack, says).await;
    }
    let name = make("full").await;
    client.put_object().bucket(name).key("theirs").body(b"data".to_vec().into()).send().await.unwrap();
    refused("full", "it holds objects").await;

    make("unfinished").await;
    let found = bucket("unfinished").ensure(&client).await.unwrap();
    let versions = client.get_bucket_versioning().bucket(found.name()).send().await.unwrap();
    assert_eq!(versions.status, Some(BucketVersioningStatus::Enabled));
}

#[tokio::test]
async fn a_crash_at_any_call_of_the_making_is_finished_by_the_next() {
    let sandbox = sandbox().await;
    let client = connect(&sandbox, None).await.aws.s3;
    for change in 1..=6 {
        let stack = format!("crash-{change}");
        let faults = Faults::new(7).crash_after(change);
        let crashing = connect(&sandbox, Some(faults.clone())).await.aws.s3;
        assert!(bucket(&stack).ensure(&crashing).await.is_err());
        assert!(faults.crashed());
        run(&record(&client, &stack).await, &["vpc.vpc"]).await;
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_counts_once() {
    let sandbox = sandbox().await;
    let calm = record(&connect(&sandbox, None).await.aws.s3, "lossy").await;
    for fault in [Fault::LostReply, Fault::ServerErrorAfter(500), Fault::ServerError(500)] {
        let faults = Faults::new(7).with(Rule::new("s3.PutObject", fault).chance(0.3));
        let client = connect(&sandbox, Some(faults.clone())).await.aws.s3;
        let lossy = Record::new(Store::S3(bucket("lossy").open(client)));
        let lease = lossy.acquire(&owner("lossy")).await.unwrap();
        let journal = lossy.begin(lossy.history().await.unwrap().history, start()).await.unwrap();
        for n in 0..2 {
            let at = format!("tenant/t{n}.files");
            journal.attempt(attempt(&at, "token")).await.unwrap();
            journal.append(vec![made(&at, "v1:aa")]).await.unwrap();
        }
        assert_eq!(journal.finish(end()).await.unwrap(), Vec::<String>::new());
        lease.release().await.unwrap();
        assert!(faults.struck()[0] > 0);
        assert_eq!(calm.holder().await.unwrap(), None);
    }
    let found = calm.verify().await.unwrap();
    assert_eq!(found.problems, vec![]);
    assert_eq!(found.runs.iter().map(|run| run.entries).collect::<Vec<_>>(), [6; 3]);
}
