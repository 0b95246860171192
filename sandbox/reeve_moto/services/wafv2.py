"""WAFv2: capacity, managed groups, associations. The capacities are those of
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""
from ..actions import action, fail

API = "https://docs.aws.amazon.com/waf/latest/APIReference/API_"
MANAGED = {
    "AWSManagedRulesCommonRuleSet": 700, "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesKnownBadInputsRuleSet": 200, "AWSManagedRulesSQLiRuleSet": 200, "AWSManagedRulesLinuxRuleSet": 200,
    "AWSManagedRulesUnixRuleSet": 100, "AWSManagedRulesWindowsRuleSet": 200, "AWSManagedRulesPHPRuleSet": 100,
    "AWSManagedRulesWordPressRuleSet": 100, "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAnonymousIpList": 50, "AWSManagedRulesBotControlRuleSet": 50,
}


def capacity(statement):
    """Web ACL capacity units; a rough count for the statements that match text."""
    (name, body), = statement.items()
    if name == "ManagedRuleGroupStatement":
        if body["Name"] not in MANAGED:
            fail("WAFNonexistentItemException", f"AWS WAF couldn't find the managed rule group {body['Name']}")
        return MANAGED[body["Name"]]
    if name == "RateBasedStatement":
        return 2 + (capacity(body["ScopeDownStatement"]) if body.get("ScopeDownStatement") else 0)
    if name in ("AndStatement", "OrStatement"):
        return sum(capacity(item) for item in body["Statements"])
    if name == "NotStatement":
        return capacity(body["Statement"])
    return {"ByteMatchStatement": 10, "SqliMatchStatement": 20, "XssMatchStatement": 40, "RegexMatchStatement": 3}.get(name, 1)


def total(call):
    return sum(capacity(rule["Statement"]) for rule in call.params.get("Rules") or [])


@action("wafv2", "CheckCapacity", page=API + "CheckCapacity.html")
def check_capacity(call):
    return {"Capacity": total(call)}


@action("wafv2", "CreateWebACL", "UpdateWebACL", page=API + "CreateWebACL.html")
def write_web_acl(call):
    units = total(call)
    answer = call.proceed()
    for acl in call.own.wacls.values():
        if acl.name == call.params["Name"]:
            acl.capacity = units
    return answer


@action("wafv2", "DescribeManagedRuleGroup", page=API + "DescribeManagedRuleGroup.html")
def describe_managed(call):
    name = call.params["Name"]
    if call.params["VendorName"] != "AWS" or name not in MANAGED:
        fail("WAFNonexistentItemException", f"AWS WAF couldn't find the managed rule group {name}")
    return {"Capacity": MANAGED[name], "Rules": [], "LabelNamespace": f"awswaf:managed:aws:{name}:"}


@action("wafv2", "ListAvailableManagedRuleGroups", page=API + "ListAvailableManagedRuleGroups.html")
def list_managed(call):
    return {
        "ManagedRuleGroups": [
            {"VendorName": "AWS", "Name": name, "VersioningSupported": True, "Description": name} for name in MANAGED
        ]
    }


@action("wafv2", "AssociateWebACL", page=API + "AssociateWebACL.html")
def associate(call):
    """A resource has one web ACL: a new one takes the place of the old."""
    resource = call.params["ResourceArn"]
    if ":loadbalancer/" in resource and resource not in call.backend("elbv2").load_balancers:
        fail("WAFNonexistentItemException", "AWS WAF couldn't perform the operation because your resource doesn't exist.")
    if call.params["WebACLArn"] in call.own.wacls:
        for acl in call.own.wacls.values():
            while resource in acl.associated_resources:
                acl.associated_resources.remove(resource)
    return call.proceed()


@action("wafv2", "ListResourcesForWebACL", page=API + "ListResourcesForWebACL.html")
def list_resources(call):
    acl = call.own.wacls.get(call.params["WebACLArn"])
    if acl is None:
        fail("WAFNonexistentItemException", "AWS WAF couldn't perform the operation because your resource doesn't exist.")
    part = {"APPLICATION_LOAD_BALANCER": ":loadbalancer/", "API_GATEWAY": ":/restapis/"}.get(
        call.params.get("ResourceType", "APPLICATION_LOAD_BALANCER"), ":nothing:"
    )
    return {"ResourceArns": [arn for arn in acl.associated_resources if part in arn]}


@action("wafv2", "DeleteWebACL", page=API + "DeleteWebACL.html")
def delete_web_acl(call):
    acl = next((a for a in call.own.wacls.values() if a.id == call.params["Id"]), None)
    if acl is not None and acl.associated_resources:
        fail("WAFAssociatedItemException", "AWS WAF couldn't perform the operation because your resource is being used by "
             f"another resource: {acl.associated_resources[0]}")
    answer = call.proceed()
    if acl is not None:
        call.own.logging_configurations.pop(acl.arn, None)
    return answer
