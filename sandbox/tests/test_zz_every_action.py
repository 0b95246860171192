"""Runs last: each action in the table was called by some test above, and its page is AWS's documentation."""
from conftest import CALLED
from reeve_moto import actions, services


def test_every_action():
    services.load()
    untested = sorted(set(actions.TABLE) - CALLED)
    # Meaningful after a whole run only.
    if ("ec2", "GetEbsDefaultKmsKeyId") in CALLED and ("iam", "DeletePolicy") in CALLED:
        assert untested == []
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in actions.PAGES.values())
