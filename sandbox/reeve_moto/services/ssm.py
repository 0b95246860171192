"""SSM: State Manager associations, sessions, and pages of parameters that cost the same for the last as for the first.

moto filters all parameters anew for each page, and always gives ten.
"""
import uuid

from moto.core.utils import utcnow

from ..actions import action, fail

API = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_"


def page_of(call, compute, most):
    """One page of a listing that is computed once, for its first page."""
    snapshots, token = call.store("pages"), call.params.get("NextToken")
    size = min(int(call.params.get("MaxResults") or 10), most)
    if token:
        key, _, start = token.rpartition(":")
        if key not in snapshots:
            fail("InvalidNextToken", "The specified token isn't valid.")
        items, start = snapshots[key], int(start)
    else:
        key, items, start = uuid.uuid4().hex, compute(), 0
    end = start + size
    if end >= len(items):
        return items[start:end], None
    if not token:
        snapshots[key] = items
        while len(snapshots) > 50:
            del snapshots[next(iter(snapshots))]
    return items[start:end], f"{key}:{end}"


@action("ssm", "DescribeParameters", page=API + "DescribeParameters.html")
def describe_parameters(call):
    backend = call.own

    def compute():
        return backend.describe_parameters(call.params.get("Filters"), call.params.get("ParameterFilters"))

    items, token = page_of(call, compute, 50)
    return {"Parameters": [item.describe_response_object(False) for item in items], "NextToken": token}


@action("ssm", "GetParametersByPath", page=API + "GetParametersByPath.html")
def get_parameters_by_path(call):
    backend, path = call.own, call.params["Path"]
    filters = call.params.get("ParameterFilters")
    most = int(call.params.get("MaxResults") or 10)
    if most > 10:
        fail("ValidationException", f"1 validation error detected: Value '{most}' at 'maxResults' failed to satisfy "
             "constraint: Member must have value less than or equal to 10")

    def compute():
        backend._validate_parameter_filters(filters, by_path=True)
        start = path.rstrip("/") or "/"
        names = list(backend._parameters.get_keys_beginning_with(start if start == "/" else start + "/",
                                                                 call.params.get("Recursive") or False))
        found = [backend.get_parameter(name) for name in names]
        return [item for item in found if backend._match_filters(item, filters)]

    items, token = page_of(call, compute, 10)
    decrypted = call.params.get("WithDecryption") or False
    return {"Parameters": [item.response_object(decrypted, call.region) for item in items], "NextToken": token}


def association(call):
    identity = call.params.get("AssociationId")
    found = call.store("associations").get(identity)
    if found is None:
        fail("AssociationDoesNotExist", f"The specified association {identity} doesn't exist.")
    return found


@action("ssm", "CreateAssociation", page=API + "CreateAssociation.html")
def create_association(call):
    name = call.params["Name"]
    if not name.startswith(("AWS-", "Amazon")) and name not in call.own._documents:
        fail("InvalidDocument", f"The specified document {name} does not exist.")
    made = {key: value for key, value in call.params.items() if key != "Tags"}
    now = utcnow()
    made.update(AssociationId=str(uuid.uuid4()), AssociationVersion="1", Date=now, LastUpdateAssociationDate=now,
                Overview={"Status": "Pending", "DetailedStatus": "Creating"}, DocumentVersion=made.get("DocumentVersion", "$DEFAULT"))
    call.store("associations")[made["AssociationId"]] = made
    tags = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or []}
    call.store("association_tags")[made["AssociationId"]] = tags
    return {"AssociationDescription": made}


@action("ssm", "DescribeAssociation", page=API + "DescribeAssociation.html")
def describe_association(call):
    return {"AssociationDescription": association(call)}


@action("ssm", "UpdateAssociation", page=API + "UpdateAssociation.html")
def update_association(call):
    """AWS empties what the request leaves out, except the document."""
    found = association(call)
    kept = {key: found[key] for key in ("Name", "AssociationId", "Date", "Overview", "AssociationVersion", "DocumentVersion")}
    changed = {key: value for key, value in call.params.items() if key != "AssociationVersion"}
    found.clear()
    found.update(kept, **changed)
    found.update(AssociationVersion=str(int(kept["AssociationVersion"]) + 1), LastUpdateAssociationDate=utcnow())
    return {"AssociationDescription": found}


@action("ssm", "DeleteAssociation", page=API + "DeleteAssociation.html")
def delete_association(call):
    identity = association(call)["AssociationId"]
    del call.store("associations")[identity]
    call.store("association_tags").pop(identity, None)
    return {}


@action("ssm", "ListAssociations", page=API + "ListAssociations.html")
def list_associations(call):
    def compute():
        items = list(call.store("associations").values())
        for wanted in call.params.get("AssociationFilterList") or []:
            if wanted["key"] in ("Name", "AssociationId", "AssociationName"):
                items = [item for item in items if item.get(wanted["key"]) == wanted["value"]]
        return items

    items, token = page_of(call, compute, 50)
    return {"Associations": items, "NextToken": token}


@action("ssm", "ListTagsForResource", "AddTagsToResource", "RemoveTagsFromResource", page=API + "AddTagsToResource.html")
def association_tags(call):
    if call.params["ResourceType"] != "Association":
        return call.proceed()
    identity = call.params["ResourceId"]
    if identity not in call.store("associations"):
        fail("InvalidResourceId", f"The resource ID {identity} isn't valid.")
    tags = call.store("association_tags").setdefault(identity, {})
    if call.name == "ListTagsForResource":
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}
    for tag in call.params.get("Tags") or []:
        tags[tag["Key"]] = tag["Value"]
    for key in call.params.get("TagKeys") or []:
        tags.pop(key, None)
    return {}


@action("ssm", "DescribeInstanceInformation", page=API + "DescribeInstanceInformation.html")
def instance_information(call):
    """No agent runs in an emulated instance, so none is managed."""
    return {"InstanceInformationList": []}


# Amazon's own session documents that open ports: their parameters, and the values of those that may be left out.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html
SESSION_DOCUMENTS = {
    "AWS-StartSSHSession": {"portNumber": "22"},
    "AWS-StartPortForwardingSession": {"portNumber": "80", "localPortNumber": "0"},
    "AWS-StartPortForwardingSessionToRemoteHost": {"host": None, "portNumber": "80", "localPortNumber": "0"},
}


def is_connected(call, target):
    """An agent of an emulated instance counts as connected once the instance runs and has a profile to connect with."""
    ec2 = call.backend("ec2")
    running = any(one.id == target and one.state == "running" for one in ec2.all_instances())
    return running and any(one.instance.id == target for one in ec2.iam_instance_profile_associations.values())


@action("ssm", "StartSession", page=API + "StartSession.html")
def start_session(call):
    """Nobody listens at the address that is answered: what carries a session is not AWS's part."""
    target, document = call.params["Target"], call.params.get("DocumentName")
    if not is_connected(call, target):
        fail("TargetNotConnected", f"{target} is not connected.")
    if document not in SESSION_DOCUMENTS:
        fail("InvalidDocument", f"Document with name {document} does not exist.")
    values = dict(SESSION_DOCUMENTS[document])
    for name, given in (call.params.get("Parameters") or {}).items():
        if name not in values or len(given) != 1:
            fail("InvalidParameters", f"Parameter {name} is not defined in document {document}.")
        values[name] = given[0]
    missing = [name for name, value in values.items() if value is None]
    if missing:
        fail("InvalidParameters", f"Parameters {missing} of document {document} have no value.")
    identity = f"test-{uuid.uuid4().hex[:17]}"
    call.store("sessions")[identity] = {
        "SessionId": identity, "Target": target, "Status": "Connected", "StartDate": utcnow(), "DocumentName": document,
        "Owner": f"arn:aws:iam::{call.account}:user/test", "Reason": call.params.get("Reason"),
    }
    url = f"wss://ssmmessages.{call.region}.amazonaws.com/v1/data-channel/{identity}?role=publish_subscribe"
    return {"SessionId": identity, "TokenValue": f"token-of-{identity}", "StreamUrl": url}


@action("ssm", "TerminateSession", page=API + "TerminateSession.html")
def terminate_session(call):
    identity = call.params["SessionId"]
    session = call.store("sessions").get(identity)
    if session is not None:
        session.update(Status="Terminated", EndDate=utcnow())
    return {"SessionId": identity}


@action("ssm", "DescribeSessions", page=API + "DescribeSessions.html")
def describe_sessions(call):
    wanted = call.params["State"] == "History"

    def compute():
        return [one for one in call.store("sessions").values() if ("EndDate" in one) == wanted]

    items, token = page_of(call, compute, 200)
    return {"Sessions": items, "NextToken": token}
