"""EC2: launch templates (their versions, `resolve:ssm:` images) and what instances take over from them."""
from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.instances import InstanceBackend, MetadataOptions
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.utils import parse_user_data

from ..actions import AwsError, action, fail

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"
RESOLVE = "resolve:ssm:"


def resolve(backend, image):
    """The image id that a public or own SSM parameter holds.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html#use-an-ssm-parameter-instead-of-an-ami-id"""
    from moto.backends import get_backend

    if not (image or "").startswith(RESOLVE):
        return image
    name = image[len(RESOLVE):].split(":")[0]
    parameter = get_backend("ssm")[backend.account_id][backend.region_name].get_parameter(name)
    if parameter is None:
        raise AwsError("InvalidParameterValue", f"The parameter {name} does not exist")
    return parameter.value


def version_number(template, number):
    """moto takes a version's number for its place in the list, which is wrong once one was deleted."""
    wanted = str(number).lower()
    if wanted == "$latest":
        return template.versions[-1]
    if wanted == "$default":
        wanted = str(template.default_version_number)
    for version in template.versions:
        if str(version.number) == wanted:
            return version
    raise InvalidLaunchTemplateVersionNotFound(template_id=template.id, version=number)


def create_version(template, data, description):
    template._made = getattr(template, "_made", 0) + 1
    # moto reads the user data of the first version only; of the others it later asserts that it had.
    if isinstance(data.get("UserData"), str):
        data = {**data, "UserData": parse_user_data(data["UserData"])}
    version = LaunchTemplateVersion(template, template._made, data, description)
    template.versions.append(version)
    return version


LaunchTemplateVersion.image_id = property(lambda self: resolve(self.template.ec2_backend, self.data.get("ImageId", "")))
LaunchTemplate.get_version = version_number
# moto tells the tags that it was made with, whatever CreateTags and DeleteTags have done since.
LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, made_with: None)
LaunchTemplate.create_version = create_version
LaunchTemplate.default_version = lambda self: version_number(self, "$Default")


@action("ec2", "DeleteLaunchTemplateVersions", page=API + "DeleteLaunchTemplateVersions.html")
def delete_versions(call):
    identity = call.params.get("LaunchTemplateId")
    backend = call.own
    template = backend.get_launch_template(identity) if identity else backend.get_launch_template_by_name(
        call.params.get("LaunchTemplateName")
    )
    done, failed = [], []
    for number in call.params.get("Versions", []):
        item = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "VersionNumber": int(number)}
        version = next((v for v in template.versions if v.number == int(number)), None)
        if version is None:
            code, message = "launchTemplateVersionDoesNotExist", "The specified launch template version does not exist."
        elif template.is_default(version):
            code, message = "unexpectedError", "The default version of a launch template cannot be deleted."
        else:
            template.versions.remove(version)
            done.append(item)
            continue
        failed.append({**item, "ResponseError": {"Code": code, "Message": message}})
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": done,
        "UnsuccessfullyDeletedLaunchTemplateVersions": failed,
    }


@action("ec2", "DescribeLaunchTemplateVersions", page=API + "DescribeLaunchTemplateVersions.html")
def describe_versions(call):
    answer = call.answered()
    if call.params.get("ResolveAlias"):
        for version in answer["LaunchTemplateVersions"]:
            data = version["LaunchTemplateData"]
            if data.get("ImageId"):
                data["ImageId"] = resolve(call.own, data["ImageId"])
    return answer


@action("ec2", "RunInstances", page=API + "RunInstances.html")
def run_instances(call):
    """moto makes an image of its own launch template first; a parameter given in the call itself is resolved here."""
    if (call.params.get("ImageId") or "").startswith(RESOLVE):
        call.replace(ImageId=resolve(call.own, call.params["ImageId"]))
    return call.proceed()


@action("ec2", "TerminateInstances", page=API + "TerminateInstances.html")
def terminate(call):
    for instance in call.own.get_multi_instances_by_id(call.params["InstanceIds"]):
        if str(instance.disable_api_termination).lower() == "true":
            fail(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again.",
            )
    return call.proceed()


ORIGINAL_RUN = InstanceBackend.run_instances


def run_with_template(self, image_id, count, user_data, security_group_names, **kwargs):
    """The instance profile, metadata options, monitoring and protection of the launch template, which moto leaves out."""
    from moto.ec2.utils import filter_iam_instance_profiles

    template = kwargs.get("launch_template")
    data = self._get_template_from_args(template).data if template else {}
    profile = data.get("IamInstanceProfile") or {}
    if profile and not (kwargs.get("iam_instance_profile_name") or kwargs.get("iam_instance_profile_arn")):
        try:
            filter_iam_instance_profiles(self.account_id, self.partition, profile.get("Arn"), profile.get("Name"))
        except Exception as error:
            what = profile.get("Arn") or profile.get("Name")
            raise AwsError("InvalidParameterValue", f"Value ({what}) for parameter iamInstanceProfile is invalid") from error
    else:
        profile = {}
    reservation = ORIGINAL_RUN(self, image_id, count, user_data, security_group_names, **kwargs)
    for instance in reservation.instances:
        if data.get("MetadataOptions") and not kwargs.get("metadata_options"):
            instance.metadata_options = MetadataOptions(data["MetadataOptions"])
        if (data.get("Monitoring") or {}).get("Enabled"):
            instance.monitoring_state = "enabled"
        if data.get("EbsOptimized"):
            instance.ebs_optimized = True
        if data.get("DisableApiTermination"):
            instance.disable_api_termination = True
        if profile:
            self.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))
    return reservation


InstanceBackend.run_instances = run_with_template
