"""Elastic Load Balancing v2: creates that repeat, deletion protection, current TLS policies."""
import json

from ..actions import action, fail

API = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_"


def made_before(call, existing, duplicate):
    """The same settings give the first answer again, others an error. `existing`: the ARN of what has the name."""
    asked = json.dumps(call.params, sort_keys=True, default=str)
    kept = call.store("made")
    if existing is not None:
        first, answer = kept.get(existing, (None, None))
        if first != asked:
            fail(*duplicate)
        return answer[0], dict(answer[1]), answer[2]
    return None


def remember(call, arn, answer):
    asked = json.dumps(call.params, sort_keys=True, default=str)
    call.store("made")[arn] = (asked, (answer[0], dict(answer[1]), answer[2]))
    return answer


@action("elbv2", "CreateLoadBalancer", page=API + "CreateLoadBalancer.html")
def create_load_balancer(call):
    name = call.params["Name"]
    found = next((b.arn for b in call.own.load_balancers.values() if b.name == name), None)
    again = made_before(call, found, ("DuplicateLoadBalancerName", f"A load balancer with the same name '{name}' exists, but "
                                      "with different settings"))
    if again:
        return again
    answer = call.proceed()
    return remember(call, next(b.arn for b in call.own.load_balancers.values() if b.name == name), answer)


@action("elbv2", "CreateTargetGroup", page=API + "CreateTargetGroup.html")
def create_target_group(call):
    name = call.params["Name"]
    found = next((g.arn for g in call.own.target_groups.values() if g.name == name), None)
    again = made_before(call, found, ("DuplicateTargetGroupName", f"A target group with the same name '{name}' exists, but "
                                      "with different settings"))
    if again:
        return again
    answer = call.proceed()
    return remember(call, next(g.arn for g in call.own.target_groups.values() if g.name == name), answer)


@action("elbv2", "CreateListener", page=API + "CreateListener.html")
def create_listener(call):
    balancer = call.own.load_balancers.get(call.params["LoadBalancerArn"])
    port = str(call.params.get("Port"))

    def on_port():
        return next((li.arn for li in balancer.listeners.values() if str(li.port) == port), None)

    if balancer is None:
        return call.proceed()
    again = made_before(call, on_port(), ("DuplicateListener", "A listener already exists on this port for this load balancer"))
    if again:
        return again
    answer = call.proceed()
    return remember(call, on_port(), answer)


@action("elbv2", "DeleteLoadBalancer", page=API + "DeleteLoadBalancer.html")
def delete_load_balancer(call):
    arn = call.params["LoadBalancerArn"]
    balancer = call.own.load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        fail("OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
    for acl in call.backend("wafv2").wacls.values():
        if arn in acl.associated_resources:
            acl.associated_resources.remove(arn)
    return call.proceed()


@action("elbv2", "DescribeSSLPolicies", page=API + "DescribeSSLPolicies.html")
def ssl_policies(call):
    """moto's list is older than the post-quantum policies."""
    names = call.params.get("Names") or []
    fresh = [name for name in names if name.startswith("ELBSecurityPolicy-TLS13-1-2") and "-PQ-2025-09" in name]
    answer = call.answered() if not fresh or len(fresh) < len(names) else {"SslPolicies": []}
    for name in fresh:
        answer["SslPolicies"].append({
            "Name": name, "SslProtocols": ["TLSv1.2", "TLSv1.3"], "SupportedLoadBalancerTypes": ["application", "network"],
            "Ciphers": [{"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1}, {"Name": "TLS_AES_256_GCM_SHA384", "Priority": 2}],
        })
    return answer


@action("elbv2", "DescribeListeners", page=API + "DescribeListeners.html")
def describe_listeners(call):
    """moto gives a TLS policy to listeners without TLS."""
    answer = call.answered()
    for item in answer["Listeners"]:
        if item.get("Protocol") not in ("HTTPS", "TLS"):
            item.pop("SslPolicy", None)
    return answer
