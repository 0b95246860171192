"""KMS: the rotation period, keys that are disabled or wait for their deletion, and keys named by their ARN where moto wants the id."""
import datetime

from moto.core.utils import utcnow

from ..actions import action, fail

API = "https://docs.aws.amazon.com/kms/latest/APIReference/API_"
STATES = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"


@action("kms", "CreateAlias", "UpdateKeyDescription", page=STATES)
def described(call):
    not_pending(call, call.params.get("TargetKeyId") or call.params["KeyId"])
    return call.proceed()


@action(
    "kms", "ScheduleKeyDeletion", "CancelKeyDeletion", "EnableKey", "DisableKey", "TagResource", "UntagResource",
    page=API + "ScheduleKeyDeletion.html",
)
def by_id(call):
    identity = call.params["KeyId"]
    if call.name != "CancelKeyDeletion":
        not_pending(call, identity)
    elif (key := of(call, identity)) is not None and key.key_state != "PendingDeletion":
        fail("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    if identity.startswith("arn:") and ":key/" in identity:
        call.replace(KeyId=identity.split(":key/")[1])
    return call.proceed()


def key_id(call):
    return call.own.get_key_id(call.params["KeyId"])


def of(call, identity):
    return call.own.keys.get(call.own.get_key_id(identity))


def not_pending(call, identity):
    """Nothing is written on a key that waits for its deletion."""
    key = of(call, identity)
    if key is not None and key.key_state == "PendingDeletion":
        fail("KMSInvalidStateException", f"{key.arn} is pending deletion.")


def needs_enabled(call):
    not_pending(call, call.params["KeyId"])
    key = call.own.keys.get(key_id(call))
    if key is not None and key.key_state == "Disabled":
        fail("DisabledException", f"{key.arn} is disabled.")


@action("kms", "DisableKeyRotation", page=API + "DisableKeyRotation.html")
def disable_rotation(call):
    needs_enabled(call)
    return call.proceed()


@action("kms", "EnableKeyRotation", page=API + "EnableKeyRotation.html")
def enable_rotation(call):
    needs_enabled(call)
    answer = call.proceed()
    periods = call.store("rotation")
    periods[key_id(call)] = call.params.get("RotationPeriodInDays") or periods.get(key_id(call), 365)
    return answer


@action("kms", "GetKeyRotationStatus", page=API + "GetKeyRotationStatus.html")
def rotation_status(call):
    answer = call.answered()
    key = call.own.keys[key_id(call)]
    answer["KeyId"] = key.arn
    # "While a KMS key is pending deletion, its key rotation status is false."
    if key.key_state == "PendingDeletion":
        answer["KeyRotationEnabled"] = False
    if answer["KeyRotationEnabled"]:
        days = call.store("rotation").get(key.id, 365)
        answer["RotationPeriodInDays"] = days
        answer["NextRotationDate"] = utcnow() + datetime.timedelta(days=days)
    return answer
