//! VPC endpoints and flow logs.

use reeve::kinds::aws::flow_log::FlowLog;
use reeve::kinds::aws::route_table::RouteTable;
use reeve::kinds::aws::security_group::SecurityGroup;
use reeve::kinds::aws::subnet::Subnet;
use reeve::kinds::aws::vpc_endpoint::VpcEndpoint;
use reeve::kinds::{Change, Kind, Ready};
use reeve::model::Address;
use reeve::planes::Aws;
use serde_json::{Value, json};

use crate::harness::{all, change, drop, is, make, ready, spec, stack, vpc};

fn own_account() -> Value {
    json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalAccount": "123456789012" } } } })
}

#[tokio::test]
async fn a_gateway_endpoint_goes_round_and_its_routes_are_no_drift() {
    let (cx, other) = (stack("gw-round").await, stack("gw-other").await);
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    let service = "com.amazonaws.us-east-1.s3";
    make(&other, "vpc.endpoint/s3", &spec::<VpcEndpoint>(json!({ "vpc": theirs, "service_name": service }))).await;
    let table: RouteTable = spec(json!({ "vpc": mine }));
    let (one, two) = (make(&cx, "vpc.private_routes/a", &table).await, make(&cx, "vpc.private_routes/b", &table).await);
    let want: VpcEndpoint = spec(json!({ "vpc": mine, "service_name": service, "route_tables": [one], "policy_document": own_account() }));
    let id = make(&cx, "vpc.endpoint/s3", &want).await;
    is(&cx, &id, &want).await;
    is(&cx, &one, &table).await;
    assert_eq!(all::<VpcEndpoint>(&cx).await.len(), 1);
    let list = ready::<VpcEndpoint>(&cx, &id).await["prefix_list"].clone();
    assert!(list.starts_with("pl-"));
    // Its routes in a table of ours name the list; one without tables is asked for.
    for cx in [&cx, &other] {
        assert_eq!(all::<VpcEndpoint>(cx).await[0].attributes.get("prefix_list"), Some(&list), "{}", cx.estate.stack);
    }
    let mut more = own_account();
    more["Statement"]["Action"] = json!("s3:Get*");
    let next: VpcEndpoint = spec(json!({ "vpc": mine, "service_name": service, "route_tables": [two], "policy_document": more }));
    change(&cx, "vpc.endpoint/s3", &id, &want, &next).await;
    let open: VpcEndpoint = spec(json!({ "vpc": mine, "service_name": service, "route_tables": [one, two] }));
    change(&cx, "vpc.endpoint/s3", &id, &next, &open).await;
    drop(&cx, "vpc.endpoint/s3", &id, &open).await;
    is(&cx, &two, &table).await;
}

async fn places(cx: &Aws, vpc: &str) -> [String; 4] {
    let one: Subnet = spec(json!({ "vpc": vpc, "availability_zone": "us-east-1a", "cidr_block": "10.20.0.0/20" }));
    let two: Subnet = spec(json!({ "vpc": vpc, "availability_zone": "us-east-1b", "cidr_block": "10.20.16.0/20" }));
    let group: SecurityGroup = spec(json!({ "vpc": vpc }));
    [
        make(cx, "vpc.private/a", &one).await,
        make(cx, "vpc.private/b", &two).await,
        make(cx, "vpc.endpoint_group", &group).await,
        make(cx, "vpc.endpoint_group2", &group).await,
    ]
}

#[tokio::test]
async fn an_interface_endpoint_goes_round() {
    let cx = stack("if-round").await;
    let vpc = vpc(&cx).await;
    let [a, b, group, second] = places(&cx, &vpc).await;
    let base = json!({ "vpc": vpc, "service_name": "com.amazonaws.us-east-1.ssm", "vpc_endpoint_type": "Interface",
        "subnets": [a], "security_groups": [group], "policy_document": own_account(), "private_dns_enabled": true });
    let want: VpcEndpoint = spec(base.clone());
    let id = make(&cx, "vpc.endpoint/ssm", &want).await;
    is(&cx, &id, &want).await;
    let mut next = base.clone();
    next["subnets"] = json!([a, b]);
    next["security_groups"] = json!([second]);
    let next: VpcEndpoint = spec(next);
    change(&cx, "vpc.endpoint/ssm", &id, &want, &next).await;
    let mut plain = base;
    plain["private_dns_enabled"] = json!(false);
    plain["subnets"] = json!([b]);
    let plain: VpcEndpoint = spec(plain);
    change(&cx, "vpc.endpoint/ssm", &id, &next, &plain).await;
    drop(&cx, "vpc.endpoint/ssm", &id, &plain).await;
}

#[tokio::test]
async fn flow_log_goes_round() {
    let (cx, other) = (stack("flow-round").await, stack("flow-other").await);
    for (cx, name) in [(&cx, "flow-round"), (&other, "flow-other")] {
        cx.logs.create_log_group().log_group_name(name).send().await.unwrap();
        let trust = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
        cx.iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap();
        let rights =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "logs:*", "Resource": "*" }] }).to_string();
        let policy = cx.iam.create_policy().policy_name(name).policy_document(rights).send().await.unwrap().policy.unwrap();
        cx.iam.attach_role_policy().role_name(name).policy_arn(policy.arn().unwrap()).send().await.unwrap();
    }
    let (mine, theirs) = (vpc(&cx).await, vpc(&other).await);
    let log = |vpc: &str, name: &str| {
        let role = format!("arn:aws:iam::123456789012:role/{name}");
        json!({ "resource": vpc, "log_group": name, "deliver_logs_permission": role })
    };
    make(&other, "vpc.flow_log", &spec::<FlowLog>(log(&theirs, "flow-other"))).await;
    let want: FlowLog = spec(log(&mine, "flow-round"));
    let id = make(&cx, "vpc.flow_log", &want).await;
    is(&cx, &id, &want).await;
    assert_eq!(all::<FlowLog>(&cx).await.len(), 1);

    // Somebody takes its rights away: it is seen, told with AWS's word and the role, and over when they are back.
    let rights = "arn:aws:iam::123456789012:policy/flow-round";
    cx.iam.detach_role_policy().role_name("flow-round").policy_arn(rights).send().await.unwrap();
    let live = all::<FlowLog>(&cx).await.pop().unwrap();
    assert_ne!(live.shape, want);
    let edit = Change {
        address: Address::parse("vpc.flow_log").unwrap(),
        id: id.clone(),
        attributes: Default::default(),
        have: live.shape,
        want: want.clone(),
        fields: ["deliver_logs_status".to_owned()].into(),
        marks: live.marks,
        token: "again".into(),
    };
    let why = FlowLog::update(&cx, &edit).await.unwrap_err().to_string();
    assert!(why.contains("Access error") && why.contains("role/flow-round"), "{why}");
    assert!(matches!(FlowLog::ready(&cx, &id).await.unwrap(), Ready::Failed(_)));
    cx.iam.attach_role_policy().role_name("flow-round").policy_arn(rights).send().await.unwrap();
    FlowLog::update(&cx, &edit).await.unwrap();
    is(&cx, &id, &want).await;
    drop(&cx, "vpc.flow_log", &id, &want).await;

    let mut rejects = log(&mine, "flow-round");
    rejects["traffic_type"] = json!("REJECT");
    rejects["max_aggregation_interval"] = json!(60);
    rejects["log_format"] = json!("${version} ${vpc-id} ${action}");
    let rejects: FlowLog = spec(rejects);
    let id = make(&cx, "vpc.flow_log2", &rejects).await;
    is(&cx, &id, &rejects).await;
}
