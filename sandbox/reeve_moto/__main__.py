"""`python -m reeve_moto --port P`: serves until SIGINT, SIGTERM or, with --watch-stdin, the end of standard input.

The first line of standard output is one JSON object, written once requests are answered: {"endpoint": "http://..."}.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import threading

from .seed import ACCOUNT


def arguments():
    parser = argparse.ArgumentParser(prog="reeve_moto", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--zone", action="append", default=[], help="a public Route 53 hosted zone to start with")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument("--database", action="append", default=[], metavar="ADDRESS=SOCKET",
                        help="where a database server really is: RDS answers it as an instance's address, the first as that of the stack's own")
    parser.add_argument("--database-admin", help="a JSON file with the user and password of their administrator: what RDS keeps as its secret")
    parser.add_argument("--database-takes", type=float, default=0, metavar="SECONDS", help="for so long RDS makes an instance")
    parser.add_argument("--remove", help="a folder to remove when standard input ends: that of a parent that was killed")
    return parser.parse_args()


def stop_with_parent(folder):
    while sys.stdin.buffer.read(4096):
        pass
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def main():
    options = arguments()
    # Read by moto when it is imported.
    # One account: without this moto loads the IAM of every partition to find out whose access key it sees.
    os.environ.setdefault("MOTO_ACCOUNT_ID", ACCOUNT)
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    os.environ.setdefault("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
    os.environ.setdefault("MOTO_ENABLE_AMI_VALIDATION", "true")
    os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "1")
    os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")
    from .server import serve

    from .services import rds

    rds.there_are([server.split("=", 1) for server in options.database], options.database_admin, options.database_takes)
    if options.watch_stdin:
        threading.Thread(target=stop_with_parent, args=(options.remove,), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server = serve(options.host, options.port, options.zone)
    print(json.dumps({"endpoint": f"http://{options.host}:{server.server_port}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
