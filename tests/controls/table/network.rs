//! EC2 and VPC.

use super::{Control, row};
use crate::estate::{items, open_to_the_world, statements};

/// Ports that scanners look for (EC2.19).
const HIGH_RISK: [u64; 24] =
    [20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300];

pub const CONTROLS: &[Control] = &[
    // EC2
    row(
        "ec2_ebs_default_encryption, EC2.7",
        |e| e.each("aws.ec2_defaults", |s| s["ebs_encryption_by_default"] == true),
        ("fleet.defaults", "/ebs_encryption_by_default", "false"),
    ),
    row(
        "ec2_ebs_snapshot_account_block_public_access",
        |e| e.each("aws.ec2_defaults", |s| s["snapshot_block_public_access"] == true),
        ("fleet.defaults", "/snapshot_block_public_access", "false"),
    ),
    row(
        "ec2_ami_account_block_public_access",
        |e| e.each("aws.ec2_defaults", |s| s["image_block_public_access"] == true),
        ("fleet.defaults", "/image_block_public_access", "false"),
    ),
    row(
        "ec2_instance_account_imdsv2_enabled",
        |e| e.each("aws.ec2_defaults", |s| s["http_tokens_required"] == true),
        ("fleet.defaults", "/http_tokens_required", "false"),
    ),
    row(
        "ec2_ebs_volume_encryption, EC2.3",
        |e| {
            e.each("aws.launch_template", |s| {
                items(s, "block_device_mappings").all(|one| one["encrypted"] == true && one["kms_key"].is_string())
            })
        },
        ("fleet.template", "/block_device_mappings/0/encrypted", "false"),
    ),
    row(
        "ec2_launch_template_imdsv2_required, ec2_instance_imdsv2_enabled, EC2.8",
        |e| e.each("aws.launch_template", |s| s["http_tokens"] == "required" && s["http_put_response_hop_limit"] == 1),
        ("fleet.template", "/http_tokens", "\"optional\""),
    ),
    row(
        "ec2_launch_template_no_public_ip, ec2_instance_public_ip, EC2.9, EC2.25",
        |e| e.each("aws.launch_template", |s| s["associate_public_ip_address"] == false),
        ("fleet.template", "/associate_public_ip_address", "true"),
    ),
    row(
        "ec2_instance_profile_attached",
        |e| e.each("aws.launch_template", |s| s["iam_instance_profile"].is_string()),
        ("fleet.template", "/iam_instance_profile", "null"),
    ),
    row(
        "ec2_instance_managed_by_ssm, SSM.1",
        |e| e.any("aws.role", |s| items(s, "aws_managed_policies").any(|one| one == "AmazonSSMManagedInstanceCore")),
        ("fleet.role", "/aws_managed_policies", "[]"),
    ),
    row(
        "ec2_instance_detailed_monitoring_enabled",
        |e| e.each("aws.launch_template", |s| s["monitoring"] == true),
        ("fleet.template", "/monitoring", "false"),
    ),
    row(
        "ec2_launch_template_no_secrets, ec2_instance_secrets_user_data",
        |e| {
            e.each("aws.launch_template", |s| {
                !["password", "secret_key", "AKIA", "PRIVATE KEY"]
                    .iter()
                    .any(|word| s["user_data"].as_str().unwrap_or_default().contains(word))
            })
        },
        ("fleet.template", "/user_data", "\"export password=x\""),
    ),
    row(
        "ec2_networkacl_allow_ingress_any_port, ec2_networkacl_allow_ingress_tcp_port_22, ec2_networkacl_allow_ingress_tcp_port_3389, EC2.21",
        |e| {
            e.each("aws.network_acl", |s| {
                items(s, "entries").all(|one| {
                    one["egress"] == true || one["rule_action"] != "allow" || !(open_to_the_world(one, 22) || open_to_the_world(one, 3389))
                })
            })
        },
        ("vpc.network_acl", "/entries/4/from_port", "22"),
    ),
    row(
        "the default network ACL is empty",
        |e| e.each("aws.default_network_acl", |s| items(s, "entries").count() == 0),
        ("vpc.default_acl", "/entries/-", "{}"),
    ),
    row(
        "ec2_networkacl_unused, EC2.16",
        |e| e.each("aws.network_acl", |s| items(s, "subnets").count() > 0),
        ("vpc.network_acl", "/subnets", "[]"),
    ),
    row(
        "ec2_securitygroup_default_restrict_traffic, EC2.2",
        |e| e.each("aws.default_security_group", |s| items(s, "ingress").chain(items(s, "egress")).count() == 0),
        ("vpc.default_group", "/ingress/-", "{}"),
    ),
    row(
        "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22, _3389, _high_risk_tcp_ports, _any_port, _all_ports, EC2.13, EC2.14, EC2.19",
        |e| e.each("aws.security_group", |s| items(s, "ingress").all(|one| HIGH_RISK.iter().all(|port| !open_to_the_world(one, *port)))),
        ("fleet.group", "/ingress/-", r#"{ "cidr_ip": "0.0.0.0/0", "from_port": 22, "to_port": 22 }"#),
    ),
    row(
        "only the load balancer is open, and only on 443 and 80 (S18)",
        |e| {
            e.each("aws.security_group", |s| {
                items(s, "ingress")
                    .filter(|one| one["cidr_ip"].is_string() || one["cidr_ipv6"].is_string())
                    .all(|one| one["from_port"] == one["to_port"] && (one["from_port"] == 443 || one["from_port"] == 80))
            })
        },
        ("database.group", "/ingress/-", r#"{ "cidr_ip": "0.0.0.0/0", "from_port": 3307, "to_port": 3307 }"#),
    ),
    row(
        "ec2_securitygroup_with_many_rules",
        |e| e.each("aws.security_group", |s| items(s, "ingress").count() <= 50 && items(s, "egress").count() <= 50),
        (
            "fleet.group",
            "/egress",
            "[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]",
        ),
    ),
    row(
        "ec2_elastic_ip_unassigned, EC2.12",
        |e| e.unnamed("aws.elastic_ip", "aws.nat_gateway", "allocation"),
        ("vpc.nat/a", "/allocation", "null"),
    ),
    // VPC
    row(
        "vpc_flow_logs_enabled, EC2.6",
        |e| e.each("aws.flow_log", |s| s["traffic_type"] == "ALL"),
        ("vpc.flow_log", "/traffic_type", "\"REJECT\""),
    ),
    row(
        "vpc_subnet_no_public_ip_by_default, EC2.15",
        |e| e.each("aws.subnet", |s| s["map_public_ip_on_launch"] == false),
        ("vpc.public/a", "/map_public_ip_on_launch", "true"),
    ),
    row(
        "vpc_subnet_different_az",
        |e| {
            let mut zones: Vec<_> = e.of("aws.subnet").iter().map(|(_, s)| s["availability_zone"].to_string()).collect();
            zones.sort();
            zones.dedup();
            if zones.len() == e.of("aws.mount_target").len() { vec![] } else { zones }
        },
        ("vpc.private/a", "/availability_zone", "\"other\""),
    ),
    row(
        "vpc_subnet_separate_private_public",
        |e| {
            e.each("aws.route_table", |s| {
                let text = s["subnets"].to_string();
                !(text.contains("vpc.private/") && s["routes"].to_string().contains("internet_gateway"))
            })
        },
        ("vpc.private_routes/a", "/routes/0/gateway", "\"${ref(\\\"vpc.internet_gateway\\\")}\""),
    ),
    row(
        "vpc_endpoint_for_ec2_enabled, EC2.10",
        |e| e.any("aws.vpc_endpoint", |s| s["service_name"].as_str().unwrap_or_default().ends_with(".ec2")),
        ("vpc.endpoint/ec2", "/service_name", "\"other\""),
    ),
    row(
        "vpc_endpoint_multi_az_enabled",
        |e| e.each("aws.vpc_endpoint", |s| s["vpc_endpoint_type"] == "Gateway" || items(s, "subnets").count() > 1),
        ("vpc.endpoint/ec2", "/subnets", "[]"),
    ),
    row(
        "vpc_endpoint_connections_trust_boundaries",
        |e| e.each("aws.vpc_endpoint", |s| statements(s, "policy_document").all(|one| one["Condition"].is_object())),
        ("vpc.endpoint/ec2", "/policy_document/Statement/0/Condition", "null"),
    ),
];
