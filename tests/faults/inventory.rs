//! What AWS itself says that it holds, whoever made it and whatever marks it bears: so that an object that an interrupted create left
//! behind without a mark is seen too.

use std::collections::BTreeMap;

use reeve::planes::Aws;

/// How many objects there are of each sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory(BTreeMap<&'static str, usize>);

macro_rules! listed {
    ($client:expr, $call:ident $(.$with:ident($value:expr))*, $list:ident) => {
        $client.$call()$(.$with($value))*.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", stringify!($call))).$list()
    };
}

impl Inventory {
    pub async fn take(aws: &Aws) -> Self {
        let mut all = BTreeMap::new();
        Self::network(aws, &mut all).await;
        Self::edge(aws, &mut all).await;
        Self::data(aws, &mut all).await;
        Self::rights(aws, &mut all).await;
        Self(all)
    }

    async fn network(aws: &Aws, all: &mut BTreeMap<&'static str, usize>) {
        let ec2 = &aws.ec2;
        let vpcs = ec2.describe_vpcs().send().await.expect("VPCs");
        all.insert("VPCs", vpcs.vpcs().len());
        all.insert("subnets", listed!(ec2, describe_subnets, subnets).len());
        all.insert("internet gateways", listed!(ec2, describe_internet_gateways, internet_gateways).len());
        let dead = |state: Option<&aws_sdk_ec2::types::NatGatewayState>| state.is_some_and(|state| state.as_str().starts_with("delete"));
        all.insert("NAT gateways", listed!(ec2, describe_nat_gateways, nat_gateways).iter().filter(|nat| !dead(nat.state())).count());
        all.insert("addresses", listed!(ec2, describe_addresses, addresses).len());
        all.insert("route tables", listed!(ec2, describe_route_tables, route_tables).len());
        all.insert("security groups", listed!(ec2, describe_security_groups, security_groups).len());
        // The emulated AWS forgets to drop a VPC's default ACL with the VPC.
        let acls = ec2.describe_network_acls().send().await.expect("network ACLs");
        let stands = |id: Option<&str>| vpcs.vpcs().iter().any(|vpc| vpc.vpc_id() == id);
        all.insert("network ACLs", acls.network_acls().iter().filter(|acl| stands(acl.vpc_id())).count());
        all.insert("endpoints", listed!(ec2, describe_vpc_endpoints, vpc_endpoints).len());
        all.insert("flow logs", listed!(ec2, describe_flow_logs, flow_logs).len());
        all.insert("launch templates", listed!(ec2, describe_launch_templates, launch_templates).len());
        all.insert("groups of hosts", listed!(aws.autoscaling, describe_auto_scaling_groups, auto_scaling_groups).len());
    }

    async fn edge(aws: &Aws, all: &mut BTreeMap<&'static str, usize>) {
        all.insert("load balancers", listed!(aws.elbv2, describe_load_balancers, load_balancers).len());
        all.insert("target groups", listed!(aws.elbv2, describe_target_groups, target_groups).len());
        all.insert("certificates", listed!(aws.acm, list_certificates, certificate_summary_list).len());
        let regional = aws_sdk_wafv2::types::Scope::Regional;
        all.insert("web ACLs", listed!(aws.wafv2, list_web_acls.scope(regional), web_acls).len());
        let zones = aws.route53.list_hosted_zones().send().await.expect("zones");
        for zone in zones.hosted_zones() {
            let sets = listed!(aws.route53, list_resource_record_sets.hosted_zone_id(zone.id()), resource_record_sets).len();
            *all.entry("records").or_default() += sets;
        }
        all.insert("topics", listed!(aws.sns, list_topics, topics).len());
        all.insert("subscriptions", listed!(aws.sns, list_subscriptions, subscriptions).len());
        all.insert("alarms", listed!(aws.cloudwatch, describe_alarms, metric_alarms).len());
        all.insert("log groups", listed!(aws.logs, describe_log_groups, log_groups).len());
    }

    async fn data(aws: &Aws, all: &mut BTreeMap<&'static str, usize>) {
        all.insert("database servers", listed!(aws.rds, describe_db_instances, db_instances).len());
        all.insert("database subnet groups", listed!(aws.rds, describe_db_subnet_groups, db_subnet_groups).len());
        all.insert("event subscriptions", listed!(aws.rds, describe_event_subscriptions, event_subscriptions_list).len());
        let systems = aws.efs.describe_file_systems().send().await.expect("file systems");
        all.insert("file systems", systems.file_systems().len());
        all.insert("access points", listed!(aws.efs, describe_access_points, access_points).len());
        for system in systems.file_systems() {
            let targets = listed!(aws.efs, describe_mount_targets.file_system_id(system.file_system_id()), mount_targets).len();
            *all.entry("mount targets").or_default() += targets;
        }
        all.insert("buckets", listed!(aws.s3, list_buckets, buckets).len());
        let mut keys = 0;
        for key in listed!(aws.kms, list_keys, keys) {
            let told = aws.kms.describe_key().key_id(key.key_id().unwrap_or_default()).send().await.expect("a key");
            keys += usize::from(told.key_metadata().is_some_and(|key| key.deletion_date().is_none()));
        }
        all.insert("keys", keys);
        all.insert("backup vaults", listed!(aws.backup, list_backup_vaults, backup_vault_list).len());
        all.insert("backup plans", listed!(aws.backup, list_backup_plans, backup_plans_list).len());
    }

    async fn rights(aws: &Aws, all: &mut BTreeMap<&'static str, usize>) {
        all.insert("roles", listed!(aws.iam, list_roles, roles).len());
        let own = aws_sdk_iam::types::PolicyScopeType::Local;
        all.insert("policies", listed!(aws.iam, list_policies.scope(own), policies).len());
        all.insert("instance profiles", listed!(aws.iam, list_instance_profiles, instance_profiles).len());
        all.insert("parameters", listed!(aws.ssm, describe_parameters.max_results(50), parameters).len());
        all.insert("associations", listed!(aws.ssm, list_associations, associations).len());
        all.insert("trails", listed!(aws.cloudtrail, describe_trails, trail_list).len());
    }

    /// What there is more or less of than in `other`, in words.
    pub fn differs_from(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let count = |of: &Self, name: &str| of.0.get(name).copied().unwrap_or_default();
        names
            .into_iter()
            .filter(|name| count(self, name) != count(other, name))
            .map(|name| format!("{} {name} instead of {}", count(self, name), count(other, name)))
            .collect()
    }
}
