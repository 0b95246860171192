//! The load balancer with what it listens on and what stands before it.

use std::collections::BTreeSet;

use reeve::kinds::Kind;
use reeve::kinds::aws::certificate::Certificate;
use reeve::kinds::aws::listener::Listener;
use reeve::kinds::aws::load_balancer::LoadBalancer;
use reeve::kinds::aws::target_group::TargetGroup;
use reeve::kinds::aws::web_acl::WebAcl;
use reeve::kinds::aws::web_acl_association::WebAclAssociation;
use reeve::kinds::aws::web_acl_logging::WebAclLogging;
use reeve::planes::Aws;
use serde_json::{Value, json};

use super::spec;
use super::support::{Life, account};

struct Network {
    vpc: String,
    subnets: Vec<String>,
    groups: Vec<String>,
}

async fn network(aws: &Aws) -> Network {
    let vpc = aws.ec2.create_vpc().cidr_block("10.20.0.0/16").send().await.expect("a VPC").vpc.and_then(|v| v.vpc_id).expect("an id");
    let mut found = Network { vpc: vpc.clone(), subnets: Vec::new(), groups: Vec::new() };
    for zone in ["a", "b", "c"] {
        let block = format!("10.20.{}.0/24", found.subnets.len());
        let call = aws.ec2.create_subnet().vpc_id(&vpc).cidr_block(block).availability_zone(format!("us-east-1{zone}"));
        found.subnets.push(call.send().await.expect("a subnet").subnet.and_then(|s| s.subnet_id).expect("an id"));
        let call = aws.ec2.create_security_group().vpc_id(&vpc).group_name(zone).description("test");
        found.groups.push(call.send().await.expect("a group").group_id.expect("an id"));
    }
    found
}

fn balancer(net: &Network, more: Value) -> LoadBalancer {
    let mut spec_of = json!({ "subnets": net.subnets[..2], "security_groups": [net.groups[0]], "scheme": "internet-facing" });
    spec_of.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    spec(spec_of)
}

#[tokio::test]
async fn a_load_balancer_lives() {
    let aws = account("balancer").await;
    let net = network(&aws).await;
    aws.s3.create_bucket().bucket("edge-test-logs").send().await.expect("a bucket");
    let life = Life { aws: &aws, address: "edge.alb" };
    let made = life
        .lives(&[
            balancer(&net, json!({})),
            balancer(
                &net,
                json!({ "subnets": net.subnets, "security_groups": net.groups[1..], "idle_timeout": 300,
                "desync_mitigation_mode": "strictest", "drop_invalid_header_fields": false, "deletion_protection": false,
                "http2": false, "preserve_host_header": true, "xff_header_processing_mode": "preserve", "waf_fail_open": true,
                "access_logs": { "bucket": "edge-test-logs", "prefix": "alb" } }),
            ),
            balancer(&net, json!({ "ip_address_type": "ipv4" })),
        ])
        .await;
    assert!(made.attributes["full_name"].starts_with("app/"));
    life.dies::<LoadBalancer>(&made.id).await;
}

#[test]
fn a_load_balancer_cannot_move_to_another_network() {
    let of = |subnets: [&str; 2], group: &str| spec::<LoadBalancer>(json!({ "subnets": subnets, "security_groups": [group] }));
    let both = BTreeSet::from(["subnets".to_owned(), "security_groups".to_owned()]);
    let have = of(["s1", "s2"], "g1");
    // In another VPC everything is new: the addresses are the same ones, or none of them is.
    assert!(LoadBalancer::must_replace(&have, &have, &both));
    assert!(LoadBalancer::must_replace(&have, &of(["s3", "s4"], "g2"), &both));
    assert!(!LoadBalancer::must_replace(&have, &of(["s1", "s3"], "g2"), &both));
    assert!(!LoadBalancer::must_replace(&have, &of(["s3", "s4"], "g1"), &BTreeSet::from(["subnets".to_owned()])));
}

#[tokio::test]
async fn a_target_group_lives() {
    let aws = account("targets").await;
    let net = network(&aws).await;
    let life = Life { aws: &aws, address: "edge.target" };
    let made = life
        .lives(&[
            spec::<TargetGroup>(json!({ "vpc": net.vpc, "health_check_path": "/health" })),
            spec(json!({ "vpc": net.vpc, "health_check_path": "/live", "health_check_protocol": "HTTP", "health_check_port": 8404,
                "health_check_interval_seconds": 10, "health_check_timeout_seconds": 4, "healthy_threshold_count": 2,
                "unhealthy_threshold_count": 3, "matcher": "200-299", "deregistration_delay_seconds": 30, "slow_start_seconds": 60,
                "load_balancing_algorithm": "least_outstanding_requests" })),
            spec(json!({ "vpc": net.vpc, "health_check_path": "/live" })),
        ])
        .await;
    life.dies::<TargetGroup>(&made.id).await;
}

#[tokio::test]
async fn listeners_live() {
    let aws = account("listeners").await;
    let net = network(&aws).await;
    let alb = Life { aws: &aws, address: "edge.alb" }.create(&balancer(&net, json!({}))).await;
    let target = spec::<TargetGroup>(json!({ "vpc": net.vpc }));
    let target = Life { aws: &aws, address: "edge.target" }.create(&target).await;
    let certificate = spec::<Certificate>(json!({ "domain_name": "listen.hostedehr.org" }));
    let certificate = Life { aws: &aws, address: "edge.certificate" }.create(&certificate).await;

    let http = Life { aws: &aws, address: "edge.http" };
    let made = http
        .lives(&[
            spec::<Listener>(json!({ "load_balancer": alb.id, "port": 80, "protocol": "HTTP",
                "default_action": { "type": "redirect", "redirect": {} } })),
            spec(json!({ "load_balancer": alb.id, "port": 8080, "protocol": "HTTP",
                "default_action": { "type": "redirect", "redirect": { "status_code": "HTTP_302", "port": 8443 } } })),
            spec(json!({ "load_balancer": alb.id, "port": 8080, "protocol": "HTTP",
                "default_action": { "type": "fixed-response", "fixed_response": { "status_code": 503, "message_body": "later" } } })),
        ])
        .await;
    http.dies::<Listener>(&made.id).await;

    let https = Life { aws: &aws, address: "edge.https" };
    let want = |policy: &str| {
        spec::<Listener>(json!({ "load_balancer": alb.id, "port": 443, "ssl_policy": policy, "certificate": certificate.id,
            "default_action": { "type": "forward", "target_group": target.id } }))
    };
    let made = https.lives(&[want("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09"), want("ELBSecurityPolicy-TLS13-1-2-2021-06")]).await;
    let live = https.live::<Listener>(&made.id).await.expect("it is found by its mark");
    assert!(live.marks.address.as_ref().is_some_and(|address| address.as_str() == "edge.https"), "{:?}", live.marks);

    // What somebody adds to the one object that is open to the world is found too; what another stack owns is not ours to touch.
    use aws_sdk_elasticloadbalancingv2::types as elb;
    let add = async |port: i32, owner: Option<&str>| {
        let answer = elb::FixedResponseActionConfig::builder().status_code("200").build();
        let action = elb::Action::builder().r#type(elb::ActionTypeEnum::FixedResponse).fixed_response_config(answer).build();
        let tags = owner.map(|stack| vec![elb::Tag::builder().key("reeve:stack").value(stack).build()]);
        let call = aws.elbv2.create_listener().load_balancer_arn(&alb.id).port(port).protocol(elb::ProtocolEnum::Http);
        let made = call.default_actions(action).set_tags(tags).send().await.expect("a listener");
        made.listeners()[0].listener_arn().expect("an ARN").to_owned()
    };
    let (added, theirs) = (add(9000, None).await, add(9001, Some("another")).await);
    let found = https.live::<Listener>(&added).await.expect("it hangs under ours");
    assert_eq!((found.shape.port, found.marks.address), (9000, None));
    assert!(https.live::<Listener>(&theirs).await.is_none());
    https.dies::<Listener>(&added).await;
    https.dies::<Listener>(&made.id).await;
}

fn acl(more: &[Value]) -> WebAcl {
    let mut rules = vec![json!({ "name": "rate", "rate_based": { "limit": 20000 } })];
    rules.extend(more.iter().cloned());
    spec(json!({ "rules": rules }))
}

#[tokio::test]
async fn a_web_acl_stands_before_the_load_balancer_and_logs() {
    let aws = account("firewall").await;
    let net = network(&aws).await;
    let alb = Life { aws: &aws, address: "edge.alb" }.create(&balancer(&net, json!({}))).await;
    let life = Life { aws: &aws, address: "edge.web_acl" };
    let common = json!({ "name": "common", "managed_rule_group": {
        "name": "AWSManagedRulesCommonRuleSet", "rule_action_overrides": { "SizeRestrictions_BODY": "count" } } });
    let anonymous =
        json!({ "name": "anonymous-ip", "action": "count", "managed_rule_group": { "name": "AWSManagedRulesAnonymousIpList" } });
    let blocking: WebAcl = spec(json!({ "default_action": "block", "sampled_requests_enabled": true, "rules": [
        { "name": "rate", "action": "count", "rate_based": { "limit": 100, "evaluation_window_sec": 60 } } ] }));
    let made = life.lives(&[acl(std::slice::from_ref(&common)), acl(&[anonymous, common]), blocking.clone()]).await;
    let spare = Life { aws: &aws, address: "edge.spare" };
    let second = spare.create(&acl(&[])).await;

    let association = Life { aws: &aws, address: "edge.web_acl_association" };
    let before = |acl: &str| spec::<WebAclAssociation>(json!({ "resource": alb.id, "web_acl": acl }));
    let stands = association.lives(&[before(&second.id), before(&made.id)]).await;
    // What stands before a load balancer is read with it, the other one by itself: both as they are.
    let read = life.live::<WebAcl>(&made.id).await.expect("the one that stands before it");
    assert_eq!(json!(read.shape), json!(blocking));
    let read = spare.live::<WebAcl>(&second.id).await.expect("the one that does not any more");
    assert_eq!(json!(read.shape), json!(acl(&[])));

    for name in ["aws-waf-logs-firewall-a", "aws-waf-logs-firewall-b"] {
        aws.logs.create_log_group().log_group_name(name).send().await.expect("a group");
    }
    let logging = Life { aws: &aws, address: "edge.web_acl_logging" };
    let logs = logging
        .lives(&[
            spec::<WebAclLogging>(json!({ "web_acl": made.id, "log_group": "aws-waf-logs-firewall-a" })),
            spec(json!({ "web_acl": made.id, "log_group": "aws-waf-logs-firewall-b", "redacted_headers": ["x-token"],
                "redact_query_string": false })),
        ])
        .await;

    logging.dies::<WebAclLogging>(&logs.id).await;
    association.dies::<WebAclAssociation>(&stands.id).await;
    life.dies::<WebAcl>(&made.id).await;
    spare.dies::<WebAcl>(&second.id).await;
}
