"""S3: what every new bucket has had since 2023: AES256 by default, no public access, no ACLs.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html"""
from moto.s3.models import PublicAccessBlock, S3Backend

ORIGINAL_CREATE = S3Backend.create_bucket


def create_bucket(self, *args, **kwargs):
    bucket = ORIGINAL_CREATE(self, *args, **kwargs)
    bucket.encryption = {
        "Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}]
    }
    bucket.public_access_block = PublicAccessBlock(
        block_public_acls=True, ignore_public_acls=True, block_public_policy=True, restrict_public_buckets=True
    )
    return bucket


S3Backend.create_bucket = create_bucket
