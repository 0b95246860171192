"""CloudTrail: trails named by their ARN."""
from ..actions import action

API = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_"


@action("cloudtrail", "DeleteTrail", "UpdateTrail", "StartLogging", "StopLogging", page=API + "DeleteTrail.html")
def by_name(call):
    """moto looks these up by their name only. An unknown trail is an error for AWS also when it is deleted."""
    call.replace(Name=call.own.get_trail(call.params["Name"]).trail_name)
    return call.proceed()
