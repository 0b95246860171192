"""S3: what every new bucket has had since 2023: AES256 by default and no public access.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html"""
import json
from fnmatch import fnmatchcase

from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend

ORIGINAL_CREATE = S3Backend.create_bucket
ORIGINAL_DELETE = S3Backend.delete_bucket


def default_encryption():
    return {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}


def create_bucket(self, *args, **kwargs):
    bucket = ORIGINAL_CREATE(self, *args, **kwargs)
    bucket.encryption = default_encryption()
    bucket.public_access_block = PublicAccessBlock(
        block_public_acls=True, ignore_public_acls=True, block_public_policy=True, restrict_public_buckets=True
    )
    return bucket


def delete_bucket_encryption(self, bucket_name):
    """The default comes back. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html"""
    self.get_bucket(bucket_name).encryption = default_encryption()


def delete_bucket(self, bucket_name):
    """Its tags go with it: moto keeps them for the next bucket of that name."""
    arn = self.get_bucket(bucket_name).arn
    gone = ORIGINAL_DELETE(self, bucket_name)
    if gone is not None:
        self.tagger.delete_all_tags_for_resource(arn)
    return gone


S3Backend.create_bucket = create_bucket
S3Backend.delete_bucket = delete_bucket
S3Backend.delete_bucket_encryption = delete_bucket_encryption


def may_log(target_bucket, target_prefix):
    """A policy means the same with lists of one as with their only items, and a wildcard covers longer prefixes; moto knows neither.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html"""
    listed = lambda part: part if isinstance(part, list) else [part]
    arn = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}"
    record = f"{arn}/{target_prefix or ''}2026-01-01-00-00-00-0123456789ABCDEF"
    for statement in listed(json.loads(target_bucket.policy or b"{}").get("Statement", [])):
        principal = statement.get("Principal")
        services = listed(principal.get("Service")) if isinstance(principal, dict) else []
        if (
            statement.get("Effect") == "Allow"
            and "logging.s3.amazonaws.com" in services
            and {"s3:PutObject", "s3:*"} & set(listed(statement.get("Action")))
            and any(fnmatchcase(record, pattern) for pattern in listed(statement.get("Resource")))
        ):
            return True
    return False


FakeBucket._log_permissions_enabled_policy = staticmethod(may_log)


def log_incoming_request(self, request, bucket_name):
    """Records are delivered hours later, if at all; moto's come at once, and keep the bucket that they go to from being deleted.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html#LogDeliveryBestEffort"""


S3Backend.log_incoming_request = log_incoming_request
