//! Route tables and network ACLs: what lists its subnets.

use reeve::kinds::aws::default_network_acl::DefaultNetworkAcl;
use reeve::kinds::aws::elastic_ip::ElasticIp;
use reeve::kinds::aws::internet_gateway::InternetGateway;
use reeve::kinds::aws::nat_gateway::NatGateway;
use reeve::kinds::aws::network_acl::NetworkAcl;
use reeve::kinds::aws::route_table::RouteTable;
use reeve::kinds::aws::subnet::Subnet;
use reeve::planes::Aws;
use serde_json::json;

use crate::harness::{all, change, drop, is, make, spec, stack, vpc};

async fn subnets(cx: &Aws, vpc: &str) -> (String, String) {
    let one: Subnet = spec(json!({ "vpc": vpc, "availability_zone": "us-east-1a", "cidr_block": "10.20.0.0/20" }));
    let two: Subnet = spec(json!({ "vpc": vpc, "availability_zone": "us-east-1b", "cidr_block": "10.20.16.0/20" }));
    (make(cx, "vpc.public/a", &one).await, make(cx, "vpc.public/b", &two).await)
}

#[tokio::test]
async fn route_table_goes_round() {
    let (cx, other) = (stack("rt-round").await, stack("rt-other").await);
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    make(&other, "vpc.public_routes", &spec::<RouteTable>(json!({ "vpc": theirs }))).await;
    let (a, b) = subnets(&cx, &mine).await;
    let internet = make(&cx, "vpc.internet_gateway", &spec::<InternetGateway>(json!({ "vpc": mine }))).await;
    let ip = make(&cx, "vpc.elastic_ip/a", &spec::<ElasticIp>(json!({}))).await;
    let nat = make(&cx, "vpc.nat/a", &spec::<NatGateway>(json!({ "subnet": a, "allocation": ip }))).await;

    let out = json!({ "destination_cidr_block": "0.0.0.0/0", "gateway": internet });
    let want: RouteTable = spec(json!({ "vpc": mine, "routes": [out], "subnets": [a] }));
    let id = make(&cx, "vpc.public_routes", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<RouteTable>(&cx).await.len(), 1, "neither the main table nor another stack's");

    let by_nat = json!({ "destination_cidr_block": "0.0.0.0/0", "nat_gateway": nat });
    let clinic = json!({ "destination_cidr_block": "192.168.0.0/24", "nat_gateway": nat });
    let next: RouteTable = spec(json!({ "vpc": mine, "routes": [by_nat, clinic], "subnets": [a, b] }));
    change(&cx, "vpc.public_routes", &id, &want, &next).await;
    let less: RouteTable = spec(json!({ "vpc": mine, "routes": [clinic], "subnets": [b] }));
    change(&cx, "vpc.public_routes", &id, &next, &less).await;

    // A second table takes a subnet of the first.
    let second: RouteTable = spec(json!({ "vpc": mine, "subnets": [b] }));
    let taker = make(&cx, "vpc.private_routes/b", &second).await;
    is(&cx, &taker, &second).await;
    let without: RouteTable = spec(json!({ "vpc": mine, "routes": [clinic] }));
    is(&cx, &id, &without).await;
    drop(&cx, "vpc.private_routes/b", &taker, &second).await;
    drop(&cx, "vpc.public_routes", &id, &without).await;
}

#[test]
fn routes_that_make_no_sense_are_named() {
    let wrong = json!([
        { "destination_cidr_block": "0.0.0.0/0" },
        { "destination_cidr_block": "10.0.0.0/8", "gateway": "igw-1", "nat_gateway": "nat-1" },
        { "gateway": "igw-1" },
    ]);
    let table: RouteTable = spec(json!({ "vpc": "vpc-1", "routes": wrong }));
    assert_eq!(reeve::kinds::Kind::check(&table).len(), 3);
    let twice =
        json!([{ "destination_cidr_block": "0.0.0.0/0", "gateway": "a" }, { "destination_cidr_block": "0.0.0.0/0", "gateway": "b" }]);
    let table: RouteTable = spec(json!({ "vpc": "vpc-1", "routes": twice }));
    assert!(reeve::kinds::Kind::check(&table)[0].1.contains("second route to 0.0.0.0/0"));
}

#[tokio::test]
async fn network_acl_goes_round() {
    let (cx, other) = (stack("acl-round").await, stack("acl-other").await);
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    make(&other, "vpc.network_acl", &spec::<NetworkAcl>(json!({ "vpc": theirs }))).await;
    let (a, b) = subnets(&cx, &mine).await;
    let https = json!({ "rule_number": 100, "rule_action": "allow", "protocol": "tcp", "cidr_block": "0.0.0.0/0",
        "from_port": 443, "to_port": 443 });
    let out = json!({ "rule_number": 100, "egress": true, "rule_action": "allow", "cidr_block": "0.0.0.0/0" });
    let want: NetworkAcl = spec(json!({ "vpc": mine, "entries": [https, out], "subnets": [a] }));
    let id = make(&cx, "vpc.network_acl", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<NetworkAcl>(&cx).await.len(), 1, "neither the default one nor another stack's");

    let no_ssh = json!({ "rule_number": 100, "rule_action": "deny", "protocol": "tcp", "cidr_block": "0.0.0.0/0",
        "from_port": 22, "to_port": 22 });
    let ping = json!({ "rule_number": 110, "rule_action": "allow", "protocol": "icmp", "cidr_block": "10.20.0.0/16",
        "from_port": 8, "to_port": -1 });
    let dns = json!({ "rule_number": 120, "rule_action": "allow", "protocol": "udp", "cidr_block": "10.20.0.0/16",
        "from_port": 53, "to_port": 53 });
    let next: NetworkAcl = spec(json!({ "vpc": mine, "entries": [no_ssh, ping, dns, out], "subnets": [a, b] }));
    change(&cx, "vpc.network_acl", &id, &want, &next).await;
    let less: NetworkAcl = spec(json!({ "vpc": mine, "entries": [out], "subnets": [b] }));
    change(&cx, "vpc.network_acl", &id, &next, &less).await;

    drop(&cx, "vpc.network_acl", &id, &less).await;
    let left = cx.ec2.describe_network_acls().send().await.unwrap();
    let default = left.network_acls().iter().find(|acl| acl.vpc_id() == Some(&mine) && acl.is_default() == Some(true)).unwrap();
    assert_eq!(default.associations().len(), 2, "both subnets are back with the default ACL");
}

#[tokio::test]
async fn the_default_acl_is_found_marked_and_closed() {
    let cx = stack("acl-default").await;
    let vpc = vpc(&cx).await;
    let found = all::<DefaultNetworkAcl>(&cx).await.remove(0);
    assert!(found.marks.address.is_none(), "it bears no mark yet");
    assert!(!found.shape.entries.is_empty(), "AWS leaves it open");
    let want: DefaultNetworkAcl = spec(json!({ "vpc": vpc }));
    let id = make(&cx, "vpc.default_acl", &want).await;
    assert_eq!(id, found.id);
    is(&cx, &id, &want).await;
    assert_eq!(all::<DefaultNetworkAcl>(&cx).await[0].marks.address.as_ref().unwrap().as_str(), "vpc.default_acl");
    assert!(all::<NetworkAcl>(&cx).await.is_empty(), "it is no ordinary ACL");
    let ping = json!({ "rule_number": 5, "rule_action": "allow", "protocol": "icmp", "cidr_block": "10.20.0.0/16", "from_port": 8, "to_port": -1 });
    change(&cx, "vpc.default_acl", &id, &want, &spec(json!({ "vpc": vpc, "entries": [ping] }))).await;
}
