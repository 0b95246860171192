"""CloudWatch speaks Smithy RPC v2 with CBOR in the current SDKs; moto has its older query protocol only.

Each request is written anew with botocore's query serializer, answered by moto, read with botocore's query parser and
answered as CBOR. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""
import io
import re
from urllib.parse import urlencode

import cbor2
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

PATH = re.compile(r"^/service/GraniteServiceVersion20100801/operation/(\w+)/?$")
MODEL = ServiceModel(Loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")


def speaks(environ):
    return bool(PATH.match(environ["PATH_INFO"]))


def translate(app, environ, start_response, body):
    """Answers one CBOR request through `app`."""
    operation = MODEL.operation_model(PATH.match(environ["PATH_INFO"]).group(1))
    params = cbor2.loads(body) if body else {}
    query = create_serializer("query", include_validation=False).serialize_to_request(params, operation)["body"]
    form = urlencode(query).encode()
    seen = {}
    inner = dict(environ)
    inner.update(
        PATH_INFO="/",
        REQUEST_METHOD="POST",
        CONTENT_TYPE="application/x-www-form-urlencoded; charset=utf-8",
        CONTENT_LENGTH=str(len(form)),
    )
    for header in ("HTTP_SMITHY_PROTOCOL", "HTTP_X_AMZ_TARGET", "HTTP_ACCEPT"):
        inner.pop(header, None)
    inner["wsgi.input"] = io.BytesIO(form)

    def capture(status, headers, exc_info=None):
        seen.update(status=int(status.split()[0]), headers=dict(headers))
        return lambda _: None

    answer = b"".join(app(inner, capture))
    parsed = create_parser("query").parse(
        {"status_code": seen["status"], "headers": seen["headers"], "body": answer}, operation.output_shape
    )
    headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
    if seen["status"] >= 300:
        # moto answers 404 to some errors whose model says 400, and the other way round: the code is what counts.
        error = parsed.get("Error", {})
        code, status = error.get("Code", "NotImplemented"), seen["status"]
        shape = next((s for s in MODEL.error_shapes if s.metadata.get("error", {}).get("code", s.name) == code), None)
        if shape is not None:
            status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
        parsed = {"__type": f"com.amazonaws.cloudwatch#{shape.name if shape else code}", "message": error.get("Message", "")}
        headers.append(("x-amzn-query-error", f"{code};Sender"))
        seen["status"] = status
    else:
        parsed.pop("ResponseMetadata", None)
    # Smithy wants seconds since the epoch under tag 1.
    out = cbor2.dumps(parsed, datetime_as_timestamp=True)
    start_response(f"{seen['status']} -", headers + [("Content-Length", str(len(out)))])
    return [out]

