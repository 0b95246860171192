//! What another stack owns and what bears no mark is never touched, whatever is done to ours.

use std::collections::BTreeMap;

use reeve::model::plan::Scope;
use reeve::planes::Aws;

use crate::support::{Estate, Ground, OTHER_ZONE, at, example};

/// Everything of a stack as it is, its marks included.
async fn snapshot(estate: &Estate) -> BTreeMap<(String, String), String> {
    let live = estate.live().await;
    assert!(!live.is_empty());
    live.into_iter()
        .map(|one| ((one.kind.to_owned(), one.id.clone()), format!("{:?} {} {:?}", one.marks, one.shape, one.attributes)))
        .collect()
}

/// Things that somebody made with the console, some of them with names and shapes much like ours.
async fn make_by_hand(aws: &Aws) {
    let vpc = aws.ec2.create_vpc().cidr_block("10.20.0.0/16").send().await.expect("a VPC").vpc.expect("a VPC").vpc_id.expect("an id");
    aws.ec2.create_subnet().vpc_id(&vpc).cidr_block("10.20.0.0/20").send().await.expect("a subnet");
    aws.ec2.create_security_group().group_name("hostedehr-fleet-group").description("by hand").vpc_id(&vpc).send().await.expect("a group");
    aws.s3.create_bucket().bucket("hostedehr-by-hand").send().await.expect("a bucket");
    aws.s3
        .put_object()
        .bucket("hostedehr-by-hand")
        .key("notes")
        .body("mine".to_owned().into_bytes().into())
        .send()
        .await
        .expect("an object");
    aws.logs.create_log_group().log_group_name("/hostedehr/by-hand").send().await.expect("a log group");
    aws.logs.put_retention_policy().log_group_name("/hostedehr/by-hand").retention_in_days(7).send().await.expect("a retention");
    aws.sns.create_topic().name("hostedehr-by-hand").send().await.expect("a topic");
    aws.iam
        .create_role()
        .role_name("hostedehr-by-hand")
        .assume_role_policy_document("{\"Version\":\"2012-10-17\",\"Statement\":[]}")
        .send()
        .await
        .expect("a role");
}

/// All that can be said of them, as text.
async fn describe(aws: &Aws) -> Vec<String> {
    let mut all = Vec::new();
    let mut vpcs: Vec<_> = aws.ec2.describe_vpcs().send().await.expect("VPCs").vpcs.unwrap_or_default();
    vpcs.retain(|vpc| vpc.tags().is_empty());
    let ids: Vec<String> = vpcs.iter().filter_map(|vpc| vpc.vpc_id.clone()).collect();
    all.extend(vpcs.iter().map(|vpc| format!("{vpc:?}")));
    let subnets = aws.ec2.describe_subnets().send().await.expect("subnets").subnets.unwrap_or_default();
    all.extend(subnets.iter().filter(|one| one.vpc_id.as_ref().is_some_and(|id| ids.contains(id))).map(|one| format!("{one:?}")));
    let groups = aws.ec2.describe_security_groups().send().await.expect("groups").security_groups.unwrap_or_default();
    all.extend(groups.iter().filter(|one| one.vpc_id.as_ref().is_some_and(|id| ids.contains(id))).map(|one| format!("{one:?}")));
    let tables = aws.ec2.describe_route_tables().send().await.expect("tables").route_tables.unwrap_or_default();
    all.extend(tables.iter().filter(|one| one.vpc_id.as_ref().is_some_and(|id| ids.contains(id))).map(|one| format!("{one:?}")));
    let objects = aws.s3.list_objects_v2().bucket("hostedehr-by-hand").send().await.expect("a listing").contents.unwrap_or_default();
    all.push(format!("{objects:?}"));
    let logs = aws.logs.describe_log_groups().log_group_name_prefix("/hostedehr/by-hand").send().await.expect("groups");
    all.push(format!("{:?}", logs.log_groups));
    let topic = aws.sns.list_topics().send().await.expect("topics").topics.unwrap_or_default();
    all.extend(topic.iter().filter_map(|one| one.topic_arn.clone()).filter(|arn| arn.ends_with("by-hand")));
    all.push(format!("{:?}", aws.iam.get_role().role_name("hostedehr-by-hand").send().await.expect("a role").role));
    all.sort();
    all
}

#[tokio::test]
async fn nothing_that_is_not_ours_is_touched() {
    let ground = Ground::emulated().await;
    let mut ours = ground.example().await;
    let other = ground.estate("other", OTHER_ZONE, example("other", OTHER_ZONE)).await;
    other.apply().await;
    other.is_converged().await;
    let aws = &ours.session.connection.aws.clone();
    make_by_hand(aws).await;
    let before = (snapshot(&other).await, describe(aws).await);
    let same = async |when: &str| {
        let (theirs, hand) = (snapshot(&other).await, describe(aws).await);
        for (what, was) in &before.0 {
            assert_eq!(theirs.get(what), Some(was), "{when}: {what:?} of the other stack");
        }
        assert_eq!(theirs.len(), before.0.len(), "{when}: the other stack has more");
        assert_eq!(hand, before.1, "{when}: made by hand");
    };

    ours.apply().await;
    ours.is_converged().await;
    same("after our apply").await;

    // Half of ours goes, the rest changes, and comes back.
    let whole = ours.wishes.clone();
    ours.wishes.retain(|address, _| !address.to_string().starts_with("observability.alarm") && !address.to_string().starts_with("backup."));
    ours.apply().await;
    same("after an apply that deletes").await;
    ours.wishes = whole;
    ours.apply().await;
    same("after an apply that makes anew").await;

    let protected = ours.wishes.iter().filter(|(_, wish)| wish.protect).map(|(address, _)| address.to_string()).collect();
    let scope = Scope { allow_delete: protected, ..Scope::default() };
    let plan = ours.plan_with(scope.clone(), true).await;
    ours.walk(&plan, async |_| {}).await;
    // The database's key goes when nothing needs it any more.
    ours.delete_backups(&plan.seen[&at("database.server")].id).await;
    ours.apply_plan(&ours.plan_with(scope, true).await).await;
    same("after our destruction").await;
    other.is_converged().await;
}
