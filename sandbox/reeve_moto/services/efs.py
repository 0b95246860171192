"""EFS: backup policies, updates, protection, policies' deletion, client tokens and pages of access points."""
from moto.efs.responses import EFSResponse
from moto.efs.urls import url_paths

from ..actions import AwsError, action, fail

API = "https://docs.aws.amazon.com/efs/latest/ug/API_"

# Paths that moto does not route; its own router then finds the action.
url_paths["/2015-02-01/file-systems/<file_system_id>/protection"] = EFSResponse.dispatch



def find(call):
    identity = call.params["FileSystemId"].split("/")[-1]
    found = call.own.file_systems_by_id.get(identity)
    if found is None:
        fail("FileSystemNotFound", f"File system '{identity}' does not exist.")
    return found


def described(call, identity):
    """The file system as DescribeFileSystems gives it."""
    item = call.own.file_systems_by_id[identity].info_json()
    return with_extras(call, item)


def with_extras(call, item):
    state = call.store("protection").get(item["FileSystemId"], "ENABLED")
    item["FileSystemProtection"] = {"ReplicationOverwriteProtection": state}
    return item


@action("efs", "DescribeFileSystems", page=API + "DescribeFileSystems.html")
def describe_file_systems(call):
    answer = call.answered()
    for item in answer["FileSystems"]:
        with_extras(call, item)
    return answer


@action("efs", "CreateFileSystem", page=API + "CreateFileSystem.html")
def create_file_system(call):
    """The error of a repeated token names the file system; the token of a deleted one is free again."""
    token = call.params["CreationToken"]
    for found in call.own.file_systems_by_id.values():
        if found.creation_token == token:
            error = AwsError("FileSystemAlreadyExists", f"File system '{found.file_system_id}' already exists with this token")
            error.ErrorCode, error.FileSystemId = "FileSystemAlreadyExists", found.file_system_id
            raise error
    call.own.creation_tokens.discard(token)
    return call.proceed()


@action("efs", "UpdateFileSystem", page=API + "UpdateFileSystem.html")
def update_file_system(call):
    found = find(call)
    mode = call.params.get("ThroughputMode")
    if mode:
        found.throughput_mode = mode
        found.provisioned_throughput_in_mibps = None
    if call.params.get("ProvisionedThroughputInMibps"):
        found.provisioned_throughput_in_mibps = call.params["ProvisionedThroughputInMibps"]
    if found.throughput_mode == "provisioned" and not found.provisioned_throughput_in_mibps:
        fail("BadRequest", "Provisioned throughput must be specified for this mode")
    return described(call, found.file_system_id)


@action("efs", "UpdateFileSystemProtection", page=API + "UpdateFileSystemProtection.html")
def update_protection(call):
    found = find(call)
    state = call.params.get("ReplicationOverwriteProtection", "ENABLED")
    call.store("protection")[found.file_system_id] = state
    return {"ReplicationOverwriteProtection": state}


@action("efs", "PutBackupPolicy", page=API + "PutBackupPolicy.html")
def put_backup_policy(call):
    policy = {"Status": call.params["BackupPolicy"]["Status"]}
    call.store("backup")[find(call).file_system_id] = policy
    return {"BackupPolicy": policy}


@action("efs", "DescribeBackupPolicy", page=API + "DescribeBackupPolicy.html")
def describe_backup_policy(call):
    found = find(call)
    policy = call.store("backup").get(found.file_system_id) or found.backup_policy
    if not policy:
        fail("PolicyNotFound", "None")
    return {"BackupPolicy": policy}


@action("efs", "DeleteFileSystemPolicy", page=API + "DeleteFileSystemPolicy.html")
def delete_policy(call):
    found = find(call)
    found.file_system_policy = None
    return {}


@action("efs", "CreateAccessPoint", page=API + "CreateAccessPoint.html")
def create_access_point(call):
    """A token that was used before names the access point it made."""
    token = call.params.get("ClientToken")
    for point in call.own.access_points.values():
        if token and point.client_token == token:
            error = AwsError("AccessPointAlreadyExists", f"An access point with this token exists: {point.access_point_id}")
            error.ErrorCode, error.AccessPointId = "AccessPointAlreadyExists", point.access_point_id
            raise error
    return call.proceed()


@action("efs", "DescribeAccessPoints", page=API + "DescribeAccessPoints.html")
def describe_access_points(call):
    """moto gives all of them at once; AWS 100 to a page when nothing is asked for."""
    identity, system_id = call.params.get("AccessPointId"), call.params.get("FileSystemId")
    points = list(call.own.access_points.values())
    if identity:
        points = [p for p in points if identity in (p.access_point_id, p.access_point_arn)]
        if not points:
            fail("AccessPointNotFound", f"Access Point {identity} does not exist.")
    elif system_id:
        find(call)
        points = [p for p in points if p.file_system_id == system_id]
    start = int(call.params.get("NextToken") or 0)
    end = start + min(int(call.params.get("MaxResults") or 100), 1000)
    answer = {"AccessPoints": [point.info_json() for point in points[start:end]]}
    if end < len(points):
        answer["NextToken"] = str(end)
    return answer
