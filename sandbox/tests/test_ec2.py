import base64
import time

from conftest import refused

AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


def test_account_defaults(aws):
    ec2, key = aws("ec2"), aws("kms").create_key()["KeyMetadata"]["Arn"]
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    refused("InvalidKmsKeyId.NotFound", ec2.modify_ebs_default_kms_key_id, KmsKeyId="alias/none")
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == key
    assert ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=1)
    level = ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert (level["HttpTokens"], level["HttpPutResponseHopLimit"]) == ("required", 1)
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert "HttpTokens" not in ec2.get_instance_metadata_defaults()["AccountLevel"]
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "unblocked"
    ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    ec2.disable_image_block_public_access()
    assert ec2.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "unblocked"
    ec2.enable_snapshot_block_public_access(State="block-all-sharing")
    assert ec2.get_snapshot_block_public_access_state()["State"] == "block-all-sharing"
    ec2.disable_snapshot_block_public_access()
    assert ec2.get_snapshot_block_public_access_state()["State"] == "unblocked"


def test_client_tokens(aws, net):
    ec2, (vpc, subnets, _) = aws("ec2"), net
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    for call, params, path in (
        (ec2.create_nat_gateway, {"SubnetId": subnets[0], "AllocationId": address}, ("NatGateway", "NatGatewayId")),
        (ec2.create_route_table, {"VpcId": vpc}, ("RouteTable", "RouteTableId")),
        (ec2.create_network_acl, {"VpcId": vpc}, ("NetworkAcl", "NetworkAclId")),
        (ec2.create_vpc_endpoint, {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3"}, ("VpcEndpoint", "VpcEndpointId")),
        (ec2.create_launch_template, {"LaunchTemplateName": "tpl", "LaunchTemplateData": {"InstanceType": "r5d.large"}},
         ("LaunchTemplate", "LaunchTemplateId")),
        (ec2.create_launch_template_version, {"LaunchTemplateName": "tpl", "LaunchTemplateData": {"InstanceType": "r5d.xlarge"}},
         ("LaunchTemplateVersion", "VersionNumber")),
        (ec2.create_network_interface, {"SubnetId": subnets[0]}, ("NetworkInterface", "NetworkInterfaceId")),
        (ec2.create_volume, {"AvailabilityZone": "us-east-1a", "Size": 1}, ("VolumeId",)),
        (ec2.create_egress_only_internet_gateway, {"VpcId": vpc}, ("EgressOnlyInternetGateway", "EgressOnlyInternetGatewayId")),
        (ec2.create_managed_prefix_list, {"PrefixListName": "p", "MaxEntries": 1, "AddressFamily": "IPv4"},
         ("PrefixList", "PrefixListId")),
    ):
        made = []
        for _ in range(2):
            answer = call(ClientToken="same", **params)
            for part in path:
                answer = answer[part]
            made.append(answer)
        assert made[0] == made[1]
    refused("IdempotentParameterMismatch", ec2.create_route_table, VpcId=vpc, ClientToken="same", DryRun=False)
    aws("logs").create_log_group(logGroupName="/flow")
    logs = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "/flow",
            "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/flow", "ClientToken": "same"}
    assert ec2.create_flow_logs(**logs)["FlowLogIds"] == ec2.create_flow_logs(**logs)["FlowLogIds"]

    def delivery():
        return [(log["DeliverLogsStatus"], log.get("DeliverLogsErrorMessage")) for log in ec2.describe_flow_logs()["FlowLogs"]]

    assert delivery() == [("FAILED", "Access error")]
    iam, document = aws("iam"), '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}'
    iam.create_role(RoleName="flow", AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName="flow", PolicyArn=iam.create_policy(PolicyName="flow", PolicyDocument=document)["Policy"]["Arn"])
    assert delivery() == [("SUCCESS", None)]


def test_an_address_remembers_its_pool(aws):
    ec2 = aws("ec2")
    for pool in ({}, {"PublicIpv4Pool": "ipv4pool-ec2-012345"}):
        made = ec2.allocate_address(Domain="vpc", **pool)["AllocationId"]
        found = ec2.describe_addresses(AllocationIds=[made])["Addresses"][0]
        assert found["PublicIpv4Pool"] == pool.get("PublicIpv4Pool", "amazon")


def test_nat_gateway_filters_and_deletion(aws, net):
    ec2, (vpc, subnets, _) = aws("ec2"), net
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "reeve:stack", "Value": "s"}]}]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, TagSpecifications=tags)["NatGateway"]["NatGatewayId"]
    for value, count in (("s", 1), ("other", 0)):
        assert len(ec2.describe_nat_gateways(Filters=[{"Name": "tag:reeve:stack", "Values": [value]}])["NatGateways"]) == count
    refused("NatGatewayNotFound", ec2.describe_nat_gateways, NatGatewayIds=["nat-0123456789abcdef0"])
    refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "deleting"
    time.sleep(0.6)
    ec2.release_address(AllocationId=address)  # nobody has to look first
    assert ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "deleted"
    ec2.delete_subnet(SubnetId=subnets[0])


def test_network_acl_entries(aws, net):
    ec2 = aws("ec2")
    acl = ec2.create_network_acl(VpcId=net[0])["NetworkAcl"]
    assert [entry["RuleNumber"] for entry in acl["Entries"]] == [32767, 32767]
    entry = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 10, "Protocol": "1", "RuleAction": "allow", "Egress": False,
             "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(IcmpTypeCode={"Type": 8, "Code": -1}, **entry)
    ec2.replace_network_acl_entry(IcmpTypeCode={"Type": 3, "Code": 4}, **entry)
    found = ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"][0]["Entries"]
    assert [e["IcmpTypeCode"] for e in found if e["RuleNumber"] == 10] == [{"Type": 3, "Code": 4}]


def test_nothing_in_use_is_deleted(aws, net):
    ec2, (vpc, subnets, group) = aws("ec2"), net
    user = ec2.create_security_group(GroupName="user", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=user, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group}]}]
    )
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    ec2.delete_security_group(GroupId=user)
    default = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]},
                                                    {"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]["GroupId"]
    refused("CannotDelete", ec2.delete_security_group, GroupId=default)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    balancer = aws("elbv2").create_load_balancer(Name="lb", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
    refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnets[0])
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    refused("DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    ec2.delete_security_group(GroupId=group)
    refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)


def test_launch_templates(aws, net):
    ec2, (_, subnets, group) = aws("ec2"), net
    aws("iam").create_instance_profile(InstanceProfileName="host")
    image = aws("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"]
    data = {"ImageId": f"resolve:ssm:{AL2023}", "InstanceType": "r5d.xlarge", "IamInstanceProfile": {"Name": "host"},
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}, "Monitoring": {"Enabled": True},
            "SecurityGroupIds": [group], "DisableApiTermination": True, "UserData": base64.b64encode(b"#!/bin/bash").decode()}
    template = ec2.create_launch_template(LaunchTemplateName="tpl", LaunchTemplateData=data)["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "a", "Value": "later"}])
    assert ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]["Tags"] == [{"Key": "a", "Value": "later"}]
    for _ in range(2):
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    gone = ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1", "2", "9"])
    assert [v["VersionNumber"] for v in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [2]
    assert [v["VersionNumber"] for v in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [1, 9]
    made = ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    assert made["LaunchTemplateVersion"]["VersionNumber"] == 4
    for resolve, wanted in ((False, data["ImageId"]), (True, image)):
        found = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["4"], ResolveAlias=resolve)
        assert found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"] == wanted
    run = {"LaunchTemplate": {"LaunchTemplateId": template, "Version": "4"}, "MinCount": 1, "MaxCount": 1, "SubnetId": subnets[0]}
    first = ec2.run_instances(ClientToken="x", **run)["Instances"][0]["InstanceId"]
    assert first == ec2.run_instances(ClientToken="x", **run)["Instances"][0]["InstanceId"]
    instance = ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
    assert instance["ImageId"] == image
    assert instance["IamInstanceProfile"]["Arn"].endswith(":instance-profile/host")
    assert (instance["MetadataOptions"]["HttpTokens"], instance["Monitoring"]["State"]) == ("required", "enabled")
    refused("OperationNotPermitted", ec2.terminate_instances, InstanceIds=[first])
    refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnets[0])
    aws("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="later", MinSize=0, MaxSize=1, VPCZoneIdentifier=subnets[1],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "4"},
    )
    ec2.modify_instance_attribute(InstanceId=first, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[first])
    ec2.delete_subnet(SubnetId=subnets[0])
    refused("InvalidParameterValue", ec2.run_instances, MinCount=1, MaxCount=1, SubnetId=subnets[1], ImageId=image,
            LaunchTemplate={"LaunchTemplateName": ec2.create_launch_template(
                LaunchTemplateName="bad", LaunchTemplateData={**data, "IamInstanceProfile": {"Name": "none"}}
            )["LaunchTemplate"]["LaunchTemplateName"]})


def test_a_gateway_endpoint_moves_its_routes_and_an_interface_keeps_what_it_was_told(aws, net):
    ec2, (vpc, subnets, group) = aws("ec2"), net
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway")["VpcEndpoint"]

    def routes():
        found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return [route for route in found if route.get("GatewayId") == made["VpcEndpointId"]]

    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], AddRouteTableIds=[table])
    assert len(routes()) == 1
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], RemoveRouteTableIds=[table])
    assert routes() == []
    interface = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.ssm", VpcEndpointType="Interface",
        SubnetIds=subnets[:1], SecurityGroupIds=[group], PrivateDnsEnabled=False)["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=interface, PrivateDnsEnabled=True)
    assert ec2.describe_vpc_endpoints(VpcEndpointIds=[interface])["VpcEndpoints"][0]["PrivateDnsEnabled"] is True
