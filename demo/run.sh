#!/usr/bin/env bash
# The main job on an emulated AWS: plan, apply, nothing to change, drift behind our back, drift named, drift mended.
# Called by `make demo`, which has built the binary and set the sandbox up.
set -euo pipefail
cd "$(dirname "$0")/.."

reeve=${CARGO_TARGET_DIR:-target}/debug/reeve
python=.sandbox/venv/bin/python
estate=desired/hostedehr
work=$(mktemp -d)
sandbox=

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
clean() {
  if [ -n "$sandbox" ]; then kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean EXIT
# Runs a command that must end with a given exit code.
expect() {
  local want=$1 got=0
  shift
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  "$@" || got=$?
  [ "$got" = "$want" ] || fail "\`$*\` ended with $got, not $want"
}

step "An emulated AWS on a free port of 127.0.0.1"
"$reeve" sandbox --port 0 --log "$work/sandbox.log" >"$work/environment" 2>"$work/sandbox.err" &
sandbox=$!
for _ in $(seq 600); do
  [ "$(grep -c '^export' "$work/environment")" -ge 4 ] && break
  kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.err" >&2; fail "the sandbox did not start"; }
  sleep 0.1
done
# shellcheck disable=SC1091
. "$work/environment"
grep -v '^messages' "$work/sandbox.err"

step "What the first apply would do"
expect 2 "$reeve" plan "$estate" --format markdown >"$work/plan.md"
head -n 6 "$work/plan.md"

step "Apply: the whole AWS half of the estate"
expect 0 "$reeve" apply "$estate" --auto-approve

step "Plan again: nothing to change"
expect 0 "$reeve" plan "$estate" --stats

step "Three changes behind reeve's back"
"$python" demo/tamper.py

step "Drift names exactly these three"
expect 2 "$reeve" drift "$estate"
"$reeve" drift "$estate" --format json >"$work/drift.json" || true
"$python" demo/check_drift.py "$work/drift.json"

step "Apply mends them"
expect 0 "$reeve" apply "$estate" --auto-approve
expect 0 "$reeve" drift "$estate"
expect 0 "$reeve" plan "$estate"

step "Done. To go on by hand"
cat <<TEXT
  make sandbox                     an emulated AWS on port 4566; it prints lines to export in another terminal
  $reeve plan $estate
  $reeve apply $estate
  \$EDITOR $estate/stack.yaml       change something, plan again
  $reeve why $estate database.server
  README.md                        a first real estate, on a real account
Nothing of this demo is left behind but target/, .sandbox/ and the Debian packages that it named.
TEXT
