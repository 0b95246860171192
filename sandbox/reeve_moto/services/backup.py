"""AWS Backup: selections, updates of plans and report plans, a vault's policy and notifications, backups and restores of file systems."""
import copy
import time

from moto.backup.responses import BackupResponse
from moto.backup.urls import url_paths
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from ..actions import action, fail

API = "https://docs.aws.amazon.com/aws-backup/latest/devguide/API_"
for path in ("access-policy", "notification-configuration", "recovery-points/", "recovery-points/(?P<point>.+)"):
    url_paths["{0}/backup-vaults/(?P<name>[^/]+)/" + path] = BackupResponse.dispatch
for path in ("backup-jobs", "restore-jobs", "restore-jobs/(?P<job>[^/]+)", "resources/(?P<source>.+)/recovery-points/"):
    url_paths["{0}/" + path] = BackupResponse.dispatch

# Seconds that a restore takes, so that waiting for it is seen.
RESTORING = 2

# Bytes that a file system without files is metered with.
EMPTY = 6144


def plan(call):
    identity = call.params["BackupPlanId"]
    found = call.own.plans.get(identity)
    if found is None:
        fail("ResourceNotFoundException", f"Failed reading Backup plan with provided version: {identity}")
    return found


@action("backup", "UpdateBackupPlan", page=API + "UpdateBackupPlan.html")
def update_plan(call):
    found, wanted = plan(call), copy.deepcopy(call.params["BackupPlan"])
    for rule in wanted["Rules"]:
        rule.setdefault("ScheduleExpression", "cron(0 5 ? * * *)")
        rule.setdefault("StartWindowMinutes", 480)
        rule.setdefault("CompletionWindowMinutes", 10080)
        rule.setdefault("ScheduleExpressionTimezone", "Etc/UTC")
        rule["RuleId"] = str(mock_random.uuid4())
    found.backup_plan = wanted
    found.version_id = mock_random.get_random_string(length=48)
    return {
        "BackupPlanId": found.backup_plan_id, "BackupPlanArn": found.backup_plan_arn,
        "VersionId": found.version_id, "CreationDate": utcnow(),
    }


@action("backup", "CreateBackupPlan", page=API + "CreateBackupPlan.html")
def create_plan(call):
    """moto keeps deleted plans in the same place, and takes their names for taken."""
    whole = call.own.plans
    call.own.plans = {identity: one for identity, one in whole.items() if one.deletion_date is None}
    try:
        return call.proceed()
    finally:
        call.own.plans = {**whole, **call.own.plans}


@action("backup", "DeleteBackupPlan", page=API + "DeleteBackupPlan.html")
def delete_plan(call):
    if selections(call):
        fail("InvalidRequestException", "Related backup plan selections must be deleted prior to backup plan deletion")
    return call.proceed()


def selections(call):
    return call.store("selections").setdefault(call.params["BackupPlanId"], {})


def selection(call):
    found = selections(call).get(call.params["SelectionId"])
    if found is None:
        fail("InvalidParameterValueException", f"Cannot find selection {call.params['SelectionId']}")
    return found


@action("backup", "CreateBackupSelection", page=API + "CreateBackupSelection.html")
def create_selection(call):
    found, wanted = plan(call), call.params["BackupSelection"]
    for other in selections(call).values():
        if other["BackupSelection"]["SelectionName"] == wanted["SelectionName"]:
            request = call.params.get("CreatorRequestId")
            if request and other["CreatorRequestId"] == request:
                return other
            fail("AlreadyExistsException", "Backup selection with the same name already exists")
    made = {
        "SelectionId": str(mock_random.uuid4()), "BackupPlanId": found.backup_plan_id, "CreationDate": utcnow(),
        "BackupSelection": wanted, "CreatorRequestId": call.params.get("CreatorRequestId"),
    }
    selections(call)[made["SelectionId"]] = made
    return made


@action("backup", "GetBackupSelection", page=API + "GetBackupSelection.html")
def get_selection(call):
    plan(call)
    return selection(call)


@action("backup", "ListBackupSelections", page=API + "ListBackupSelections.html")
def list_selections(call):
    plan(call)
    return {
        "BackupSelectionsList": [
            {**item, "SelectionName": item["BackupSelection"]["SelectionName"],
             "IamRoleArn": item["BackupSelection"]["IamRoleArn"]}
            for item in selections(call).values()
        ]
    }


@action("backup", "DeleteBackupSelection", page=API + "DeleteBackupSelection.html")
def delete_selection(call):
    selection(call)
    del selections(call)[call.params["SelectionId"]]
    return {}


@action("backup", "UpdateReportPlan", page=API + "UpdateReportPlan.html")
def update_report_plan(call):
    found = call.own.report_plans.get(call.params["ReportPlanName"])
    if found is None:
        fail("ResourceNotFoundException", f"Report Plan {call.params['ReportPlanName']} not found")
    for member, attribute in (
        ("ReportPlanDescription", "report_plan_description"), ("ReportDeliveryChannel", "report_delivery_channel"),
        ("ReportSetting", "report_setting"),
    ):
        if member in call.params:
            setattr(found, attribute, call.params[member])
    return {"ReportPlanName": found.report_plan_name, "ReportPlanArn": found.report_plan_arn, "CreationTime": utcnow()}


@action("backup", "CreateReportPlan", page=API + "CreateReportPlan.html")
def create_report_plan(call):
    """moto drops the tags."""
    if call.params["ReportPlanName"] in call.own.report_plans:
        fail("AlreadyExistsException", f"Report plan {call.params['ReportPlanName']} already exists")
    answer = call.answered()
    if call.params.get("ReportPlanTags"):
        tags = [{"Key": key, "Value": value} for key, value in call.params["ReportPlanTags"].items()]
        call.own.tagger.tag_resource(answer["ReportPlanArn"], tags)
    return answer


def vault(call):
    name = call.params["BackupVaultName"]
    if name not in call.own.vaults:
        fail("ResourceNotFoundException", f"Backup vault {name} not found")
    return name


def keep(member):
    """Put, Get and Delete of one document of a vault."""
    def put(call):
        kept = {k: v for k, v in call.params.items() if k != "BackupVaultName"}
        call.store(member)[vault(call)] = kept
        return {}

    def get(call):
        kept = call.store(member).get(vault(call))
        if kept is None:
            fail("ResourceNotFoundException", f"Failed reading {member} of vault {call.params['BackupVaultName']}")
        return {**kept, "BackupVaultName": call.params["BackupVaultName"],
                "BackupVaultArn": call.own.vaults[call.params["BackupVaultName"]].backup_vault_arn}

    def delete(call):
        call.store(member).pop(vault(call), None)
        return {}

    for verb, handler in (("Put", put), ("Get", get), ("Delete", delete)):
        action("backup", verb + member, page=f"{API}{verb}{member}.html")(handler)


@action("backup", "StartBackupJob", page=API + "StartBackupJob.html")
def start_job(call):
    """It is done at once. A database's recovery point keeps the database's key, any other has the vault's."""
    name, source = vault(call), call.params["ResourceArn"]
    server = next((d for d in call.backend("rds").databases.values() if d.db_instance_arn == source), None)
    arn = f"{call.own.vaults[name].backup_vault_arn.rsplit(':backup-vault', 1)[0]}:recovery-point:{mock_random.uuid4()}"
    files = file_system(call, source)
    point = {
        "RecoveryPointArn": arn, "BackupVaultName": name, "ResourceArn": source, "Status": "COMPLETED", "CreationDate": utcnow(),
        "ResourceType": "RDS" if server else "EFS", "BackupSizeInBytes": max(files._size_value, EMPTY) if files else EMPTY,
        "EncryptionKeyArn": server.kms_key_id if server else call.own.vaults[name].encryption_key_arn,
    }
    call.store("points").setdefault(name, {})[arn] = point
    return {"BackupJobId": str(mock_random.uuid4()), "RecoveryPointArn": arn, "CreationDate": utcnow()}


def file_system(call, arn):
    found = [one for one in call.backend("efs").file_systems_by_id.values() if one.file_system_arn == arn]
    return found[0] if found else None


def points_of(call, member, value):
    return [point for points in call.store("points").values() for point in points.values() if point[member] == value]


@action("backup", "ListRecoveryPointsByResource", page=API + "ListRecoveryPointsByResource.html")
def list_points_of_resource(call):
    found = points_of(call, "ResourceArn", call.params["ResourceArn"])
    return {"RecoveryPoints": [{**point, "BackupSizeBytes": point["BackupSizeInBytes"]} for point in found]}


@action("backup", "StartRestoreJob", page=API + "StartRestoreJob.html")
def start_restore(call):
    """Of file systems, into new ones."""
    jobs, asked, said = call.store("restores"), call.params, call.params["Metadata"]
    again = [job for job in jobs.values() if asked.get("IdempotencyToken") and job["Token"] == asked["IdempotencyToken"]]
    if again:
        return {"RestoreJobId": again[0]["RestoreJobId"]}
    found = points_of(call, "RecoveryPointArn", asked["RecoveryPointArn"])
    if not found:
        fail("ResourceNotFoundException", f"Recovery point {asked['RecoveryPointArn']} not found")
    point = found[0]
    if point["ResourceType"] != "EFS" or said.get("newFileSystem") != "true" or not said.get("CreationToken"):
        fail("InvalidParameterValueException", "the emulated AWS restores file systems into new ones: newFileSystem=true and a CreationToken")
    made = call.backend("efs").create_file_system(
        creation_token=said["CreationToken"], performance_mode=said.get("PerformanceMode", "generalPurpose"),
        encrypted=said.get("Encrypted") == "true", kms_key_id=said.get("KmsKeyId"), throughput_mode="bursting",
        provisioned_throughput_in_mibps=0, availability_zone_name=None, backup=False, tags=[],
    )
    made._size_value = point["BackupSizeInBytes"]
    job = {
        "RestoreJobId": str(mock_random.uuid4()), "RecoveryPointArn": point["RecoveryPointArn"], "ResourceType": "EFS", "CreationDate": utcnow(),
        "IamRoleArn": asked.get("IamRoleArn"), "BackupSizeInBytes": point["BackupSizeInBytes"], "CreatedResourceArn": made.file_system_arn,
        "AccountId": call.account, "Token": asked.get("IdempotencyToken"), "Done": time.monotonic() + RESTORING,
    }
    jobs[job["RestoreJobId"]] = job
    return {"RestoreJobId": job["RestoreJobId"]}


@action("backup", "DescribeRestoreJob", page=API + "DescribeRestoreJob.html")
def describe_restore(call):
    job = call.store("restores").get(call.params["RestoreJobId"])
    if job is None:
        fail("ResourceNotFoundException", f"Restore job {call.params['RestoreJobId']} not found")
    done = time.monotonic() >= job["Done"]
    state = {"Status": "COMPLETED", "PercentDone": "100.00%", "CompletionDate": utcnow()} if done else {"Status": "RUNNING", "PercentDone": "0.00%"}
    return {name: value for name, value in job.items() if name not in ("Token", "Done")} | state


@action("backup", "ListRecoveryPointsByBackupVault", page=API + "ListRecoveryPointsByBackupVault.html")
def list_points(call):
    return {"RecoveryPoints": list(call.store("points").get(vault(call), {}).values())}


@action("backup", "DeleteRecoveryPoint", page=API + "DeleteRecoveryPoint.html")
def delete_point(call):
    if call.store("points").get(vault(call), {}).pop(call.params["RecoveryPointArn"], None) is None:
        fail("ResourceNotFoundException", f"Recovery point {call.params['RecoveryPointArn']} not found")
    return {}


@action("backup", "DeleteBackupVault", page=API + "DeleteBackupVault.html")
def delete_vault(call):
    if call.store("points").get(call.params["BackupVaultName"]):
        fail("InvalidRequestException", "Backup vault cannot be deleted because it contains recovery points")
    return call.proceed()


keep("BackupVaultAccessPolicy")
keep("BackupVaultNotifications")


@action("backup", "ListTags", page=API + "ListTags.html")
def list_tags(call):
    """moto wants a slash behind the ARN, which not every SDK sends."""
    return {"Tags": call.own.tagger.get_tag_dict_for_resource(call.params["ResourceArn"])}
