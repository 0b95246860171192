//! Launch templates, Auto Scaling groups, patching, EC2's defaults.

use reeve::kinds::Kind;
use reeve::kinds::aws::association::Association;
use reeve::kinds::aws::autoscaling_group::AutoscalingGroup;
use reeve::kinds::aws::ec2_defaults::Ec2Defaults;
use reeve::kinds::aws::instance_profile::InstanceProfile;
use reeve::kinds::aws::launch_template::LaunchTemplate;
use reeve::kinds::aws::role::Role;
use reeve::planes::Aws;
use serde_json::{Value, json};

use crate::harness::{all, change, drop, is, make, ready, spec, stack, vpc};

struct Ground {
    vpc: String,
    group: String,
    profile: String,
    image: String,
}

/// What a template refers to.
async fn ground(cx: &Aws) -> Ground {
    let vpc = vpc(cx).await;
    let group = cx.ec2.create_security_group().vpc_id(&vpc).group_name("hosts").description("tests").send().await.unwrap();
    let role: Role = spec(json!({ "assume_role_policy_document": { "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" } } }));
    let role = make(cx, "fleet.role", &role).await;
    let profile = make::<InstanceProfile>(cx, "fleet.profile", &spec(json!({ "role": role }))).await;
    let images = cx.ec2.describe_images().owners("amazon").send().await.unwrap();
    let image = images.images().iter().find(|image| image.architecture.as_ref().is_some_and(|a| a.as_str() == "x86_64")).unwrap();
    Ground { vpc, group: group.group_id.unwrap(), profile, image: image.image_id.clone().unwrap() }
}

fn template(ground: &Ground, more: Value) -> LaunchTemplate {
    let mut all = json!({ "image_id": ground.image, "instance_type": "r5d.xlarge", "iam_instance_profile": ground.profile,
        "security_groups": [ground.group] });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    spec(all)
}

#[tokio::test]
async fn a_template_whose_script_is_no_text_is_read_and_put_right() {
    let cx = stack("lt-binary").await;
    let want = template(&ground(&cx).await, json!({ "user_data": "#!/bin/sh\n" }));
    let id = make(&cx, "fleet.template", &want).await;
    // The first bytes of what gzip writes.
    let data = aws_sdk_ec2::types::RequestLaunchTemplateData::builder().user_data("H4sIAAAAAAAA/w==").build();
    let made = cx.ec2.create_launch_template_version().launch_template_id(&id).source_version("1").launch_template_data(data);
    made.send().await.unwrap();
    cx.ec2.modify_launch_template().launch_template_id(&id).default_version("2").send().await.unwrap();
    let live = all::<LaunchTemplate>(&cx).await.remove(0).shape;
    assert!(live.user_data != want.user_data, "{live:?}");
    change(&cx, "fleet.template", &id, &live, &want).await;
}

#[tokio::test]
async fn a_launch_template_goes_round() {
    let (cx, other) = (stack("lt-round").await, stack("lt-other").await);
    let (ours, theirs) = (ground(&cx).await, ground(&other).await);
    make(&other, "fleet.template", &template(&theirs, json!({}))).await;
    let want = template(&ours, json!({ "block_device_mappings": [{ "device_name": "/dev/xvda", "volume_size": 30 }] }));
    let id = make(&cx, "fleet.template", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<LaunchTemplate>(&cx).await.len(), 1);
    let key = cx.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let next = template(
        &ours,
        json!({ "instance_type": "r5d.24xlarge", "monitoring": false, "http_tokens": "optional", "http_put_response_hop_limit": 2,
            "user_data": "#!/bin/sh\necho ü\n", "associate_public_ip_address": true,
            "block_device_mappings": [{ "device_name": "/dev/xvda", "volume_size": 40, "kms_key": key }] }),
    );
    change(&cx, "fleet.template", &id, &want, &next).await;
    assert!(ready::<LaunchTemplate>(&cx, &id).await["latest_version"].parse::<u32>().unwrap() >= 2);
    drop(&cx, "fleet.template", &id, &next).await;
}

#[tokio::test]
async fn a_group_of_hosts_goes_round() {
    let cx = stack("asg-round").await;
    let ground = ground(&cx).await;
    let id = make(&cx, "fleet.template", &template(&ground, json!({}))).await;
    let mut subnets = Vec::new();
    for (zone, block) in [("us-east-1a", "10.20.0.0/20"), ("us-east-1b", "10.20.16.0/20")] {
        let made = cx.ec2.create_subnet().vpc_id(&ground.vpc).availability_zone(zone).cidr_block(block).send().await.unwrap();
        subnets.push(made.subnet.unwrap().subnet_id.unwrap());
    }
    let target = cx.elbv2.create_target_group().name("asg-round").port(443).protocol("HTTPS".into()).vpc_id(&ground.vpc);
    let target = target.send().await.unwrap().target_groups.unwrap().remove(0).target_group_arn.unwrap();
    let want: AutoscalingGroup =
        spec(json!({ "launch_template": id, "subnets": [subnets[0]], "min_size": 1, "max_size": 1, "target_groups": [target] }));
    let fleet = make(&cx, "fleet.managers", &want).await;
    is(&cx, &fleet, &want).await;

    let out =
        cx.ec2.describe_instances().filters(aws_sdk_ec2::types::Filter::builder().name("tag:reeve:stack").values("asg-round").build());
    let hosts = out.send().await.unwrap();
    let host = hosts.reservations().iter().flat_map(|r| r.instances()).next().expect("a host bears the stack's tag");
    assert!(host.tags().iter().all(|tag| tag.key() != Some("reeve:address")), "a host is no resource of its own");

    let next: AutoscalingGroup = spec(json!({
        "launch_template": id, "launch_template_version": "1", "subnets": subnets, "min_size": 0, "max_size": 4, "desired_capacity": 2,
        "health_check_type": "ELB", "health_check_grace_period": 900, "max_instance_lifetime": 1_209_600,
        "refresh_min_healthy_percentage": 50,
    }));
    change(&cx, "fleet.managers", &fleet, &want, &next).await;
    // Scaling decides when the wish says nothing.
    let any: AutoscalingGroup = spec(json!({ "launch_template": id, "subnets": subnets, "min_size": 0, "max_size": 4 }));
    change(&cx, "fleet.managers", &fleet, &next, &any).await;
    assert!(all::<AutoscalingGroup>(&stack("asg-other").await).await.is_empty());
    drop(&cx, "fleet.managers", &fleet, &any).await;
}

#[tokio::test]
async fn patching_goes_round() {
    let (cx, other) = (stack("patch-round").await, stack("patch-round-b").await);
    let want: Association = spec(json!({
        "parameters": { "Operation": ["Install"], "RebootOption": ["NoReboot"] }, "schedule_expression": "cron(0 3 ? * SUN *)",
    }));
    make(&other, "fleet.patching", &want).await;
    let id = make(&cx, "fleet.patching", &want).await;
    is(&cx, &id, &want).await;
    let next: Association = spec(json!({
        "parameters": { "Operation": ["Scan"] }, "schedule_expression": "rate(1 day)", "max_concurrency": "50%", "max_errors": "1",
        "apply_only_at_cron_interval": false,
    }));
    change(&cx, "fleet.patching", &id, &want, &next).await;
    assert_eq!(all::<Association>(&cx).await.len(), 1);
    drop(&cx, "fleet.patching", &id, &next).await;
}

#[tokio::test]
async fn the_regions_defaults_are_only_ever_tightened() {
    let cx = stack("defaults").await;
    let want: Ec2Defaults = spec(json!({}));
    let live = all::<Ec2Defaults>(&cx).await.remove(0);
    assert_eq!((live.id.as_str(), live.shape.ebs_encryption_by_default), ("us-east-1", false));
    change(&cx, "fleet.defaults", "us-east-1", &live.shape, &want).await;
    let open: Ec2Defaults = spec(json!({ "ebs_encryption_by_default": false, "http_tokens_required": false,
        "snapshot_block_public_access": false, "image_block_public_access": false }));
    let mut have = want.clone();
    Ec2Defaults::restate(&mut have, &open);
    assert_eq!(have, open, "switching off is no change");
    change(&cx, "fleet.defaults", "us-east-1", &want, &open).await;
    is(&cx, "us-east-1", &want).await;
}
