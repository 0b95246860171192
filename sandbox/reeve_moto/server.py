"""The WSGI application: moto's dispatcher with CloudWatch's CBOR protocol in front, and the HTTP server for it."""
import io
import json
import sys
import threading
import traceback
from html import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from . import actions, cbor, services
from .seed import seed

# The first part of the paths of the services that speak JSON without saying so in a header (EFS, Backup).
REST_JSON = ("/2015-02-01/", "/backup", "/audit/", "/tags/", "/untag/", "/supported-resource-types", "/resources", "/global-settings", "/restore-jobs")


class Application:
    """One request at a time: moto's state has no locks of its own."""

    def __init__(self, zones):
        self.zones = zones
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.RLock()
        seed(zones)

    def __call__(self, environ, start_response):
        # The whole body is read here: what an action leaves unread would be taken for the next request of the connection.
        length = environ.get("CONTENT_LENGTH")
        stream = environ["wsgi.input"]
        body = stream.read(int(length)) if length else (stream.read() if environ.get("wsgi.input_terminated") else b"")
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        with self.lock:
            status, headers, answer = self.answer(environ, body)
            if environ["PATH_INFO"] == "/moto-api/reset":
                seed(self.zones)
        start_response(status, headers)
        return [answer]

    def answer(self, environ, body):
        """Status, headers and body. What moto answers in HTML (no such path, a bug) becomes an error no SDK retries."""
        seen = []

        def start(status, headers, exc_info=None):
            seen[:] = [status, headers]
            return lambda _: None

        try:
            if cbor.speaks(environ):
                chunks = cbor.translate(self.moto, environ, start, body)
            else:
                chunks = self.moto(environ, start)
            answer = b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()
            status, headers = seen
            if int(status.split()[0]) not in (404, 405, 500) or not answer.lstrip().lower().startswith(b"<!doctype"):
                return status, headers, answer
        except Exception:
            traceback.print_exc()
        return refusal(environ)


def refusal(environ):
    """An error that every protocol's parser reads: the JSON ones look at the header, the XML ones at the body."""
    what = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ.get('HTTP_X_AMZ_TARGET', '')}".strip()
    print(f"not implemented: {what}", file=sys.stderr, flush=True)
    message = f"the emulated AWS does not have {escape(what)}"
    json_body = "json" in environ.get("CONTENT_TYPE", "") or environ["PATH_INFO"].startswith(REST_JSON)
    if json_body:
        kind, text = "application/json", json.dumps({"__type": "NotImplemented", "message": message})
    else:
        error = f"<Error><Code>NotImplemented</Code><Message>{message}</Message></Error>"
        kind, text = "text/xml", f"<ErrorResponse>{error}<RequestId>sandbox</RequestId></ErrorResponse>"
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", "NotImplemented")]
    return "501 Not Implemented", headers, body


class Handler(MotoRequestHandler):
    """Keeps connections open (werkzeug's default closes each) and logs failures only."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code="-", size="-"):
        if str(code).startswith("5"):
            super().log_request(code, size)


def serve(host, port, zones):
    """A bound server; `server_port` tells the port when 0 was asked for."""
    actions.install()
    services.load()
    return make_server(host, port, Application(zones), threaded=True, request_handler=Handler)
