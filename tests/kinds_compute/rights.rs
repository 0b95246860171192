//! Roles, policies, instance profiles.

use reeve::kinds::aws::instance_profile::InstanceProfile;
use reeve::kinds::aws::policy::Policy;
use reeve::kinds::aws::role::Role;
use reeve::kinds::aws::service_linked_role::ServiceLinkedRole;
use serde_json::{Value, json};

use crate::harness::{all, change, drop, is, make, spec, stack};

fn trust(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }] })
}

fn policy(action: &str) -> Policy {
    spec(json!({ "policy_document": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] } }))
}

#[tokio::test]
async fn a_role_goes_round_with_its_policies() {
    let (cx, other) = (stack("role-round").await, stack("role-round-b").await);
    let theirs: Role = spec(json!({ "assume_role_policy_document": trust("ec2.amazonaws.com") }));
    make(&other, "fleet.role", &theirs).await;
    make(&other, "fleet.policy", &policy("s3:ListBucket")).await;

    let ours = make(&cx, "fleet.policy", &policy("s3:ListBucket")).await;
    let want: Role = spec(json!({
        "assume_role_policy_document": trust("ec2.amazonaws.com"), "managed_policies": [ours],
        "aws_managed_policies": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"], "description": "Hosts.",
    }));
    let id = make(&cx, "fleet.role", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<Role>(&cx).await.len(), 1);
    assert_eq!(all::<Policy>(&cx).await.len(), 1);

    let next: Role = spec(json!({
        "assume_role_policy_document": trust("ssm.amazonaws.com"), "max_session_duration": 7200, "description": "Other hosts.",
        "aws_managed_policies": ["CloudWatchAgentServerPolicy"], "permissions_boundary": ours,
    }));
    change(&cx, "fleet.role", &id, &want, &next).await;
    let bare: Role = spec(json!({ "assume_role_policy_document": trust("ssm.amazonaws.com") }));
    change(&cx, "fleet.role", &id, &next, &bare).await;
    change(&cx, "fleet.role", &id, &bare, &want).await;
    drop(&cx, "fleet.role", &id, &want).await;
    drop(&cx, "fleet.policy", &ours, &policy("s3:ListBucket")).await;
    assert_eq!(all::<Role>(&other).await.len(), 1);
}

#[tokio::test]
async fn an_inline_policy_is_drift_and_goes() {
    let cx = stack("role-inline").await;
    let want: Role = spec(json!({ "assume_role_policy_document": trust("ec2.amazonaws.com") }));
    let id = make(&cx, "fleet.role", &want).await;
    let name = id.rsplit('/').next().unwrap();
    let document = policy("*").policy_document.to_string();
    cx.iam.put_role_policy().role_name(name).policy_name("backdoor").policy_document(document).send().await.unwrap();
    let live = all::<Role>(&cx).await.remove(0).shape;
    assert_eq!(live.inline_policies.iter().collect::<Vec<_>>(), ["backdoor"]);
    change(&cx, "fleet.role", &id, &live, &want).await;
    drop(&cx, "fleet.role", &id, &want).await;
}

#[tokio::test]
async fn a_policy_changes_more_often_than_iam_keeps_versions() {
    let cx = stack("policy-versions").await;
    let mut have = policy("s3:A0");
    let id = make(&cx, "fleet.policy", &have).await;
    for round in 1..5 {
        let want = policy(&format!("s3:A{round}"));
        change(&cx, "fleet.policy", &id, &have, &want).await;
        have = want;
    }
    drop(&cx, "fleet.policy", &id, &have).await;
}

#[tokio::test]
async fn an_instance_profile_goes_round() {
    let cx = stack("profile-round").await;
    let role: Role = spec(json!({ "assume_role_policy_document": trust("ec2.amazonaws.com") }));
    let (one, two) = (make(&cx, "fleet.role", &role).await, make(&cx, "fleet.other", &role).await);
    let want: InstanceProfile = spec(json!({ "role": one }));
    let id = make(&cx, "fleet.profile", &want).await;
    is(&cx, &id, &want).await;
    change(&cx, "fleet.profile", &id, &want, &spec(json!({ "role": two }))).await;
    assert_eq!(all::<InstanceProfile>(&stack("profile-other").await).await.len(), 0);
    drop(&cx, "fleet.profile", &id, &want).await;
}

#[tokio::test]
async fn the_role_of_a_service_is_one_per_account_and_stays() {
    let (cx, other) = (stack("linked-role").await, stack("linked-role-b").await);
    let want: ServiceLinkedRole = spec(json!({ "aws_service_name": "autoscaling.amazonaws.com" }));
    // Somebody's own role of the service is not the one that the service takes by itself.
    let blue = cx.iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com").custom_suffix("blue").send().await;
    assert!(blue.unwrap().role.unwrap().role_name.ends_with("AutoScaling_blue"));
    assert!(all::<ServiceLinkedRole>(&cx).await.iter().all(|one| one.shape != want));
    let id = make(&cx, "fleet.autoscaling", &want).await;
    assert!(id.ends_with(":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"), "{id}");
    // Another stack, whose plan was made before: the service's name is taken, and what is there is it.
    assert_eq!(make(&other, "fleet.autoscaling", &want).await, id);
    let live: Vec<_> = all::<ServiceLinkedRole>(&other).await.into_iter().filter(|one| one.shape == want).collect();
    assert_eq!(live.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    assert_eq!(live[0].attributes["arn"], id);
    // https://docs.aws.amazon.com/aws-backup/latest/devguide/using-service-linked-roles-AWSServiceRoleForBackupReports.html
    let reports: ServiceLinkedRole = spec(json!({ "aws_service_name": "reports.backup.amazonaws.com" }));
    assert!(make(&cx, "backup.reports", &reports).await.ends_with("/AWSServiceRoleForBackupReports"));
}
