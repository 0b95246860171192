"""CloudTrail: trails named by their ARN."""
from ..actions import action

API = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_"


@action("cloudtrail", "DeleteTrail", "UpdateTrail", "StartLogging", "StopLogging", page=API + "DeleteTrail.html")
def by_name(call):
    """moto looks these up by their name only. An unknown trail is an error for AWS also when it is deleted."""
    call.replace(Name=call.own.get_trail(call.params["Name"]).trail_name)
    return call.proceed()


@action("cloudtrail", "GetEventSelectors", "PutEventSelectors", page=API + "GetEventSelectors.html")
def selectors_by_name(call):
    """moto looks the trail up by its name only, and knows no default selectors."""
    trail = call.own.get_trail(call.params["TrailName"])
    call.replace(TrailName=trail.trail_name)
    answer = call.answered()
    if call.name == "GetEventSelectors" and not (trail.event_selectors or trail.advanced_event_selectors):
        answer["EventSelectors"] = [{
            "ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": [],
        }]
    return answer


@action("cloudtrail", "DescribeTrails", page=API + "DescribeTrails.html")
def described(call):
    """moto says of no trail that it has selectors of its own."""
    answer = call.answered()
    for told in answer.get("trailList") or []:
        trail = call.own.get_trail(told["Name"])
        told["HasCustomEventSelectors"] = bool(trail.event_selectors or trail.advanced_event_selectors)
    return answer
