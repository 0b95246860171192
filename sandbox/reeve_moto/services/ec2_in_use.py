"""EC2: what is in use is not deleted. The errors are those of
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
from ..actions import action, fail
from . import rds
from .ec2_network import gateways

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"


def endpoints(call):
    return [endpoint for endpoint in call.own.vpc_end_points.values() if endpoint.state != "deleted"]


def balancers(call):
    return call.backend("elbv2").load_balancers.values()


def databases(call):
    return rds.standing(call.backend("rds"))


def live_enis(call):
    """moto leaves the interfaces of terminated instances and deleted NAT gateways behind."""
    standing = gateways(call)
    dead = {gateway._eni.id for gateway in call.own.nat_gateways.values() if gateway not in standing}
    for eni in list(call.own.enis.values()):
        instance = getattr(eni, "instance", None)
        if eni.id not in dead and (instance is None or instance._state.name not in ("terminated", "shutting-down")):
            yield eni


def refuse(what, why):
    fail("DependencyViolation", f"{what} has dependencies and cannot be deleted: {why}")


@action("ec2", "DeleteSubnet", page=API + "DeleteSubnet.html")
def delete_subnet(call):
    subnet = call.params["SubnetId"]
    for eni in live_enis(call):
        if eni.subnet.id == subnet:
            refuse(f"The subnet '{subnet}'", eni.id)
    for balancer in balancers(call):
        if any(item.id == subnet for item in balancer.subnets):
            refuse(f"The subnet '{subnet}'", balancer.name)
    for database in databases(call):
        group = getattr(database, "db_subnet_group", None)
        if group is not None and any(item.id == subnet for item in group._subnets):
            refuse(f"The subnet '{subnet}'", database.db_instance_identifier)
    return call.proceed()


@action("ec2", "DeleteSecurityGroup", page=API + "DeleteSecurityGroup.html")
def delete_security_group(call):
    asked = call.params.get("GroupId")
    group = call.own.get_security_group_from_id(asked) if asked else None
    if group is None:
        return call.proceed()
    if group.name == "default":
        fail("CannotDelete", f"the specified group: \"{asked}\" name: \"default\" cannot be deleted by a user")
    what = f"resource {asked}"
    for other in call.own.groups.get(group.vpc_id, {}).values():
        rules = list(other.ingress_rules) + list(other.egress_rules)
        if other.id != asked and any(rule.source_group.get("GroupId") == asked for rule in rules):
            fail("DependencyViolation", f"{what} has a dependent object: {other.id}")
    for eni in live_enis(call):
        if any(item.id == asked for item in eni.group_set):
            fail("DependencyViolation", f"{what} has a dependent object: {eni.id}")
    for endpoint in endpoints(call):
        if asked in (endpoint.security_group_ids or []):
            fail("DependencyViolation", f"{what} has a dependent object: {endpoint.id}")
    for balancer in balancers(call):
        if asked in (balancer.security_groups or []):
            fail("DependencyViolation", f"{what} has a dependent object: {balancer.name}")
    for database in databases(call):
        if asked in (getattr(database, "vpc_security_group_ids", None) or []):
            fail("DependencyViolation", f"{what} has a dependent object: {database.db_instance_identifier}")
    return call.proceed()


@action("ec2", "ReleaseAddress", page=API + "ReleaseAddress.html")
def release_address(call):
    asked = call.params.get("AllocationId")
    for gateway in gateways(call):
        if any(address.get("allocationId") == asked for address in gateway.address_set):
            fail("InvalidIPAddress.InUse", f"The address {asked} is in use by {gateway.id}")
    return call.proceed()


@action("ec2", "DetachInternetGateway", page=API + "DetachInternetGateway.html")
def detach_internet_gateway(call):
    vpc = call.params["VpcId"]
    public = [g.id for g in gateways(call) if g.vpc_id == vpc and g.connectivity_type != "private"]
    public += [b.name for b in balancers(call) if b.vpc_id == vpc and b.scheme != "internal"]
    if public:
        fail("DependencyViolation", f"Network {vpc} has some mapped public address(es): {', '.join(public)}")
    return call.proceed()


@action("ec2", "DeleteVpc", page=API + "DeleteVpc.html")
def delete_vpc(call):
    vpc = call.params["VpcId"]
    users = [g.id for g in call.own.internet_gateways.values() if g.vpc and g.vpc.id == vpc]
    users += [g.id for g in call.own.groups.get(vpc, {}).values() if g.name != "default"]
    users += [e.id for e in endpoints(call) if e.vpc_id == vpc]
    users += [a.id for a in call.own.network_acls.values() if a.vpc_id == vpc and a.default not in (True, "true")]
    if users:
        refuse(f"The vpc '{vpc}'", ", ".join(users))
    return call.proceed()
