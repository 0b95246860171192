import time

from conftest import refused


def test_efs(aws, net):
    efs, ec2 = aws("efs"), aws("ec2")
    made = efs.create_file_system(CreationToken="t", Encrypted=True, ThroughputMode="elastic")["FileSystemId"]
    again = refused("FileSystemAlreadyExists", efs.create_file_system, CreationToken="t")
    assert again["FileSystemId"] == made
    assert efs.describe_file_systems()["FileSystems"][0]["FileSystemProtection"] == {"ReplicationOverwriteProtection": "ENABLED"}
    efs.update_file_system_protection(FileSystemId=made, ReplicationOverwriteProtection="DISABLED")
    assert efs.update_file_system(FileSystemId=made, ThroughputMode="bursting")["ThroughputMode"] == "bursting"
    found = efs.describe_file_systems(FileSystemId=made)["FileSystems"][0]
    assert (found["ThroughputMode"], found["FileSystemProtection"]) == ("bursting", {"ReplicationOverwriteProtection": "DISABLED"})
    refused("PolicyNotFound", efs.describe_backup_policy, FileSystemId=made)
    for status in ("ENABLED", "DISABLED"):
        efs.put_backup_policy(FileSystemId=made, BackupPolicy={"Status": status})
        assert efs.describe_backup_policy(FileSystemId=made)["BackupPolicy"]["Status"] == status
    efs.put_file_system_policy(FileSystemId=made, Policy='{"Version":"2012-10-17","Statement":[]}')
    efs.delete_file_system_policy(FileSystemId=made)
    refused("PolicyNotFound", efs.describe_file_system_policy, FileSystemId=made)
    target = efs.create_mount_target(FileSystemId=made, SubnetId=net[1][0], SecurityGroups=[net[2]])["MountTargetId"]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=net[2])
    efs.delete_mount_target(MountTargetId=target)
    efs.delete_file_system(FileSystemId=made)
    assert efs.create_file_system(CreationToken="t")["FileSystemId"] != made


def test_access_points(aws):
    efs = aws("efs")
    system = efs.create_file_system(CreationToken="t")["FileSystemId"]
    for i in range(105):
        efs.create_access_point(FileSystemId=system, ClientToken=f"c{i}")
    again = refused("AccessPointAlreadyExists", efs.create_access_point, FileSystemId=system, ClientToken="c1")
    assert again["AccessPointId"].startswith("fsap-")
    page = efs.describe_access_points(FileSystemId=system)
    assert len(page["AccessPoints"]) == 100
    assert len(efs.describe_access_points(FileSystemId=system, NextToken=page["NextToken"])["AccessPoints"]) == 5
    assert len(efs.describe_access_points(FileSystemId=system, MaxResults=1000)["AccessPoints"]) == 105
    refused("AccessPointNotFound", efs.describe_access_points, AccessPointId="fsap-0123456789abcdef0")


def test_backup(aws):
    backup = aws("backup")
    backup.create_backup_vault(BackupVaultName="v")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "v", "Lifecycle": {"DeleteAfterDays": 35}}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    rule["Lifecycle"]["DeleteAfterDays"] = 30
    backup.update_backup_plan(BackupPlanId=plan, BackupPlan={"BackupPlanName": "p", "Rules": [rule]})
    found = backup.get_backup_plan(BackupPlanId=plan)["BackupPlan"]["Rules"][0]
    assert found["Lifecycle"]["DeleteAfterDays"] == 30
    wanted = {"SelectionName": "s", "IamRoleArn": "arn:aws:iam::123456789012:role/b", "Resources": ["arn:aws:rds:*"]}
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=wanted)["SelectionId"]
    refused("AlreadyExistsException", backup.create_backup_selection, BackupPlanId=plan, BackupSelection=wanted)
    assert backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)["BackupSelection"]["Resources"] == ["arn:aws:rds:*"]
    assert [s["SelectionName"] for s in backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]] == ["s"]
    refused("InvalidRequestException", backup.delete_backup_plan, BackupPlanId=plan)
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=made)
    backup.delete_backup_plan(BackupPlanId=plan)
    # Its name is free again.
    backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})
    refused("ResourceNotFoundException", backup.get_backup_vault_access_policy, BackupVaultName="v")
    backup.put_backup_vault_access_policy(BackupVaultName="v", Policy="{}")
    assert backup.get_backup_vault_access_policy(BackupVaultName="v")["Policy"] == "{}"
    backup.delete_backup_vault_access_policy(BackupVaultName="v")
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    backup.put_backup_vault_notifications(BackupVaultName="v", SNSTopicArn=topic, BackupVaultEvents=["BACKUP_JOB_FAILED"])
    assert backup.get_backup_vault_notifications(BackupVaultName="v")["SNSTopicArn"] == topic
    backup.delete_backup_vault_notifications(BackupVaultName="v")
    refused("ResourceNotFoundException", backup.get_backup_vault_notifications, BackupVaultName="v")
    files = "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1"
    point = backup.start_backup_job(BackupVaultName="v", ResourceArn=files, IamRoleArn=wanted["IamRoleArn"])["RecoveryPointArn"]
    listed = backup.list_recovery_points_by_backup_vault(BackupVaultName="v")["RecoveryPoints"]
    assert [(one["RecoveryPointArn"], one["ResourceArn"]) for one in listed] == [(point, files)]
    refused("InvalidRequestException", backup.delete_backup_vault, BackupVaultName="v")
    assert [p["RecoveryPointArn"] for p in backup.list_recovery_points_by_resource(ResourceArn=files)["RecoveryPoints"]] == [point]
    said = {"newFileSystem": "true", "CreationToken": "copy", "Encrypted": "true", "KmsKeyId": "k", "file-system-id": files.split("/")[-1]}
    start = {"RecoveryPointArn": point, "IamRoleArn": wanted["IamRoleArn"], "Metadata": said, "IdempotencyToken": "t"}
    refused("InvalidParameterValueException", backup.start_restore_job, **{**start, "Metadata": {}, "IdempotencyToken": "u"})
    efs, job = aws("efs"), backup.start_restore_job(**start)["RestoreJobId"]
    assert backup.describe_restore_job(RestoreJobId=job)["Status"] == "RUNNING"
    assert backup.start_restore_job(**start)["RestoreJobId"] == job
    copied = efs.describe_file_systems(CreationToken="copy")["FileSystems"][0]
    assert (copied["Encrypted"], copied["KmsKeyId"], copied["SizeInBytes"]["Value"]) == (True, "k", 6144)
    time.sleep(2.1)
    done = backup.describe_restore_job(RestoreJobId=job)
    assert (done["Status"], done["CreatedResourceArn"]) == ("COMPLETED", copied["FileSystemArn"])
    refused("ResourceNotFoundException", backup.describe_restore_job, RestoreJobId="none")
    backup.delete_recovery_point(BackupVaultName="v", RecoveryPointArn=point)
    refused("ResourceNotFoundException", backup.delete_recovery_point, BackupVaultName="v", RecoveryPointArn=point)
    backup.delete_backup_vault(BackupVaultName="v")


def test_backup_report_plans(aws):
    backup = aws("backup")
    plan = {"ReportPlanName": "r_p", "ReportDeliveryChannel": {"S3BucketName": "b"},
            "ReportSetting": {"ReportTemplate": "BACKUP_JOB_REPORT"}}
    arn = backup.create_report_plan(ReportPlanTags={"a": "b"}, **plan)["ReportPlanArn"]
    refused("AlreadyExistsException", backup.create_report_plan, **plan)
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
    backup.update_report_plan(ReportPlanName="r_p", ReportPlanDescription="new")
    assert backup.describe_report_plan(ReportPlanName="r_p")["ReportPlan"]["ReportPlanDescription"] == "new"


def test_s3_defaults_of_a_new_bucket(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="bucket-one")

    def algorithm():
        rules = s3.get_bucket_encryption(Bucket="bucket-one")["ServerSideEncryptionConfiguration"]["Rules"]
        return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    assert algorithm() == "AES256"
    assert all(s3.get_public_access_block(Bucket="bucket-one")["PublicAccessBlockConfiguration"].values())
    s3.put_object(Bucket="bucket-one", Key="k", Body=b"x", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket="bucket-one", Key="k", Body=b"x", IfNoneMatch="*")
    s3.delete_bucket_encryption(Bucket="bucket-one")
    assert algorithm() == "AES256"


def test_rds(aws, net):
    rds, (_, subnets, group) = aws("rds"), net
    rds.create_db_subnet_group(DBSubnetGroupName="sn", DBSubnetGroupDescription="d", SubnetIds=subnets[:2])
    rds.modify_db_subnet_group(DBSubnetGroupName="sn", SubnetIds=subnets)
    assert len(rds.describe_db_subnet_groups(DBSubnetGroupName="sn")["DBSubnetGroups"][0]["Subnets"]) == 3
    refused("DBSubnetGroupNotFoundFault", rds.modify_db_subnet_group, DBSubnetGroupName="none", SubnetIds=subnets)
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="mysql8.4", Description="d")
    parameter = {"ParameterName": "require_secure_transport", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="pg", Parameters=[parameter])
    rds.reset_db_parameter_group(DBParameterGroupName="pg", Parameters=[parameter])
    assert rds.describe_db_parameters(DBParameterGroupName="pg")["Parameters"] == []
    refused("DBParameterGroupNotFound", rds.describe_db_parameter_groups, DBParameterGroupName="none")
    rds.create_db_instance(
        DBInstanceIdentifier="db", Engine="mysql", DBInstanceClass="db.r6g.large", AllocatedStorage=20, MasterUsername="u",
        ManageMasterUserPassword=True, DBSubnetGroupName="sn", DBParameterGroupName="pg", VpcSecurityGroupIds=[group],
        EnablePerformanceInsights=True, PerformanceInsightsRetentionPeriod=7, MaxAllocatedStorage=100,
    )

    def live():
        return rds.describe_db_instances(DBInstanceIdentifier="db")["DBInstances"][0]

    assert (live()["PerformanceInsightsEnabled"], live()["PerformanceInsightsRetentionPeriod"]) == (True, 7)
    rds.modify_db_instance(DBInstanceIdentifier="db", PerformanceInsightsRetentionPeriod=31, MaxAllocatedStorage=200)
    assert (live()["PerformanceInsightsRetentionPeriod"], live()["MaxAllocatedStorage"]) == (31, 200)
    rds.modify_db_instance(DBInstanceIdentifier="db", EnablePerformanceInsights=False)
    assert "PerformanceInsightsRetentionPeriod" not in live()
    restore = {"SourceDBInstanceIdentifier": "db", "TargetDBInstanceIdentifier": "copy", "UseLatestRestorableTime": True}
    same = {"DBSubnetGroupName": "sn", "DBParameterGroupName": "pg", "VpcSecurityGroupIds": [group], "PubliclyAccessible": False}
    tags = [{"Key": "why", "Value": "drill"}]
    made = rds.restore_db_instance_to_point_in_time(**restore, **same, Tags=tags, Port=3307, ManageMasterUserPassword=True)["DBInstance"]
    assert (made["DBInstanceStatus"], made["TagList"], "Endpoint" in made) == ("creating", tags, False)
    assert made["MasterUserSecret"]["SecretArn"] != live()["MasterUserSecret"]["SecretArn"]
    refused("DBInstanceAlreadyExists", rds.restore_db_instance_to_point_in_time, **restore)
    refused("DBInstanceNotFound", rds.restore_db_instance_to_point_in_time, **{**restore, "SourceDBInstanceIdentifier": "none"})
    time.sleep(3.1)
    there = rds.describe_db_instances(DBInstanceIdentifier="copy")["DBInstances"][0]
    assert (there["DBInstanceStatus"], there["Endpoint"]["Port"], there["AllocatedStorage"]) == ("available", 3307, 20)
    rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    time.sleep(0.6)
    refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="sn")
    refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="pg")
    refused("DependencyViolation", aws("ec2").delete_security_group, GroupId=group)
    refused("DependencyViolation", aws("ec2").delete_subnet, SubnetId=subnets[0])
    unique = rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)["DBInstance"]
    again = {"DBInstanceIdentifier": "db", "Engine": "mysql", "DBInstanceClass": "db.r6g.large", "AllocatedStorage": 20, "MasterUsername": "u"}
    assert rds.describe_db_instances(DBInstanceIdentifier="db")["DBInstances"][0]["DBInstanceStatus"] == "deleting"
    refused("InvalidDBInstanceState", rds.delete_db_instance, DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    refused("DBInstanceAlreadyExists", rds.create_db_instance, **again)
    time.sleep(0.6)
    assert rds.create_db_instance(**again, ManageMasterUserPassword=True)["DBInstance"]["PerformanceInsightsEnabled"] is False
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    time.sleep(0.6)
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="db")
    kept = rds.describe_db_instance_automated_backups(DBInstanceIdentifier="db")["DBInstanceAutomatedBackups"]
    assert [(one["DbiResourceId"], one["Status"]) for one in kept] == [(unique["DbiResourceId"], "retained")]
    rds.delete_db_instance_automated_backup(DbiResourceId=unique["DbiResourceId"])
    assert rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == []
    refused("DBInstanceAutomatedBackupNotFound", rds.delete_db_instance_automated_backup, DbiResourceId=unique["DbiResourceId"])
    rds.delete_db_subnet_group(DBSubnetGroupName="sn")
    rds.delete_db_parameter_group(DBParameterGroupName="pg")


def test_rds_events_and_versions(aws):
    rds = aws("rds")
    rds.create_event_subscription(SubscriptionName="e", SnsTopicArn="arn:aws:sns:us-east-1:123456789012:t",
                                  SourceType="db-instance", EventCategories=["failure"])
    rds.modify_event_subscription(SubscriptionName="e", EventCategories=["failure", "maintenance"], Enabled=False)
    found = rds.describe_event_subscriptions(SubscriptionName="e")["EventSubscriptionsList"][0]
    assert (found["EventCategoriesList"], found["Enabled"]) == (["failure", "maintenance"], False)
    refused("SubscriptionNotFound", rds.modify_event_subscription, SubscriptionName="none", Enabled=True)
    versions = rds.describe_db_engine_versions(Engine="mysql", EngineVersion="8.4")["DBEngineVersions"]
    assert {v["DBParameterGroupFamily"] for v in versions} == {"mysql8.4"}
    assert len(rds.describe_db_engine_versions(Engine="mysql", DefaultOnly=True)["DBEngineVersions"]) == 1
