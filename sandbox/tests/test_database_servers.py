"""Which of the real database servers stands behind which instance."""
import json
import subprocess
import sys

import boto3
import pytest
from conftest import REGION, ROOT


@pytest.fixture
def rds():
    servers = [f"--database=10.9.0.{one}=/nowhere" for one in (1, 2, 3)]
    child = subprocess.Popen([sys.executable, "-m", "reeve_moto", "--watch-stdin", *servers], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    endpoint = json.loads(child.stdout.readline())["endpoint"]
    yield boto3.Session("test", "test", region_name=REGION).client("rds", endpoint_url=endpoint)
    child.stdin.close()
    child.wait(timeout=10)


def test_the_first_server_is_the_stacks_in_whatever_order_instances_are_made(rds):
    what = {"Engine": "mysql", "DBInstanceClass": "db.r6g.large", "AllocatedStorage": 20, "MasterUsername": "u", "ManageMasterUserPassword": True}
    for name, address in (("beta", "tenant/beta.server"), ("shared", "database.server"), ("gamma", "tenant/gamma.server"), ("delta", "tenant/delta.server")):
        rds.create_db_instance(DBInstanceIdentifier=name, Tags=[{"Key": "reeve:address", "Value": address}], **what)
    found = {one["DBInstanceIdentifier"]: one["Endpoint"]["Address"] for one in rds.describe_db_instances()["DBInstances"]}
    assert {name: found[name] for name in ("beta", "shared", "gamma")} == {"beta": "10.9.0.2", "shared": "10.9.0.1", "gamma": "10.9.0.3"}
    assert not found["delta"].startswith("10.9.0."), "there are no more servers"
