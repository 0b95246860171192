"""Auto Scaling: instance refreshes, groups that exist or still hold instances, attributes that moto does not keep."""
import time
import uuid

from moto.autoscaling.models import InstanceState
from moto.core.utils import utcnow

from ..actions import action, fail

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_"
# What moto takes and does not give back.
KEPT = ("DefaultInstanceWarmup", "MaxInstanceLifetime", "DesiredCapacityType", "Context", "InstanceMaintenancePolicy")
# Seconds that a refresh lasts, so that its waiting is seen.
REFRESH = 1.0


ORIGINAL_INIT = InstanceState.__init__


def launched(self, *args, **kwargs):
    """An instance keeps the version of the template that it was launched from, where moto tells the template's newest default."""
    ORIGINAL_INIT(self, *args, **kwargs)
    found = self.auto_scaling_group
    template = found.ec2_launch_template if found is not None else None
    self.launched_from = template and {
        "LaunchTemplateId": template.id, "LaunchTemplateName": template.name,
        "Version": str(template.get_version(found.launch_template_version).number),
    }


InstanceState.__init__ = launched
InstanceState.launch_template = property(lambda self: self.launched_from)


def group(call):
    name = call.params["AutoScalingGroupName"]
    found = call.own.autoscaling_groups.get(name)
    if found is None:
        fail("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return found


def keep(call):
    extras = call.store("groups").setdefault(call.params["AutoScalingGroupName"], {})
    for member in KEPT:
        value = call.params.get(member)
        if value in (-1, 0):
            extras.pop(member, None)
        elif value is not None:
            extras[member] = value


@action("autoscaling", "CreateAutoScalingGroup", page=API + "CreateAutoScalingGroup.html")
def create_group(call):
    """moto makes a second group in the place of the first."""
    name = call.params["AutoScalingGroupName"]
    if name in call.own.autoscaling_groups:
        fail("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name " + name + " already exists")
    answer = call.proceed()
    keep(call)
    return answer


@action("autoscaling", "UpdateAutoScalingGroup", page=API + "UpdateAutoScalingGroup.html")
def update_group(call):
    """moto ignores some members of an update."""
    found = group(call)
    answer = call.proceed()
    keep(call)
    for member, attribute in (
        ("DefaultCooldown", "default_cooldown"), ("HealthCheckType", "health_check_type"),
        ("HealthCheckGracePeriod", "health_check_grace_period"), ("TerminationPolicies", "termination_policies"),
        ("CapacityRebalance", "capacity_rebalance"),
        ("NewInstancesProtectedFromScaleIn", "new_instances_protected_from_scale_in"),
    ):
        if call.params.get(member) is not None:
            setattr(found, attribute, call.params[member])
    return answer


@action("autoscaling", "DescribeAutoScalingGroups", page=API + "DescribeAutoScalingGroups.html")
def describe_groups(call):
    answer = call.answered()
    for item in answer["AutoScalingGroups"]:
        item.update(call.store("groups").get(item["AutoScalingGroupName"], {}))
    return answer


@action("autoscaling", "DeleteAutoScalingGroup", page=API + "DeleteAutoScalingGroup.html")
def delete_group(call):
    found = group(call)
    if not call.params.get("ForceDelete") and found.active_instances():
        fail("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
             "request(s) still in the group.")
    for state in found.instance_states:
        state.protected_from_scale_in = False
    call.store("groups").pop(found.name, None)
    call.store("refreshes").pop(found.name, None)
    return call.proceed()


@action("autoscaling", "DisableMetricsCollection", page=API + "DisableMetricsCollection.html")
def disable_metrics(call):
    found, gone = group(call), call.params.get("Metrics")
    found.metrics = [metric for metric in found.metrics if gone and metric not in gone]
    return {}


@action("autoscaling", "StartInstanceRefresh", page=API + "StartInstanceRefresh.html")
def start_refresh(call):
    """Replaces all instances at once; AWS goes by `Preferences`."""
    found = group(call)
    kept = call.store("refreshes").setdefault(found.name, [])
    if any(settled(item)["Status"] in ("Pending", "InProgress") for item in kept):
        fail("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this one")
    wanted = call.params.get("DesiredConfiguration") or {}
    template = wanted.get("LaunchTemplate")
    if template:
        found._set_launch_configuration(None, template)
    old = [state.instance.id for state in found.active_instances()]
    made = {
        "InstanceRefreshId": str(uuid.uuid4()), "AutoScalingGroupName": found.name, "StartTime": utcnow(),
        "InstancesToUpdate": len(old), "Preferences": call.params.get("Preferences") or {}, "Status": "InProgress",
        "PercentageComplete": 0, "until": time.monotonic() + REFRESH,
    }
    if wanted:
        made["DesiredConfiguration"] = wanted
    kept.insert(0, made)
    if old:
        found.replace_autoscaling_group_instances(len(old), found.get_propagated_tags())
        found.instance_states = [state for state in found.instance_states if state.instance.id not in old]
        call.own.ec2_backend.terminate_instances(old)
        call.own.update_attached_target_groups(found.name)
    return {"InstanceRefreshId": made["InstanceRefreshId"]}


def settled(item):
    if item["Status"] == "InProgress" and time.monotonic() >= item["until"]:
        item.update(Status="Successful", PercentageComplete=100, InstancesToUpdate=0, EndTime=utcnow())
    return item


@action("autoscaling", "DescribeInstanceRefreshes", page=API + "DescribeInstanceRefreshes.html")
def describe_refreshes(call):
    items = [settled(item) for item in call.store("refreshes").get(group(call).name, [])]
    asked = call.params.get("InstanceRefreshIds")
    items = [item for item in items if not asked or item["InstanceRefreshId"] in asked]
    return {"InstanceRefreshes": [{k: v for k, v in item.items() if k != "until"} for item in items]}


@action("autoscaling", "CancelInstanceRefresh", page=API + "CancelInstanceRefresh.html")
def cancel_refresh(call):
    for item in call.store("refreshes").get(group(call).name, []):
        if settled(item)["Status"] == "InProgress":
            item["Status"] = "Cancelled"
            return {"InstanceRefreshId": item["InstanceRefreshId"]}
    fail("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found")
