//! Objects that point at each other go in one apply, whatever else they do.

use reeve::model::plan::Verb;
use reeve::sandbox::ZONE;
use serde_json::json;

use crate::spare::to;
use crate::support::{Ground, Wishes, at, changes, wish};

#[tokio::test]
async fn two_groups_that_name_each_other_and_are_open_besides_go_in_one_apply() {
    let ground = Ground::emulated().await;
    let mut wishes = Wishes::new();
    let port =
        |port: u16, who: &str, whom: &serde_json::Value| json!({ "ip_protocol": "tcp", "from_port": port, "to_port": port, who: whom });
    let everybody = json!("0.0.0.0/0");
    wish(&mut wishes, "vpc.vpc", "aws.vpc", &json!({ "cidr_block": "10.20.0.0/16" }));
    let groups = [
        // As a load balancer's: everybody comes in, and only the hosts are asked.
        (
            "edge.group",
            json!([port(80, "cidr_ip", &everybody), port(443, "cidr_ip", &everybody)]),
            json!([port(8080, "group", &to("hosts.group"))]),
        ),
        // As the hosts': only the load balancer comes in, along with one block.
        (
            "hosts.group",
            json!([port(8080, "group", &to("edge.group")), port(22, "cidr_ip", &json!("10.20.0.0/16"))]),
            json!([port(443, "cidr_ip", &everybody)]),
        ),
    ];
    for (address, ingress, egress) in &groups {
        let spec = json!({ "vpc": to("vpc.vpc"), "description": "a test", "ingress": ingress, "egress": egress });
        wish(&mut wishes, address, "aws.security_group", &spec);
    }
    let mut estate = ground.estate("hostedehr", ZONE, wishes).await;
    estate.apply().await;
    estate.is_converged().await;

    for (address, _, _) in &groups {
        estate.wishes.remove(&at(address));
    }
    let plan = estate.plan().await;
    assert!(plan.changes().all(|one| one.action == Verb::Delete), "{:#?}", changes(&plan));
    assert_eq!(plan.changes().count(), 2);
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let left: Vec<&str> = estate.live().await.iter().map(|one| one.kind).filter(|kind| *kind == "aws.security_group").collect();
    assert_eq!(left, Vec::<&str>::new());
}
