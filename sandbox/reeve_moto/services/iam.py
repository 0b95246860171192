"""IAM: tags of instance profiles, policies in use, the name of a service's role."""
from ..actions import action, fail

API = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_"


@action("iam", "ListInstanceProfileTags", page=API + "ListInstanceProfileTags.html")
def list_profile_tags(call):
    profile = call.own.get_instance_profile(call.params["InstanceProfileName"])
    tags = profile.tags
    if isinstance(tags, dict):
        tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"Tags": tags, "IsTruncated": False}


@action("iam", "DeletePolicy", page=API + "DeletePolicy.html")
def delete_policy(call):
    arn = call.params["PolicyArn"]
    policy = call.own.managed_policies.get(arn)
    if policy is not None and policy.attachment_count > 0:
        fail("DeleteConflict", "Cannot delete a policy attached to entities.")
    if policy is not None and any(getattr(r, "permissions_boundary_arn", None) == arn for r in call.own.roles.values()):
        fail("DeleteConflict", "Cannot delete a policy used as a permissions boundary.")
    if policy is not None and len(policy.versions) > 1:
        fail("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the "
             "policy's versions. The default version is deleted with the policy.")
    return call.proceed()


# The names of the roles of services that are part of another; moto makes up a name with an underscore.
LINKED_ROLES = {"reports.backup.amazonaws.com": "AWSServiceRoleForBackupReports"}


@action("iam", "CreateServiceLinkedRole", page=API + "CreateServiceLinkedRole.html")
def create_service_linked_role(call):
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/using-service-linked-roles-AWSServiceRoleForBackupReports.html"""
    service = call.params["AWSServiceName"]
    name = LINKED_ROLES.get(service)
    if name is None:
        return call.proceed()
    path = f"/aws-service-role/{service}/"
    if any(role.path == path for role in call.own.roles.values()):
        fail("InvalidInput", f"Service role name {name} has been taken in this account, please try a different suffix.")
    answer = call.answered()
    role = next(role for role in call.own.roles.values() if role.path == path)
    role.name = name
    answer["Role"].update(RoleName=name, Arn=role.arn)
    return answer
