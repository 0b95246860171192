"""Holds `reeve drift --format json` to the three changes of tamper.py: these and no others, all named as drift."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    actions = json.load(file)["actions"]
found = {action["address"].split("/")[0]: action for action in actions}
wanted = {"database.group": "update", "database.server": "update", "files.mount": "create"}
assert {name: action["action"] for name, action in found.items()} == wanted and len(actions) == 3, found
assert all(action["cause"] == ["drift"] for action in actions), actions
print("exactly these three: " + ", ".join(action["address"] for action in actions))
