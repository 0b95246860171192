"""EC2: NAT gateways, network ACLs and flow logs where moto loses or ignores something."""
import json
import random
import time
from fnmatch import fnmatchcase

from moto.ec2 import utils

from ..actions import action, fail

# moto draws each of the 17 digits by itself, which makes the first call of a region, with its 1,300 images, slow.
utils.random_resource_id = lambda size=8: f"{random.getrandbits(4 * size):0{size}x}"

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"
# Seconds for which a NAT gateway is on its way out, so that waiting for it is seen.
GOING = 0.5


def gateways(call):
    """The gateways that hold their addresses, without those that are gone by now."""
    for gateway in call.own.nat_gateways.values():
        if gateway.state == "deleting" and time.monotonic() >= gateway.reeve_gone_at:
            gateway.state = "deleted"
    return [gateway for gateway in call.own.nat_gateways.values() if gateway.state not in ("deleted", "failed")]


@action("ec2", "DescribeNatGateways", page=API + "DescribeNatGateways.html")
def describe_nat_gateways(call):
    """moto ignores filters on tags, and what is deleted is gone at once."""
    gateways(call)
    answer = call.answered()
    for wanted in call.params.get("Filters") or call.params.get("Filter") or []:
        name, values = wanted["Name"], wanted["Values"]
        if name.startswith("tag:"):
            answer["NatGateways"] = [g for g in answer["NatGateways"] if tag(g, name[4:]) in values]
        elif name == "tag-key":
            answer["NatGateways"] = [g for g in answer["NatGateways"] if any(t["Key"] in values for t in g["Tags"])]
    asked = set(call.params.get("NatGatewayIds") or [])
    missing = asked - {gateway["NatGatewayId"] for gateway in answer["NatGateways"]}
    if missing:
        fail("NatGatewayNotFound", f"The Nat Gateway {sorted(missing)[0]} was not found")
    return answer


def tag(item, key):
    return next((t["Value"] for t in item.get("Tags", []) if t["Key"] == key), None)


@action("ec2", "DeleteNatGateway", page=API + "DeleteNatGateway.html")
def delete_nat_gateway(call):
    """moto keeps the gateway's address and interface in use."""
    gateway = call.own.nat_gateways.get(call.params["NatGatewayId"])
    if gateway is None:
        fail("NatGatewayNotFound", f"The Nat Gateway {call.params['NatGatewayId']} was not found")
    answer = call.proceed()
    if not hasattr(gateway, "reeve_gone_at"):
        gateway.reeve_gone_at = time.monotonic() + GOING
    gateway.state = "deleting"
    for address in gateway.address_set:
        for eip in call.own.addresses:
            if address.get("allocationId") and eip.allocation_id == address["allocationId"]:
                eip.eni, eip.instance, eip.association_id = None, None, None
    call.own.enis.pop(gateway._eni.id, None)
    return answer


@action("ec2", "CreateNetworkAcl", page=API + "CreateNetworkAcl.html")
def create_network_acl(call):
    """AWS adds the two rules that deny all the rest."""
    answer = call.answered()
    made = answer["NetworkAcl"]
    for egress in (True, False):
        call.own.create_network_acl_entry(
            network_acl_id=made["NetworkAclId"], rule_number=32767, protocol="-1", rule_action="deny", egress=egress,
            cidr_block="0.0.0.0/0", icmp_code=None, icmp_type=None, port_range_from=None, port_range_to=None,
            ipv6_cidr_block=None,
        )
        made.setdefault("Entries", []).append(
            {"CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}
        )
    return answer


@action("ec2", "CreateNetworkAclEntry", "ReplaceNetworkAclEntry", page=API + "CreateNetworkAclEntry.html")
def network_acl_entry(call):
    """moto drops the ICMP type and code."""
    answer = call.proceed()
    wanted = call.params.get("IcmpTypeCode")
    if wanted:
        for entry in call.own.get_network_acl(call.params["NetworkAclId"]).network_acl_entries:
            if (entry.rule_number, entry.egress) == (call.params["RuleNumber"], call.params["Egress"]):
                entry.icmp_type, entry.icmp_code = wanted.get("Type"), wanted.get("Code")
    return answer


@action("ec2", "DescribeFlowLogs", page=API + "DescribeFlowLogs.html")
def describe_flow_logs(call):
    """moto only looks whether the role exists; AWS fails to deliver where the role may not do all of this.
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html"""
    answer = call.answered()
    for log in answer.get("FlowLogs", []):
        log.pop("DeliverLogsErrorMessage", None)
        log["DeliverLogsStatus"] = "SUCCESS"
        if log.get("LogDestinationType") == "cloud-watch-logs" and not may_deliver(call, log.get("DeliverLogsPermissionArn")):
            log["DeliverLogsStatus"] = "FAILED"
            log["DeliverLogsErrorMessage"] = "Access error"
    return answer


DELIVERY = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams")


def may_deliver(call, arn):
    role = next((role for role in call.backend("iam").roles.values() if role.arn == arn), None)
    allowed = []
    for policy in role.managed_policies.values() if role else ():
        now = next(version for version in policy.versions if version.version_id == policy.default_version_id)
        statements = json.loads(now.document)["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            actions = statement.get("Action", []) if statement["Effect"] == "Allow" else []
            allowed.extend(actions if isinstance(actions, list) else [actions])
    return all(any(fnmatchcase(action, pattern) for pattern in allowed) for action in DELIVERY)


@action("ec2", "AllocateAddress", page=API + "AllocateAddress.html")
def allocate_address(call):
    """moto forgets the pool."""
    answer = call.answered()
    pool = call.params.get("PublicIpv4Pool") or "amazon"
    address = next(a for a in call.own.addresses if a.allocation_id == answer["AllocationId"])
    address.public_ipv4_pool = pool
    return {**answer, "PublicIpv4Pool": pool}
