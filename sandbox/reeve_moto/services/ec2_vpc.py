"""EC2: a VPC's default group as AWS makes it, and endpoints where moto forgets what was changed."""
import json

from ..actions import action, fail

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"
GROUPS = "https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html"


@action("ec2", "CreateVpc", page=GROUPS)
def create_vpc(call):
    """AWS lets the members of a default group reach each other; moto's has no ingress rule."""
    answer = call.answered()
    group = call.own.get_default_security_group(answer["Vpc"]["VpcId"])
    if group is not None and not group.ingress_rules:
        pair = {"GroupId": group.id, "UserId": call.account}
        call.own.authorize_security_group_ingress(
            group_name_or_id=group.id, ip_protocol="-1", from_port=None, to_port=None, ip_ranges=[],
            source_groups=[pair], prefix_list_ids=[], vpc_id=answer["Vpc"]["VpcId"],
        )
    return answer


@action("ec2", "CreateVpcEndpoint", page=API + "CreateVpcEndpoint.html")
def create_vpc_endpoint(call):
    """Only an interface endpoint has a private name; moto says so of gateways too."""
    answer = call.answered()
    made = answer["VpcEndpoint"]
    if made.get("VpcEndpointType", "Gateway") == "Gateway":
        call.own.vpc_end_points[made["VpcEndpointId"]].private_dns_enabled = False
        made["PrivateDnsEnabled"] = False
    return answer


@action("ec2", "ModifyVpcEndpoint", page=API + "ModifyVpcEndpoint.html")
def modify_vpc_endpoint(call):
    """moto forgets the private name, does not reset policies, and leaves a gateway's routes as they were."""
    wanted = call.params
    endpoint = call.own.vpc_end_points.get(wanted["VpcEndpointId"])
    if endpoint is None:
        fail("InvalidVpcEndpointId.NotFound", f"The VpcEndPoint ID '{wanted['VpcEndpointId']}' does not exist")
    answer = call.proceed()
    if "PrivateDnsEnabled" in wanted:
        endpoint.private_dns_enabled = wanted["PrivateDnsEnabled"]
    if wanted.get("ResetPolicy"):
        endpoint.policy_document = json.dumps(endpoint.DEFAULT_POLICY)
    if endpoint.destination_prefix_list_id:
        for table in wanted.get("AddRouteTableIds") or []:
            call.own.create_route(
                table, None, gateway_id=endpoint.id, destination_prefix_list_id=endpoint.destination_prefix_list_id
            )
        for table in wanted.get("RemoveRouteTableIds") or []:
            call.own.delete_route(table, None, destination_prefix_list_id=endpoint.destination_prefix_list_id)
    return answer
