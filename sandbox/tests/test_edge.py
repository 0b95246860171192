import json

from conftest import refused

VISIBILITY = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
RULES = [
    {"Name": "common", "Priority": 1, "OverrideAction": {"None": {}}, "VisibilityConfig": VISIBILITY,
     "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}},
    {"Name": "rate", "Priority": 2, "Action": {"Block": {}}, "VisibilityConfig": VISIBILITY,
     "Statement": {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}}},
]


def test_load_balancer_with_certificate(aws, net):
    elb, acm, (vpc, subnets, group) = aws("elbv2"), aws("acm"), net
    request = {"DomainName": "hostedehr.org", "SubjectAlternativeNames": ["*.hostedehr.org"], "ValidationMethod": "DNS",
               "KeyAlgorithm": "EC_prime256v1", "IdempotencyToken": "t"}
    certificate = acm.request_certificate(**request)["CertificateArn"]
    assert acm.request_certificate(**request)["CertificateArn"] == certificate
    assert acm.describe_certificate(CertificateArn=certificate)["Certificate"]["KeyAlgorithm"] == "EC_prime256v1"
    assert acm.list_certificates()["CertificateSummaryList"] == []
    assert len(acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]) == 1

    settings = {"Name": "alb", "Subnets": subnets, "SecurityGroups": [group]}
    balancer = elb.create_load_balancer(**settings)["LoadBalancers"][0]["LoadBalancerArn"]
    assert elb.create_load_balancer(**settings)["LoadBalancers"][0]["LoadBalancerArn"] == balancer
    refused("DuplicateLoadBalancerName", elb.create_load_balancer, Name="alb", Subnets=subnets[:2])
    target = {"Name": "tg", "Protocol": "HTTPS", "Port": 443, "VpcId": vpc}
    targets = elb.create_target_group(**target)["TargetGroups"][0]["TargetGroupArn"]
    assert elb.create_target_group(**target)["TargetGroups"][0]["TargetGroupArn"] == targets
    refused("DuplicateTargetGroupName", elb.create_target_group, **{**target, "Port": 80})
    listen = {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": certificate}],
              "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09",
              "DefaultActions": [{"Type": "forward", "TargetGroupArn": targets}]}
    listener = elb.create_listener(**listen)["Listeners"][0]["ListenerArn"]
    assert elb.create_listener(**listen)["Listeners"][0]["ListenerArn"] == listener
    refused("DuplicateListener", elb.create_listener, **{**listen, "SslPolicy": "ELBSecurityPolicy-2016-08"})
    plain = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
                                DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}])["Listeners"][0]["ListenerArn"]
    assert "SslPolicy" not in elb.describe_listeners(ListenerArns=[plain])["Listeners"][0]
    assert [p["Name"] for p in elb.describe_ssl_policies(Names=[listen["SslPolicy"]])["SslPolicies"]] == [listen["SslPolicy"]]

    refused("ResourceInUseException", acm.delete_certificate, CertificateArn=certificate)
    refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=targets)
    for value in ("true", "false"):
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer,
                                            Attributes=[{"Key": "deletion_protection.enabled", "Value": value}])
        if value == "true":
            refused("OperationNotPermitted", elb.delete_load_balancer, LoadBalancerArn=balancer)
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_target_group(TargetGroupArn=targets)
    acm.delete_certificate(CertificateArn=certificate)
    assert acm.request_certificate(**request)["CertificateArn"] != certificate


def test_web_acl(aws, net):
    waf, elb = aws("wafv2"), aws("elbv2")
    assert waf.check_capacity(Scope="REGIONAL", Rules=RULES)["Capacity"] == 702
    assert waf.describe_managed_rule_group(
        VendorName="AWS", Name="AWSManagedRulesCommonRuleSet", Scope="REGIONAL")["Capacity"] == 700
    assert waf.list_available_managed_rule_groups(Scope="REGIONAL")["ManagedRuleGroups"]
    acls = []
    for name in "ab":
        acls.append(waf.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, Rules=RULES,
                                       VisibilityConfig=VISIBILITY)["Summary"])
    first, second = acls
    refused("WAFNonexistentItemException", waf.associate_web_acl, WebACLArn=first["ARN"],
            ResourceArn="arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/none/0123456789abcdef")
    balancer = elb.create_load_balancer(Name="alb", Subnets=net[1])["LoadBalancers"][0]["LoadBalancerArn"]
    for acl in acls:
        waf.associate_web_acl(WebACLArn=acl["ARN"], ResourceArn=balancer)
    assert waf.list_resources_for_web_acl(WebACLArn=first["ARN"])["ResourceArns"] == []
    assert waf.list_resources_for_web_acl(WebACLArn=second["ARN"])["ResourceArns"] == [balancer]
    token = {"Name": "b", "Scope": "REGIONAL", "Id": second["Id"], "LockToken": second["LockToken"]}
    refused("WAFAssociatedItemException", waf.delete_web_acl, **token)
    token["LockToken"] = waf.update_web_acl(DefaultAction={"Allow": {}}, Rules=RULES[1:], VisibilityConfig=VISIBILITY,
                                            **token)["NextLockToken"]
    assert waf.get_web_acl(Name="b", Scope="REGIONAL", Id=second["Id"])["WebACL"]["Capacity"] == 2
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    waf.delete_web_acl(**token)


def test_auto_scaling_group(aws, net):
    asg, ec2 = aws("autoscaling"), aws("ec2")
    image = aws("ssm").get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
    ec2.create_launch_template(LaunchTemplateName="tpl", LaunchTemplateData={
        "ImageId": image["Parameter"]["Value"], "InstanceType": "r5d.large"})
    group = {"AutoScalingGroupName": "g", "LaunchTemplate": {"LaunchTemplateName": "tpl", "Version": "$Latest"}, "MinSize": 2,
             "MaxSize": 4, "VPCZoneIdentifier": ",".join(net[1]), "MaxInstanceLifetime": 604800, "DefaultInstanceWarmup": 120}
    asg.create_auto_scaling_group(**group)
    refused("AlreadyExists", asg.create_auto_scaling_group, **group)

    def live():
        return asg.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0]

    assert (live()["MaxInstanceLifetime"], live()["DefaultInstanceWarmup"]) == (604800, 120)
    asg.update_auto_scaling_group(AutoScalingGroupName="g", MaxInstanceLifetime=0, DefaultCooldown=60,
                                  TerminationPolicies=["OldestInstance"], NewInstancesProtectedFromScaleIn=True)
    assert (live()["DefaultCooldown"], live()["TerminationPolicies"]) == (60, ["OldestInstance"])
    assert "MaxInstanceLifetime" not in live()
    asg.enable_metrics_collection(AutoScalingGroupName="g", Granularity="1Minute", Metrics=["GroupDesiredCapacity"])
    asg.disable_metrics_collection(AutoScalingGroupName="g")
    assert live()["EnabledMetrics"] == []
    old = {i["InstanceId"] for i in live()["Instances"]}
    refresh = asg.start_instance_refresh(AutoScalingGroupName="g")["InstanceRefreshId"]
    refused("InstanceRefreshInProgress", asg.start_instance_refresh, AutoScalingGroupName="g")
    assert len(live()["Instances"]) == 2 and not old & {i["InstanceId"] for i in live()["Instances"]}
    asg.cancel_instance_refresh(AutoScalingGroupName="g")
    found = asg.describe_instance_refreshes(AutoScalingGroupName="g", InstanceRefreshIds=[refresh])["InstanceRefreshes"]
    assert found[0]["Status"] == "Cancelled"
    refused("ResourceInUse", asg.delete_auto_scaling_group, AutoScalingGroupName="g")
    asg.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    for subnet in net[1]:
        ec2.delete_subnet(SubnetId=subnet)


def test_zone_and_its_records(aws):
    route53 = aws("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]
    assert zone["Name"] == "hostedehr.org."
    change = {"Action": "CREATE", "ResourceRecordSet": {"Name": "_reeve-a.hostedehr.org", "Type": "TXT", "TTL": 300,
                                                        "ResourceRecords": [{"Value": json.dumps("a=b")}]}}
    route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": [change]})
    refused("InvalidChangeBatch", route53.change_resource_record_sets, HostedZoneId=zone["Id"], ChangeBatch={"Changes": [change]})


def test_a_deleted_record_can_be_created_again_and_one_that_is_there_cannot(aws):
    route53 = aws("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    record = {"Name": "*.hostedehr.org.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    txt = {"Name": "zz.hostedehr.org.", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"later in the zone"'}]}

    def change(action, one):
        route53.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": one}]})

    change("CREATE", txt)
    change("CREATE", record)
    again = {"Action": "CREATE", "ResourceRecordSet": {**record, "ResourceRecords": [{"Value": "192.0.2.2"}]}}
    refused("InvalidChangeBatch", route53.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={"Changes": [again]})
    change("DELETE", record)
    change("CREATE", record)
    assert any(one["Type"] == "A" for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"])
