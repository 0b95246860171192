#!/usr/bin/python3
"""A stand-in for AWS's session-manager-plugin, for tests: it is called as the real one is and says what that says, but where the real one speaks to AWS's
message service, this one connects by itself. What it may connect to, and how it is to misbehave, stands in the file beside it (`standin.json`).

The real one: https://github.com/aws/session-manager-plugin/blob/mainline/src/sessionmanagerplugin/session/session.go
"""
import json
import os
import pathlib
import socket
import sys
import threading
import time

SETTINGS = json.loads((pathlib.Path(__file__).parent / "standin.json").read_text())
VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"


def say(text):
    os.write(1, text.encode())


def connect(place):
    """To a Unix socket, or to host:port."""
    if place.startswith("/"):
        to = socket.socket(socket.AF_UNIX)
        to.connect(place)
        return to
    host, port = place.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


def copy(read, write, end):
    while data := read(65536):
        write(data)
    end()


def standard_streams(place):
    """The session's other end is closed when the host cannot connect; the plugin ends with its input."""
    try:
        to = connect(place)
    except OSError as error:
        say(f"\n\nSessionId: {os.getpid()} : {error}\n\n")
        sys.exit(0)
    threading.Thread(target=copy, args=(to.recv, lambda data: os.write(1, data), lambda: os._exit(0)), daemon=True).start()
    copy(lambda size: os.read(0, size), to.sendall, lambda: os._exit(0))


def port(place, number, session):
    listener = socket.create_server(("127.0.0.1", int(number)))
    say(f"Port {listener.getsockname()[1]} opened for sessionId {session}.\nWaiting for connections...\n")
    while True:
        near, _ = listener.accept()
        far = connect(place)
        for one, other in ((near, far), (far, near)):
            shut = lambda other=other: other.shutdown(socket.SHUT_WR)
            threading.Thread(target=copy, args=(one.recv, other.sendall, shut), daemon=True).start()


def main():
    words = sys.argv
    if words[1:] == ["--version"]:
        say(SETTINGS.get("version", "1.2.707.0") + "\n")
        return
    if len(words) != 7 or words[1] != VARIABLE or words[3] != "StartSession" or not words[6].startswith("https://ssm."):
        say(f"Unknown operation {words[1:]}\n")
        return
    response, request = json.loads(os.environ.pop(VARIABLE)), json.loads(words[5])
    session = response["SessionId"]
    # A name of a session is no secret; its token is one, and everybody sees arguments.
    assert response["TokenValue"] == f"token-of-{session}" and response["StreamUrl"].startswith("wss://")
    assert not any(response["TokenValue"] in word for word in words)
    with open(pathlib.Path(__file__).parent / "standin.log", "a") as log:
        log.write(f"{os.getpid()} {session} {request['Target']} {request['DocumentName']}\n")
    say(f"\nStarting session with SessionId: {session}\n")
    if SETTINGS.get("silent"):
        time.sleep(600)
    given = {name: values[0] for name, values in request["Parameters"].items()}
    if request["DocumentName"] == "AWS-StartSSHSession":
        standard_streams(SETTINGS["ports"][given["portNumber"]])
    else:
        assert request["DocumentName"] == "AWS-StartPortForwardingSessionToRemoteHost"
        port(f"{given['host']}:{given['portNumber']}", given["localPortNumber"], session)


main()
