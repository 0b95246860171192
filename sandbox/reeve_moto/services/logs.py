"""CloudWatch Logs: the key of an existing group, and deletion protection."""
from ..actions import action, fail

API = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_"


def named(call):
    identity = call.params.get("logGroupName") or call.params.get("resourceIdentifier") or call.params.get("logGroupIdentifier")
    name = identity.split(":log-group:")[-1].removesuffix(":*") if identity.startswith("arn:") else identity
    found = call.own.groups.get(name)
    if found is None:
        fail("ResourceNotFoundException", "The specified log group does not exist.")
    return found


@action("logs", "AssociateKmsKey", page=API + "AssociateKmsKey.html")
def associate(call):
    named(call).kms_key_id = call.params["kmsKeyId"]
    return {}


@action("logs", "DisassociateKmsKey", page=API + "DisassociateKmsKey.html")
def disassociate(call):
    named(call).kms_key_id = None
    return {}


@action("logs", "PutLogGroupDeletionProtection", page=API + "PutLogGroupDeletionProtection.html")
def protect(call):
    call.store("protected")[named(call).name] = call.params["deletionProtectionEnabled"]
    return {}


@action("logs", "DescribeLogGroups", page=API + "DescribeLogGroups.html")
def describe(call):
    answer = call.answered()
    for item in answer["logGroups"]:
        if call.store("protected").get(item["logGroupName"]):
            item["deletionProtectionEnabled"] = True
    return answer


@action("logs", "DeleteLogGroup", page=API + "DeleteLogGroup.html")
def delete(call):
    if call.store("protected").get(call.params["logGroupName"]):
        fail("ValidationException", "The log group has deletion protection enabled and cannot be deleted")
    return call.proceed()
