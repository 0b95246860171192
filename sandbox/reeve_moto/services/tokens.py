"""Client tokens: the same request with the same token makes nothing new and gets the first answer again.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""
import json

from ..actions import action, fail

PAGE = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"


@action(
    "ec2", "CreateNatGateway", "CreateVpcEndpoint", "CreateRouteTable", "CreateNetworkAcl", "CreateFlowLogs",
    "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "RunInstances", "CreateVolume", "CreateNetworkInterface",
    "CreateEgressOnlyInternetGateway", "CreateManagedPrefixList", page=PAGE,
)
def once(call):
    token = call.params.get("ClientToken")
    if not token:
        return call.proceed()
    seen = call.store("tokens")
    asked = json.dumps(call.params, sort_keys=True, default=str)
    key = (call.name, token)
    if key in seen:
        first, answer = seen[key]
        if first != asked:
            fail("IdempotentParameterMismatch", "The client token was used before with other parameters")
        status, headers, body = answer
        return status, dict(headers), body
    answer = call.proceed()
    seen[key] = (asked, (answer[0], dict(answer[1]), answer[2]))
    return answer
