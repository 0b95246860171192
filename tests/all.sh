#!/usr/bin/env bash
# Every test of the workspace. Those that have a fleet wait most of the time, for containers to start and leases to end, and the others keep processors busy:
# so the two sorts go side by side, and the whole takes little more than the longer one. The words of the first come last, whole.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --workspace --no-run
names() { cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
print(*sorted({t["name"] for p in json.load(sys.stdin)["packages"] for t in p["targets"] if t["kind"] == ["test"]}), sep="\n")'; }
fleets=$(grep -l 'support/fleet.rs' tests/*/main.rs | cut -d/ -f2 | sort)
others=$(comm -23 <(names) <(echo "$fleets"))
[ -n "$fleets" ] && [ -n "$others" ]

options() { printf -- '--test %s ' $1; }
run() { cargo test --locked --workspace --no-fail-fast "$@"; }
log=$(mktemp)
# Under `set -e` a kill of what has ended already would be the script's own failure, whatever the tests said.
trap 'kill "$beside" 2>/dev/null || true; rm -f "$log"' EXIT
# shellcheck disable=SC2046 # words that are options
run $(options "$fleets") >"$log" 2>&1 &
beside=$!
failed=0
# shellcheck disable=SC2046
run --lib --bins $(options "$others") || failed=1
run --doc || failed=1
echo "waiting for the tests with a fleet: $(echo $fleets)"
wait "$beside" || failed=1
cat "$log"
exit $failed
