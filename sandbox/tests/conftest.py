"""One server for all tests, emptied before each; what the tests call is recorded for `test_every_action`."""
import json
import pathlib
import subprocess
import sys
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).parent.parent
REGION = "us-east-1"
CALLED = set()


@pytest.fixture(scope="session")
def endpoint():
    command = [sys.executable, "-m", "reeve_moto", "--watch-stdin", "--zone", "hostedehr.org"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield json.loads(child.stdout.readline())["endpoint"]
    child.stdin.close()
    child.wait(timeout=10)


@pytest.fixture(scope="session")
def clients(endpoint):
    """Clients by service name; no call is tried twice."""
    session = boto3.Session("test", "test", region_name=REGION)
    made_before = {}

    def client(name):
        if name not in made_before:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            made = session.client(name, endpoint_url=endpoint, config=config)
            made.meta.events.register("before-call", lambda model, **_: CALLED.add((name, model.name)))
            made_before[name] = made
        return made_before[name]

    return client


@pytest.fixture
def aws(endpoint, clients):
    """`clients` against an empty account."""
    urllib.request.urlopen(urllib.request.Request(endpoint + "/moto-api/reset", method="POST")).read()
    return clients


@pytest.fixture
def net(aws):
    """A VPC with three subnets and a security group."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        for i, zone in enumerate("abc")
    ]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    return vpc, subnets, group


def refused(code, call, **params):
    """Asserts the error code of a call and gives the error."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response
