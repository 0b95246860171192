"""The one table of actions that this plug-in adds to moto or corrects.

A handler takes a `Call` and gives the answer as a dict in the shape of the AWS API page that its decorator links to;
moto's own serializer turns it into the service's protocol. State lives in `Call.store`, a dict on moto's backend
object, so that moto's reset empties it too.
"""
import sys
import traceback

from botocore.parsers import create_parser
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

TABLE = {}
PAGES = {}


def action(service, *names, page):
    """Registers a handler for these actions; `page` is their AWS API page. It comes before moto's own action, which
    `Call.proceed` and `Call.answered` reach; of two handlers of one action the one registered last comes first."""

    def register(handler):
        for name in names:
            TABLE.setdefault((service, name), []).append(handler)
            PAGES[(service, name)] = page
        return handler

    return register


class AwsError(ServiceException):
    """An error of ours: moto looks for the service of its own classes in their module's name, so it needs one of ours."""


def fail(code, message):
    """Answers with an AWS error; its HTTP status is the one in the service's model, else 400."""
    raise AwsError(code, message)


class Call:
    """One request: its parsed parameters, moto's state for its account and region, and moto's own answer."""

    def __init__(self, response, name):
        self.response = response
        self.name = name
        self._params = None
        self._rest = list(TABLE.get((response.service_name, name), ()))

    def run(self):
        """The answer of the next handler, or of moto when none is left: status, headers, body."""
        if not self._rest:
            return ORIGINAL_CALL(self.response)
        result = self._rest.pop()(self)
        if isinstance(result, tuple):
            return result
        # moto's transformers turn its objects into the API's shape, which a handler's answer has already.
        self.response.RESPONSE_KEY_PATH_TO_TRANSFORMER = {}
        return encode(self.response, ActionResult(result))

    @property
    def model(self):
        return get_service_model(self.response.boto3_service_name)

    @property
    def operation(self):
        return self.model.operation_model(self.name)

    @property
    def params(self):
        """The request's members as its API page names them."""
        if self._params is None:
            request = self.response.normalized_request
            protocol = determine_request_protocol(self.model, request.content_type)
            self._params = PROTOCOL_PARSERS[protocol](self.operation).parse(
                {
                    "method": request.method,
                    "values": request.values,
                    "headers": request.headers,
                    "body": request.data,
                    "url_path": request.path,
                    "url_params": self.response.uri_match,
                }
            )
        return self._params

    def replace(self, **members):
        """Gives moto's own action other values for these parameters."""
        own = self.response._get_param
        self.response._get_param = lambda name, if_none=None: members[name] if name in members else own(name, if_none)

    @property
    def region(self):
        return self.response.region

    @property
    def account(self):
        return self.response.current_account

    def backend(self, service):
        """moto's state of a service in this account and region (global services: `partition`)."""
        from moto.backends import get_backend

        backends = get_backend(service)[self.account]
        return backends[self.region] if self.region in backends else backends["aws"]

    @property
    def own(self):
        return self.backend(self.response.service_name)

    def store(self, name):
        """A dict of this plug-in on the service's backend."""
        return self.own.__dict__.setdefault("_reeve", {}).setdefault(name, {})

    def proceed(self):
        """The answer without this handler: status, headers, body. Errors are answered as they are."""
        answer = self.run()
        if int(answer[0]) >= 300:
            raise Answered(answer)
        return answer

    def answered(self):
        """`proceed` as a dict, to be amended and returned."""
        status, headers, body = self.proceed()
        protocol = self.response.determine_response_protocol(self.model)
        if isinstance(body, str):
            body = body.encode()
        parsed = create_parser(protocol).parse(
            {"status_code": int(status), "headers": headers, "body": body}, self.operation.output_shape
        )
        parsed.pop("ResponseMetadata", None)
        return parsed


class Answered(Exception):
    """Carries a finished answer out of a handler."""

    def __init__(self, answer):
        super().__init__("answered")
        self.answer = answer


ORIGINAL_CALL = BaseResponse.call_action


def call_action(response):
    """What every service's dispatch ends in: our action, else moto's, and never an HTML page."""
    name = response._get_action()
    if name is None and type(response).__name__ != "S3Response":
        return refuse(response, name, "the emulated AWS does not have this path")
    try:
        return Call(response, name).run()
    except Answered as answered:
        return answered.answer
    except ServiceException as error:
        return encode(response, ActionResult(error))
    except NotImplementedError as error:
        return refuse(response, name, f"the emulated AWS does not have this: {error}")
    except HTTPException as error:
        # The older of moto's error classes: its description is the body.
        headers = dict(error.get_headers() or [])
        headers.pop("status", None)
        return error.code, headers, error.description
    except Exception as error:
        traceback.print_exc()
        return refuse(response, name, f"the emulated AWS failed: {type(error).__name__}: {error}")


def encode(response, result):
    status, headers, body = response.serialized(result)
    headers, body = response._enrich_response(headers, body)
    return status, headers, body


def refuse(response, name, why):
    """A client error that no SDK retries (moto would answer 500 with HTML)."""
    what = f"{response.service_name}.{name or response.method + ' ' + response.path}"
    print(f"not implemented: {what}: {why}", file=sys.stderr, flush=True)
    try:
        _, headers, body = encode(response, ActionResult(AwsError("NotImplemented", f"{what}: {why}")))
    except Exception:
        traceback.print_exc()
        headers, body = {}, f'{{"__type": "NotImplemented", "message": "{what}"}}'
    headers.pop("status", None)
    return 501, headers, body


def install():
    """Puts the table in front of moto's dispatch."""
    from moto.autoscaling.responses import AutoScalingResponse

    BaseResponse.call_action = call_action
    if "call_action" in AutoScalingResponse.__dict__:
        del AutoScalingResponse.call_action
