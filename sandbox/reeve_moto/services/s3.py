"""S3: what every new bucket has had since 2023: AES256 by default and no public access.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html"""
from moto.s3.models import PublicAccessBlock, S3Backend

ORIGINAL_CREATE = S3Backend.create_bucket


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


S3Backend.create_bucket = create_bucket
S3Backend.delete_bucket_encryption = delete_bucket_encryption
