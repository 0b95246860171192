//! The kinds of AWS, one file each, and the table that lists them all.

mod support;

// network
pub mod default_network_acl;
pub mod default_security_group;
pub mod elastic_ip;
pub mod flow_log;
pub mod internet_gateway;
pub mod nat_gateway;
pub mod network_acl;
pub mod route_table;
pub mod security_group;
pub mod subnet;
pub mod vpc;
pub mod vpc_endpoint;
// edge
pub mod backup_plan;
pub mod backup_selection;
pub mod backup_vault;
pub mod certificate;
pub mod listener;
pub mod load_balancer;
pub mod record;
pub mod report_plan;
pub mod target_group;
pub mod web_acl;
pub mod web_acl_association;
pub mod web_acl_logging;
// data
pub mod access_point;
pub mod bucket;
pub mod bundle;
pub mod db_event_subscription;
pub mod db_instance;
pub mod db_parameter_group;
pub mod db_subnet_group;
pub mod file_system;
pub mod key;
pub mod mount_target;
pub mod object;
// compute
pub mod alarm;
pub mod association;
pub mod autoscaling_group;
pub mod ec2_defaults;
pub mod instance_profile;
pub mod launch_template;
pub mod log_group;
pub mod lookups;
pub mod parameter;
pub mod policy;
pub mod role;
pub mod service_linked_role;
pub mod subscription;
pub mod topic;
pub mod trail;

use super::row::{Row, row};

/// Every kind. One line each.
pub static KINDS: &[Row] = &[
    // network
    row::<vpc::Vpc>(),
    row::<subnet::Subnet>(),
    row::<internet_gateway::InternetGateway>(),
    row::<elastic_ip::ElasticIp>(),
    row::<nat_gateway::NatGateway>(),
    row::<route_table::RouteTable>(),
    row::<network_acl::NetworkAcl>(),
    row::<default_network_acl::DefaultNetworkAcl>(),
    row::<security_group::SecurityGroup>(),
    row::<default_security_group::DefaultSecurityGroup>(),
    row::<vpc_endpoint::VpcEndpoint>(),
    row::<flow_log::FlowLog>(),
    // edge
    row::<backup_plan::BackupPlan>(),
    row::<backup_selection::BackupSelection>(),
    row::<backup_vault::BackupVault>(),
    row::<certificate::Certificate>(),
    row::<listener::Listener>(),
    row::<load_balancer::LoadBalancer>(),
    row::<record::Record>(),
    row::<report_plan::ReportPlan>(),
    row::<target_group::TargetGroup>(),
    row::<web_acl::WebAcl>(),
    row::<web_acl_association::WebAclAssociation>(),
    row::<web_acl_logging::WebAclLogging>(),
    // data
    row::<access_point::AccessPoint>(),
    row::<bucket::Bucket>(),
    row::<bundle::Bundle>(),
    row::<db_event_subscription::DbEventSubscription>(),
    row::<db_instance::DbInstance>(),
    row::<db_parameter_group::DbParameterGroup>(),
    row::<db_subnet_group::DbSubnetGroup>(),
    row::<file_system::FileSystem>(),
    row::<key::Key>(),
    row::<mount_target::MountTarget>(),
    row::<object::Object>(),
    // compute
    row::<role::Role>(),
    row::<service_linked_role::ServiceLinkedRole>(),
    row::<policy::Policy>(),
    row::<instance_profile::InstanceProfile>(),
    row::<log_group::LogGroup>(),
    row::<topic::Topic>(),
    row::<subscription::Subscription>(),
    row::<trail::Trail>(),
    row::<parameter::Parameter>(),
    row::<association::Association>(),
    row::<ec2_defaults::Ec2Defaults>(),
    row::<alarm::Alarm>(),
    row::<launch_template::LaunchTemplate>(),
    row::<autoscaling_group::AutoscalingGroup>(),
];
