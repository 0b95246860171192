//! The same wire against the emulated AWS: what the faults leave behind there.

use std::collections::BTreeSet;

use reeve::sandbox::{Options, Sandbox};

use super::*;

/// Clients of a fresh emulated AWS. The sandbox stops when it is dropped.
async fn emulated(faults: &Faults) -> (Sandbox, Aws, Stats) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let connection = connect(super::Options { faults: Some(faults.clone()), ..options(&sandbox.endpoint) }).await.unwrap();
    (sandbox, connection.aws, connection.stats)
}

/// The VPCs with this network, as the emulated AWS has them; filtered, so that its own default VPC is left out.
async fn vpcs(aws: &Aws) -> Vec<String> {
    let filter = aws_sdk_ec2::types::Filter::builder().name("cidr").values("10.0.0.0/16").build();
    let found = aws.ec2.describe_vpcs().filters(filter).send().await.unwrap();
    found.vpcs().iter().filter_map(|vpc| vpc.vpc_id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answer_was_lost_has_made_one_object() {
    let faults = Faults::new(1).with(Rule::new("ec2.CreateVpc", Fault::LostReply).times(1));
    let (_sandbox, aws, stats) = emulated(&faults).await;
    let error = create_vpc(&aws).await.unwrap_err();
    assert_eq!((error.class, error.call.as_str()), (Class::Ambiguous, "ec2.CreateVpc"));
    assert_eq!((vpcs(&aws).await.len(), stats.calls()["ec2.CreateVpc"]), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_lag_behind_creation_and_deletion() {
    let faults = Faults::new(1).with(Rule::new("ec2.DescribeVpcs", Fault::Stale { reads: 1 }));
    let (_sandbox, aws, _) = emulated(&faults).await;
    let before = vpcs(&aws).await.len();
    create_vpc(&aws).await.unwrap();
    let (unseen, seen) = (vpcs(&aws).await, vpcs(&aws).await);
    assert_eq!((before, unseen.len(), seen.len()), (0, 0, 1));
    aws.ec2.delete_vpc().vpc_id(&seen[0]).send().await.unwrap();
    assert_eq!((vpcs(&aws).await.len(), vpcs(&aws).await.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_under_many_faults_make_each_object_once() {
    let faults = Faults::new(7)
        .with(Rule::new("*", Fault::Throttle).chance(0.2))
        .with(Rule::new("*.Describe*", Fault::ServerError(503)).chance(0.2))
        .with(Rule::new("*.Describe*", Fault::ShortPage).chance(0.2))
        .with(Rule::new("*.Describe*", Fault::LostReply).chance(0.1));
    let (_sandbox, aws, stats) = emulated(&faults).await;
    let names: BTreeSet<String> = (0..20).map(|n| format!("/reeve/{n}")).collect();
    for name in &names {
        aws.logs.create_log_group().log_group_name(name).send().await.unwrap();
    }
    let listed = aws.logs.describe_log_groups().log_group_name_prefix("/reeve/").send().await.unwrap();
    assert_eq!(listed.log_groups().iter().filter_map(|group| group.log_group_name.clone()).collect::<BTreeSet<_>>(), names);
    assert!(vpcs(&aws).await.is_empty());
    assert!(stats.throttles() > 0 && stats.retries() >= stats.throttles(), "{:?}", faults.struck());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_what_was_done_until_then() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let after = connect(options(&sandbox.endpoint)).await.unwrap().aws;
    for (n, left) in [(1, 1), (2, 3)] {
        let faults = Faults::new(1).crash_after(n);
        let aws = connect(super::Options { faults: Some(faults), ..options(&sandbox.endpoint) }).await.unwrap().aws;
        while create_vpc(&aws).await.is_ok() {}
        assert_eq!(vpcs(&after).await.len(), left);
    }
}
