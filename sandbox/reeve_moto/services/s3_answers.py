"""S3: answers with the root elements of the API pages, and bucket policies that ask for TLS.

Each element is the "Response Syntax" of the action's page. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""
import json

from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

# moto calls all of these `<Action>Response`, which SDKs that look at the root refuse.
ROOTS = {
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectTagging": "Tagging",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
}


def serialized(response, result):
    status, headers, body = SERIALIZED(response, result)
    wrong = f"{response._get_action()}Response"
    root = ROOTS.get(wrong.removesuffix("Response"))
    if root and isinstance(body, str):
        body = body.replace(f"<{wrong}", f"<{root}", 1).replace(f"</{wrong}>", f"</{root}>")
    return status, headers, body


SERIALIZED = S3Response.serialized
S3Response.serialized = serialized


def is_about_tls(statement):
    """Whether it denies what comes without TLS. moto does not look at conditions; the sandbox stands for AWS's TLS endpoints.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
    """
    condition = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement["Effect"] == "Deny" and condition in ("false", ["false"])


def get_permission(bucket, action, resource):
    whole = bucket.policy
    if whole is None:
        return GET_PERMISSION(bucket, action, resource)
    policy = json.loads(whole)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    policy["Statement"] = [statement for statement in statements if not is_about_tls(statement)]
    bucket.policy = json.dumps(policy).encode()
    try:
        return GET_PERMISSION(bucket, action, resource)
    finally:
        bucket.policy = whole


GET_PERMISSION = FakeBucket.get_permission
FakeBucket.get_permission = get_permission
