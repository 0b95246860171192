"""Changes three things behind reeve's back, as a tired colleague at the console would."""

import os

import boto3

OURS = {"Name": "tag:reeve:stack", "Values": ["hostedehr"]}


def tagged(address):
    return [OURS, {"Name": "tag:reeve:address", "Values": [address]}]


# reeve speaks of AWS_REGION as the SDKs do; boto3 of AWS_DEFAULT_REGION.
boto3.setup_default_session(region_name=os.environ["AWS_REGION"])
ec2 = boto3.client("ec2")
group = ec2.describe_security_groups(Filters=tagged("database.group"))["SecurityGroups"][0]["GroupId"]
ec2.authorize_security_group_ingress(
    GroupId=group,
    IpPermissions=[{"IpProtocol": "tcp", "FromPort": 3307, "ToPort": 3307, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
)
print(f"opened the database's security group {group} to the world")

efs = boto3.client("efs")
mine = [
    one["FileSystemId"]
    for one in efs.describe_file_systems()["FileSystems"]
    if {"Key": "reeve:stack", "Value": "hostedehr"} in one["Tags"]
]
target = efs.describe_mount_targets(FileSystemId=mine[0])["MountTargets"][0]["MountTargetId"]
efs.delete_mount_target(MountTargetId=target)
print(f"deleted the mount target {target}")

rds = boto3.client("rds")
server = [
    one["DBInstanceIdentifier"]
    for one in rds.describe_db_instances()["DBInstances"]
    if {"Key": "reeve:address", "Value": "database.server"} in one["TagList"]
][0]
rds.modify_db_instance(DBInstanceIdentifier=server, BackupRetentionPeriod=1, ApplyImmediately=True)
print(f"lowered the backup retention of {server} to one day")
