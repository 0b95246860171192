"""ACM: key algorithms, idempotency tokens, certificates in use."""
from moto.acm.models import CertBundle

from ..actions import action, fail

API = "https://docs.aws.amazon.com/acm/latest/APIReference/API_"
# What ListCertificates gives when no key types are asked for.
DEFAULT_KEYS = ("RSA_1024", "RSA_2048")

ORIGINAL_DESCRIBE = CertBundle.describe


def describe(bundle):
    """moto's key is always RSA_2048."""
    answer = ORIGINAL_DESCRIBE(bundle)
    algorithm = getattr(bundle, "reeve_key_algorithm", None)
    if algorithm:
        answer["Certificate"]["KeyAlgorithm"] = algorithm
    return answer


CertBundle.describe = describe


def users(call, arn):
    return [
        balancer.arn for balancer in call.backend("elbv2").load_balancers.values()
        for listener in balancer.listeners.values()
        if arn in listener.certificates or arn == getattr(listener, "certificate", None)
    ]


def refresh(call, arn):
    bundle = call.own._certificates.get(arn)
    if bundle is not None:
        bundle.in_use_by = users(call, arn)


@action("acm", "RequestCertificate", page=API + "RequestCertificate.html")
def request_certificate(call):
    """The same token and names make no second certificate while the first exists."""
    token, tokens = call.params.get("IdempotencyToken"), call.store("tokens")
    names = (call.params["DomainName"], tuple(call.params.get("SubjectAlternativeNames") or ()))
    first = tokens.get((token, names)) if token else None
    if first in call.own._certificates:
        return {"CertificateArn": first}
    if token:
        call.replace(IdempotencyToken=None)
    answer = call.answered()
    arn = answer["CertificateArn"]
    call.own._certificates[arn].reeve_key_algorithm = call.params.get("KeyAlgorithm")
    tokens[(token, names)] = arn
    return answer


@action("acm", "DescribeCertificate", page=API + "DescribeCertificate.html")
def describe_certificate(call):
    refresh(call, call.params["CertificateArn"])
    return call.proceed()


@action("acm", "ListCertificates", page=API + "ListCertificates.html")
def list_certificates(call):
    for arn in list(call.own._certificates):
        refresh(call, arn)
    answer = call.answered()
    if not (call.params.get("Includes") or {}).get("keyTypes"):
        answer["CertificateSummaryList"] = [
            item for item in answer["CertificateSummaryList"] if item.get("KeyAlgorithm") in DEFAULT_KEYS
        ]
    return answer


@action("acm", "DeleteCertificate", page=API + "DeleteCertificate.html")
def delete_certificate(call):
    arn = call.params["CertificateArn"]
    used = users(call, arn)
    if used:
        fail("ResourceInUseException", f"Certificate {arn} in use by {', '.join(used)}.")
    return call.proceed()
