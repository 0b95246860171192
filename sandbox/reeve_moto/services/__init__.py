"""One file per service or theme; importing it registers its actions."""
import importlib

NAMES = [
    "acm", "autoscaling", "backup", "cloudtrail", "ec2_defaults", "ec2_in_use", "ec2_instances",
    "ec2_network", "ec2_vpc", "efs", "elbv2", "iam", "kms", "logs", "rds", "route53", "s3", "s3_answers", "sns", "ssm", "wafv2",
    "tokens",  # Last: a repeated token is answered before anything else looks at the request.
]


def load():
    for name in NAMES:
        importlib.import_module(f"{__name__}.{name}")
