"""KMS: the rotation period, and keys named by their ARN where moto wants the id."""
import datetime

from moto.core.utils import utcnow

from ..actions import action

API = "https://docs.aws.amazon.com/kms/latest/APIReference/API_"


@action(
    "kms", "ScheduleKeyDeletion", "CancelKeyDeletion", "EnableKey", "DisableKey", "TagResource", "UntagResource",
    page=API + "ScheduleKeyDeletion.html",
)
def by_id(call):
    identity = call.params["KeyId"]
    if identity.startswith("arn:") and ":key/" in identity:
        call.replace(KeyId=identity.split(":key/")[1])
    return call.proceed()


def key_id(call):
    return call.own.get_key_id(call.params["KeyId"])


@action("kms", "EnableKeyRotation", page=API + "EnableKeyRotation.html")
def enable_rotation(call):
    answer = call.proceed()
    periods = call.store("rotation")
    periods[key_id(call)] = call.params.get("RotationPeriodInDays") or periods.get(key_id(call), 365)
    return answer


@action("kms", "GetKeyRotationStatus", page=API + "GetKeyRotationStatus.html")
def rotation_status(call):
    answer = call.answered()
    key = call.own.keys[key_id(call)]
    answer["KeyId"] = key.arn
    if answer["KeyRotationEnabled"]:
        days = call.store("rotation").get(key.id, 365)
        answer["RotationPeriodInDays"] = days
        answer["NextRotationDate"] = utcnow() + datetime.timedelta(days=days)
    return answer
