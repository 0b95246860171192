import cbor2
import pytest
import urllib.error
import urllib.request
from conftest import refused


def test_kms(aws):
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=120)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 120
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == []
    for call, state in ((kms.disable_key, "Disabled"), (kms.enable_key, "Enabled"), (kms.schedule_key_deletion, "PendingDeletion"),
                        (kms.cancel_key_deletion, "Disabled")):
        call(KeyId=key)
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state
        if state == "Disabled":
            refused("DisabledException", kms.enable_key_rotation, KeyId=key)
            refused("DisabledException", kms.disable_key_rotation, KeyId=key)
    kms.enable_key(KeyId=key)
    kms.update_key_description(KeyId=key, Description="d")
    kms.create_alias(AliasName="alias/a", TargetKeyId=key)
    refused("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    for call, more in ((kms.update_key_description, {"Description": "e"}), (kms.enable_key, {}), (kms.disable_key, {}),
                       (kms.schedule_key_deletion, {}), (kms.tag_resource, {"Tags": []}), (kms.disable_key_rotation, {})):
        refused("KMSInvalidStateException", call, KeyId=key, **more)
    refused("KMSInvalidStateException", kms.create_alias, AliasName="alias/b", TargetKeyId=key)
    kms.delete_alias(AliasName="alias/a")
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_parameters_page_by_page(aws):
    ssm = aws("ssm")
    for i in range(60):
        ssm.put_parameter(Name=f"/p/{i}", Value="x", Type="SecureString", Tags=[{"Key": "reeve:stack", "Value": "s"}])
    ssm.put_parameter(Name="/pq", Value="x", Type="String")
    wanted = {"ParameterFilters": [{"Key": "tag:reeve:stack", "Values": ["s"]}], "MaxResults": 50}
    page = ssm.describe_parameters(**wanted)
    assert len(page["Parameters"]) == 50
    rest = ssm.describe_parameters(NextToken=page["NextToken"], **wanted)
    assert len(rest["Parameters"]) == 10 and "NextToken" not in rest
    names = [p["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/p", WithDecryption=True)
             for p in page["Parameters"]]
    assert sorted(names) == sorted(f"/p/{i}" for i in range(60))
    refused("InvalidNextToken", ssm.describe_parameters, NextToken="none:5")


def test_sessions(aws):
    ssm, ec2, iam = aws("ssm"), aws("ec2"), aws("iam")
    iam.create_instance_profile(InstanceProfileName="host")
    launch = {"ImageId": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "MinCount": 1, "MaxCount": 1}
    bare = ec2.run_instances(**launch)["Instances"][0]["InstanceId"]
    host = ec2.run_instances(IamInstanceProfile={"Name": "host"}, **launch)["Instances"][0]["InstanceId"]
    ports = {"DocumentName": "AWS-StartSSHSession", "Parameters": {"portNumber": ["2375"]}}
    refused("TargetNotConnected", ssm.start_session, Target="i-0123456789abcdef0", **ports)
    refused("TargetNotConnected", ssm.start_session, Target=bare, **ports)
    refused("InvalidDocument", ssm.start_session, Target=host, DocumentName="none")
    through = "AWS-StartPortForwardingSessionToRemoteHost"
    refused("InvalidParameters", ssm.start_session, Target=host, DocumentName=through, Parameters={"portNumber": ["3306"]})
    refused("InvalidParameters", ssm.start_session, Target=host, DocumentName=through, Parameters={"port": ["3306"]})
    made = ssm.start_session(Target=host, Reason="a test", **ports)
    assert made["StreamUrl"].startswith("wss://") and made["SessionId"] in made["StreamUrl"] and made["TokenValue"]
    active = ssm.describe_sessions(State="Active")["Sessions"]
    assert [(one["SessionId"], one["Target"], one["Reason"]) for one in active] == [(made["SessionId"], host, "a test")]
    assert ssm.terminate_session(SessionId=made["SessionId"])["SessionId"] == made["SessionId"]
    assert ssm.describe_sessions(State="Active")["Sessions"] == []
    assert ssm.describe_sessions(State="History")["Sessions"][0]["Status"] == "Terminated"
    ec2.terminate_instances(InstanceIds=[host])
    refused("TargetNotConnected", ssm.start_session, Target=host, **ports)


def test_associations(aws):
    ssm = aws("ssm")
    refused("InvalidDocument", ssm.create_association, Name="none")
    made = ssm.create_association(Name="AWS-RunPatchBaseline", AssociationName="patch", MaxErrors="0",
                                  Targets=[{"Key": "tag:reeve:stack", "Values": ["s"]}], Parameters={"Operation": ["Install"]},
                                  ScheduleExpression="cron(0 2 ? * SUN *)", Tags=[{"Key": "a", "Value": "b"}])
    identity = made["AssociationDescription"]["AssociationId"]
    assert ssm.describe_association(AssociationId=identity)["AssociationDescription"]["Parameters"] == {"Operation": ["Install"]}
    changed = ssm.update_association(AssociationId=identity, ScheduleExpression="cron(0 3 ? * SUN *)")["AssociationDescription"]
    assert (changed["AssociationVersion"], changed["ScheduleExpression"]) == ("2", "cron(0 3 ? * SUN *)")
    assert "MaxErrors" not in changed
    filters = [{"key": "Name", "value": "AWS-RunPatchBaseline"}]
    assert len(ssm.list_associations(AssociationFilterList=filters)["Associations"]) == 1
    tags = {"ResourceType": "Association", "ResourceId": identity}
    ssm.add_tags_to_resource(Tags=[{"Key": "c", "Value": "d"}], **tags)
    ssm.remove_tags_from_resource(TagKeys=["a"], **tags)
    assert ssm.list_tags_for_resource(**tags)["TagList"] == [{"Key": "c", "Value": "d"}]
    ssm.delete_association(AssociationId=identity)
    refused("AssociationDoesNotExist", ssm.describe_association, AssociationId=identity)
    assert ssm.describe_instance_information()["InstanceInformationList"] == []


def test_log_groups(aws):
    logs, key = aws("logs"), aws("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="/a")

    def live():
        return logs.describe_log_groups(logGroupNamePrefix="/a")["logGroups"][0]

    logs.associate_kms_key(logGroupName="/a", kmsKeyId=key)
    assert live()["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="/a")
    assert "kmsKeyId" not in live()
    logs.put_log_group_deletion_protection(logGroupIdentifier="/a", deletionProtectionEnabled=True)
    assert live()["deletionProtectionEnabled"]
    refused("ValidationException", logs.delete_log_group, logGroupName="/a")
    logs.put_log_group_deletion_protection(logGroupIdentifier="/a", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/a")


def test_iam(aws):
    iam = aws("iam")
    iam.create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "b"}])
    assert iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"] == [{"Key": "a", "Value": "b"}]
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    linked = lambda service: iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert linked("reports.backup.amazonaws.com")["RoleName"] == "AWSServiceRoleForBackupReports"
    assert iam.get_role(RoleName="AWSServiceRoleForBackupReports")["Role"]["Path"].endswith("/reports.backup.amazonaws.com/")
    refused("InvalidInput", iam.create_service_linked_role, AWSServiceName="reports.backup.amazonaws.com")
    assert linked("autoscaling.amazonaws.com")["RoleName"] == "AWSServiceRoleForAutoScaling"


def test_trail_by_arn(aws):
    aws("s3").create_bucket(Bucket="trail-bucket")
    trails = aws("cloudtrail")
    arn = trails.create_trail(Name="trail", S3BucketName="trail-bucket")["TrailARN"]
    trails.update_trail(Name=arn, EnableLogFileValidation=True)
    trails.start_logging(Name=arn)
    assert trails.get_trail_status(Name=arn)["IsLogging"]
    trails.stop_logging(Name=arn)
    assert not trails.describe_trails()["trailList"][0]["HasCustomEventSelectors"]
    assert trails.get_event_selectors(TrailName=arn)["EventSelectors"][0]["IncludeManagementEvents"]
    muted = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": []}
    trails.put_event_selectors(TrailName=arn, EventSelectors=[muted])
    assert not trails.get_event_selectors(TrailName=arn)["EventSelectors"][0]["IncludeManagementEvents"]
    assert trails.describe_trails()["trailList"][0]["HasCustomEventSelectors"]
    trails.delete_trail(Name=arn)
    refused("TrailNotFoundException", trails.delete_trail, Name=arn)


def test_topics(aws):
    sns = aws("sns")
    arn = sns.create_topic(Name="t")["TopicArn"]
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["TopicArn"] == arn
    refused("InvalidParameter", sns.get_topic_attributes, TopicArn="arn:aws:automate:us-east-1:ec2:stop")


def cbor(endpoint, name, body):
    """One call in the protocol of the current SDKs: status, headers, members."""
    request = urllib.request.Request(
        f"{endpoint}/service/GraniteServiceVersion20100801/operation/{name}", data=cbor2.dumps(body), method="POST",
        headers={"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "Authorization":
                 "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, cbor2.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, cbor2.loads(error.read())


def test_cloudwatch_over_cbor(aws, endpoint):
    alarm = {"AlarmName": "a", "Namespace": "AWS/EC2", "MetricName": "CPU", "Period": 60, "EvaluationPeriods": 2,
             "Threshold": 80.5, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Average",
             "Dimensions": [{"Name": "x", "Value": "y"}], "Tags": [{"Key": "a", "Value": "b"}]}
    assert cbor(endpoint, "PutMetricAlarm", alarm)[0] == 200
    status, headers, answer = cbor(endpoint, "DescribeAlarms", {"AlarmNames": ["a"]})
    assert (status, headers["smithy-protocol"]) == (200, "rpc-v2-cbor")
    live = answer["MetricAlarms"][0]
    assert all(live[key] == alarm[key] for key in alarm if key != "Tags")
    arn = live["AlarmArn"]
    cbor(endpoint, "TagResource", {"ResourceARN": arn, "Tags": [{"Key": "c", "Value": "d"}]})
    cbor(endpoint, "UntagResource", {"ResourceARN": arn, "TagKeys": ["a"]})
    assert cbor(endpoint, "ListTagsForResource", {"ResourceARN": arn})[2]["Tags"] == [{"Key": "c", "Value": "d"}]
    assert cbor(endpoint, "DeleteAlarms", {"AlarmNames": ["a"]})[0] == 200
    status, headers, answer = cbor(endpoint, "GetDashboard", {"DashboardName": "none"})
    assert (status, answer["__type"]) == (404, "com.amazonaws.cloudwatch#DashboardNotFoundError"), answer
    assert "Sender" in headers["x-amzn-query-error"]


@pytest.mark.parametrize("service, call, params", [
    ("ec2", "describe_aws_network_performance_metric_subscriptions", {}), ("ssm", "list_ops_item_events", {}),
    ("efs", "describe_account_preferences", {}), ("backup", "describe_region_settings", {}), ("sns", "list_origination_numbers", {}),
    ("iam", "get_service_last_accessed_details", {"JobId": "x" * 36}), ("route53", "list_cidr_collections", {}),
    ("cloudwatch", "list_managed_insight_rules", {"ResourceARN": "x"}), ("autoscaling", "describe_account_limits", {}),
])
def test_what_is_missing_is_a_client_error_that_no_sdk_retries(aws, service, call, params):
    error = refused("NotImplemented", getattr(aws(service), call), **params)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
