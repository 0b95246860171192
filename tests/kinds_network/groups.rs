//! Security groups, and the default one.

use reeve::kinds::aws::default_security_group::DefaultSecurityGroup;
use reeve::kinds::aws::security_group::SecurityGroup;
use serde_json::{Value, json};

use crate::harness::{all, change, drop, is, make, spec, stack, vpc};

fn group(vpc: &str, ingress: Value, egress: Value) -> SecurityGroup {
    spec(json!({ "vpc": vpc, "description": "tests", "ingress": ingress, "egress": egress }))
}

#[tokio::test]
async fn security_group_goes_round() {
    let (cx, other) = (stack("sg-round").await, stack("sg-other").await);
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    make(&other, "edge.alb_group", &group(&theirs, json!([]), json!([]))).await;
    let alb = make(&cx, "edge.alb_group", &group(&mine, json!([]), json!([]))).await;
    is(&cx, &alb, &group(&mine, json!([]), json!([]))).await;

    let world = json!({ "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0", "description": "the world" });
    let from_alb = json!({ "from_port": 443, "to_port": 443, "group": alb });
    let everything = json!({ "ip_protocol": "all", "cidr_ip": "10.20.0.0/16" });
    let ping = json!({ "ip_protocol": "icmp", "from_port": 8, "to_port": -1, "cidr_ip": "10.20.0.0/16" });
    let list = json!({ "from_port": 443, "to_port": 443, "prefix_list": "pl-63a5400a" });
    let want = group(&mine, json!([world, from_alb, ping]), json!([everything, list]));
    let id = make(&cx, "fleet.group", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<SecurityGroup>(&cx).await.len(), 2);

    let reworded = json!({ "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0", "description": "browsers" });
    let more = json!({ "ip_protocol": "udp", "from_port": 53, "to_port": 53, "cidr_ip": "10.20.0.2/32" });
    let next = group(&mine, json!([reworded, more, from_alb]), json!([everything]));
    change(&cx, "fleet.group", &id, &want, &next).await;
    let closed = group(&mine, json!([]), json!([]));
    change(&cx, "fleet.group", &id, &next, &closed).await;
    drop(&cx, "fleet.group", &id, &closed).await;
}

#[tokio::test]
async fn a_rule_added_by_hand_is_seen_and_taken_back() {
    let cx = stack("sg-drift").await;
    let vpc = vpc(&cx).await;
    let want = group(&vpc, json!([{ "from_port": 443, "to_port": 443, "cidr_ip": "10.20.0.0/16" }]), json!([]));
    let id = make(&cx, "fleet.group", &want).await;
    let ssh = cx.ec2.authorize_security_group_ingress().group_id(&id).ip_protocol("tcp").from_port(22).to_port(22);
    ssh.cidr_ip("0.0.0.0/0").send().await.unwrap();
    let live = all::<SecurityGroup>(&cx).await.remove(0).shape;
    assert_eq!(live.ingress.len(), 2);
    change(&cx, "fleet.group", &id, &live, &want).await;
}

#[test]
fn rules_that_make_no_sense_are_named() {
    let wrong = [
        json!({ "from_port": 443, "to_port": 443 }),
        json!({ "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0", "group": "sg-1" }),
        json!({ "cidr_ip": "0.0.0.0/0" }),
        json!({ "from_port": 443, "to_port": 80, "cidr_ip": "0.0.0.0/0" }),
        json!({ "ip_protocol": "all", "from_port": 0, "to_port": 0, "cidr_ip": "0.0.0.0/0" }),
        json!({ "from_port": 443, "to_port": 443, "cidr_ip": "0.0.0.0/0", "description": "a\nb" }),
    ];
    for rule in wrong {
        let problems = reeve::kinds::Kind::check(&group("vpc-1", json!([rule.clone()]), json!([])));
        assert_eq!(problems.len(), 1, "{rule}");
        assert_eq!(problems[0].0, "ingress[0]");
    }
    assert!(serde_json::from_value::<SecurityGroup>(json!({ "vpc": "v", "ingress": [{ "ip_protocol": "http" }] })).is_err());
}

#[tokio::test]
async fn the_default_group_is_found_marked_and_closed() {
    let cx = stack("sg-default").await;
    assert!(all::<DefaultSecurityGroup>(&cx).await.is_empty());
    let vpc = vpc(&cx).await;
    let found = all::<DefaultSecurityGroup>(&cx).await.remove(0);
    assert!(found.marks.address.is_none(), "it bears no mark yet");
    assert!(!found.shape.egress.is_empty() && !found.shape.ingress.is_empty(), "AWS leaves it open");
    let want: DefaultSecurityGroup = spec(json!({ "vpc": vpc }));
    let id = make(&cx, "vpc.default_group", &want).await;
    assert_eq!(id, found.id);
    is(&cx, &id, &want).await;
    let live = all::<DefaultSecurityGroup>(&cx).await.remove(0);
    assert_eq!(live.marks.address.unwrap().as_str(), "vpc.default_group");
    assert!(all::<SecurityGroup>(&cx).await.is_empty(), "it is no ordinary group");
}
