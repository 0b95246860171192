//! Networks, subnets, gateways and addresses.

use reeve::kinds::aws::elastic_ip::ElasticIp;
use reeve::kinds::aws::internet_gateway::InternetGateway;
use reeve::kinds::aws::nat_gateway::NatGateway;
use reeve::kinds::aws::subnet::Subnet;
use reeve::kinds::aws::vpc::Vpc;
use serde_json::json;

use crate::harness::{all, change, cidr, drop, is, make, ready, spec, stack, vpc};

#[tokio::test]
async fn vpc_goes_round() {
    let (cx, other) = (stack("vpc-round").await, stack("vpc-other").await);
    let foreign = vpc(&other).await;
    let want = Vpc { cidr_block: cidr("10.20.0.0/16"), enable_dns_hostnames: true, enable_dns_support: true };
    let id = make(&cx, "vpc.vpc", &want).await;
    is(&cx, &id, &want).await;
    assert!(all::<Vpc>(&cx).await.iter().all(|one| one.id != foreign));
    let quiet = Vpc { enable_dns_hostnames: false, ..want.clone() };
    change(&cx, "vpc.vpc", &id, &want, &quiet).await;
    drop(&cx, "vpc.vpc", &id, &quiet).await;
}

#[tokio::test]
async fn subnet_goes_round() {
    let (cx, other) = (stack("subnet-round").await, stack("subnet-other").await);
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    let in_vpc = |vpc: &str| spec::<Subnet>(json!({ "vpc": vpc, "availability_zone": "us-east-1a", "cidr_block": "10.20.16.0/20" }));
    make(&other, "vpc.private/a", &in_vpc(&theirs)).await;
    let want = in_vpc(&mine);
    assert!(!want.map_public_ip_on_launch, "no public addresses by default");
    let id = make(&cx, "vpc.private/a", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<Subnet>(&cx).await.len(), 1);
    let open = Subnet { map_public_ip_on_launch: true, ..want.clone() };
    change(&cx, "vpc.private/a", &id, &want, &open).await;
    drop(&cx, "vpc.private/a", &id, &open).await;
}

#[tokio::test]
async fn internet_gateway_goes_round() {
    let (cx, other) = (stack("igw-round").await, stack("igw-other").await);
    let first = vpc(&cx).await;
    let second =
        make(&cx, "vpc.second", &Vpc { cidr_block: cidr("10.21.0.0/16"), enable_dns_hostnames: true, enable_dns_support: true }).await;
    make(&other, "vpc.internet_gateway", &InternetGateway { vpc: None }).await;
    let want: InternetGateway = spec(json!({ "vpc": first }));
    let id = make(&cx, "vpc.internet_gateway", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<InternetGateway>(&cx).await.len(), 1);
    let moved: InternetGateway = spec(json!({ "vpc": second }));
    change(&cx, "vpc.internet_gateway", &id, &want, &moved).await;
    let loose = InternetGateway { vpc: None };
    change(&cx, "vpc.internet_gateway", &id, &moved, &loose).await;
    change(&cx, "vpc.internet_gateway", &id, &loose, &want).await;
    drop(&cx, "vpc.internet_gateway", &id, &want).await;
}

#[tokio::test]
async fn addresses_and_nat_gateways_go_round() {
    let (cx, other) = (stack("nat-round").await, stack("nat-other").await);
    let vpc = vpc(&cx).await;
    let subnet: Subnet = spec(json!({ "vpc": vpc, "availability_zone": "us-east-1a", "cidr_block": "10.20.0.0/20" }));
    let subnet = make(&cx, "vpc.public/a", &subnet).await;
    let internet = make(&cx, "vpc.internet_gateway", &spec::<InternetGateway>(json!({ "vpc": vpc }))).await;
    let address: ElasticIp = spec(json!({}));
    make(&other, "vpc.elastic_ip/a", &address).await;
    let ip = make(&cx, "vpc.elastic_ip/a", &address).await;
    is(&cx, &ip, &address).await;
    let listed = all::<ElasticIp>(&cx).await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].attributes["public_ip"].contains('.'));

    let want: NatGateway = spec(json!({ "subnet": subnet, "allocation": ip, "internet_gateway": internet }));
    let id = make(&cx, "vpc.nat/a", &want).await;
    is(&cx, &id, &want).await;
    is(&cx, &id, &NatGateway { internet_gateway: None, ..want.clone() }).await;
    assert_eq!(ready::<NatGateway>(&cx, &id).await["public_ip"], listed[0].attributes["public_ip"]);
    assert!(all::<NatGateway>(&other).await.is_empty());
    drop(&cx, "vpc.nat/a", &id, &want).await;
    drop(&cx, "vpc.elastic_ip/a", &ip, &address).await;
}
