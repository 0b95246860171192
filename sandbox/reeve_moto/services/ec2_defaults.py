"""EC2: the account's defaults in a region (EBS key, instance metadata, public sharing of images and snapshots)."""
from ..actions import action, fail

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"


@action("ec2", "GetEbsDefaultKmsKeyId", page=API + "GetEbsDefaultKmsKeyId.html")
def get_key(call):
    return {"KmsKeyId": getattr(call.own, "default_kms_key_id", None) or "alias/aws/ebs"}


@action("ec2", "ModifyEbsDefaultKmsKeyId", page=API + "ModifyEbsDefaultKmsKeyId.html")
def modify_key(call):
    from moto.core.exceptions import ServiceException

    asked = call.params["KmsKeyId"]
    kms = call.backend("kms")
    try:
        call.own.default_kms_key_id = kms.describe_key(asked).arn
    except (AttributeError, KeyError, ServiceException):
        fail("InvalidKmsKeyId.NotFound", f"The KMS key {asked} does not exist")
    return {"KmsKeyId": call.own.default_kms_key_id}


@action("ec2", "ResetEbsDefaultKmsKeyId", page=API + "ResetEbsDefaultKmsKeyId.html")
def reset_key(call):
    call.own.default_kms_key_id = None
    return {"KmsKeyId": "alias/aws/ebs"}


@action("ec2", "GetInstanceMetadataDefaults", page=API + "GetInstanceMetadataDefaults.html")
def get_metadata(call):
    return {"AccountLevel": {**call.store("metadata"), "ManagedBy": "account"}}


@action("ec2", "ModifyInstanceMetadataDefaults", page=API + "ModifyInstanceMetadataDefaults.html")
def modify_metadata(call):
    kept = call.store("metadata")
    for name in ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags", "HttpTokensEnforced"):
        value = call.params.get(name)
        if value in ("no-preference", -1):
            kept.pop(name, None)
        elif value is not None:
            kept[name] = value
    return {"Return": True}


@action("ec2", "GetImageBlockPublicAccessState", page=API + "GetImageBlockPublicAccessState.html")
def get_image_block(call):
    state = call.store("image_block").get("state", "unblocked")
    return {"ImageBlockPublicAccessState": state, "ManagedBy": "account"}


@action("ec2", "EnableImageBlockPublicAccess", page=API + "EnableImageBlockPublicAccess.html")
def enable_image_block(call):
    state = call.store("image_block")["state"] = call.params["ImageBlockPublicAccessState"]
    return {"ImageBlockPublicAccessState": state}


@action("ec2", "DisableImageBlockPublicAccess", page=API + "DisableImageBlockPublicAccess.html")
def disable_image_block(call):
    call.store("image_block").clear()
    return {"ImageBlockPublicAccessState": "unblocked"}


@action("ec2", "GetSnapshotBlockPublicAccessState", page=API + "GetSnapshotBlockPublicAccessState.html")
def get_snapshot_block(call):
    return {"State": call.store("snapshot_block").get("state", "unblocked"), "ManagedBy": "account"}


@action("ec2", "EnableSnapshotBlockPublicAccess", page=API + "EnableSnapshotBlockPublicAccess.html")
def enable_snapshot_block(call):
    state = call.store("snapshot_block")["state"] = call.params["State"]
    return {"State": state}


@action("ec2", "DisableSnapshotBlockPublicAccess", page=API + "DisableSnapshotBlockPublicAccess.html")
def disable_snapshot_block(call):
    call.store("snapshot_block").clear()
    return {"State": "unblocked"}
