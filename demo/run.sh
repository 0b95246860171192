#!/usr/bin/env bash
# The main job: an estate planned and applied, nothing to change, drift behind our back named and mended, and its tenants served by their host names.
# AWS is emulated; Docker, MariaDB and HAProxy are real, where this machine can run them (root, and what `make setup` installs).
# Called by `make demo`, which has built the binary and set the sandbox up.
set -euo pipefail
cd "$(dirname "$0")/.."

reeve=${CARGO_TARGET_DIR:-target}/debug/reeve
python=.sandbox/venv/bin/python
work=$(mktemp -d)
estate=$work/estate
sandbox=
loop=

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
clean() {
  if [ -n "$loop" ]; then kill "$loop" 2>/dev/null || true; wait "$loop" 2>/dev/null || true; fi
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

step "An emulated AWS on a free port of 127.0.0.1, and Docker, MariaDB and a registry in namespaces of their own"
"$reeve" sandbox --port 0 --log "$work/sandbox.log" >"$work/environment" 2>"$work/sandbox.err" &
sandbox=$!
for _ in $(seq 600); do
  [ "$(grep -c '^export' "$work/environment")" -ge 4 ] && break
  kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.err" >&2; fail "the sandbox did not start"; }
  sleep 0.1
done
# The last line that it prints tells that all of it is there.
if grep -q '^export REEVE_HOST' "$work/environment"; then
  for _ in $(seq 300); do grep -q '^export REEVE_STANDIN_2' "$work/environment" && break; sleep 0.1; done
fi
# shellcheck disable=SC1091
. "$work/environment"
grep -v '^messages' "$work/sandbox.err"

mkdir "$estate" "$estate/tenants"
cp desired/hostedehr/tenants/*.yaml "$estate/tenants/"
if [ -n "${REEVE_HOST:-}" ]; then
  sh demo/catalogue.sh desired/hostedehr/stack.yaml "$REEVE_STANDIN_1" "$REEVE_STANDIN_2" >"$estate/stack.yaml"
  cat >"$estate/tenants/more.yaml" <<'YAML'
apiVersion: reeve/v1
kind: Tenant
metadata: { name: rural-north }
spec: { distribution: refapp, country: US, admin_email: it@rural-north.example }
---
apiVersion: reeve/v1
kind: Tenant
metadata: { name: on-leave }
spec: { distribution: refapp, country: US, admin_email: it@on-leave.example, state: suspended }
YAML
else
  cp desired/hostedehr/stack.yaml "$estate/"
fi

step "What the first apply would do"
expect 2 "$reeve" plan "$estate" --format markdown >"$work/plan.md"
head -n 6 "$work/plan.md"

step "Apply: the whole estate"
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

if [ -n "${REEVE_HOST:-}" ]; then
  door=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["haproxy"]["plain"])' "$REEVE_HOST")
  # Asks by host name, and by what else curl is given; the answer must have a given status and hold a given word.
  ask() {
    local want=$1 word=$2 url=http://$3.hostedehr.org$4 got
    shift 4
    got=$(curl --silent --max-time 20 --connect-to "::$door" --write-out '\n%{http_code}' "$@" "$url") || fail "$url: nobody answers"
    printf '  %s  %s\n' "$(printf '%s' "$got" | tail -n 1)" "$url"
    [ "$(printf '%s' "$got" | tail -n 1)" = "$want" ] || fail "$url: $got"
    case $got in *"$word"*) ;; *) fail "$url says nothing of $word: $got" ;; esac
  }
  session=/openmrs/ws/rest/v1/session

  step "Three tenants, each at its own name; one is suspended, one archived"
  for tenant in ckwc hopital-sacre-coeur rural-north; do ask 200 "tenant-$tenant" "$tenant" "$session"; done
  ask 503 suspended on-leave /openmrs/
  ask 404 '' closed-clinic /openmrs/
  ask 404 '' nobody /openmrs/
  expect 0 "$reeve" tenant list "$estate"

  step "One of them moves to a new image, the others stay"
  sed -i '/name: rural-north/,/^---/ s/distribution: refapp/distribution: refapp-next/' "$estate/tenants/more.yaml"
  expect 2 "$reeve" plan "$estate"
  expect 0 "$reeve" apply "$estate" --auto-approve
  ask 200 '"version":"2"' rural-north "$session"
  ask 200 '"version":"1"' ckwc "$session"

  step "The loop on this host keeps all of it so, and wakes who sleeps when somebody comes"
  printf '%s$ %s run %s &%s\n' "$dim" "$reeve" "$estate" "$plain"
  "$reeve" run "$estate" --listen 127.0.0.1:0 >"$work/run.log" 2>&1 &
  loop=$!
  # Asks again until the answer is as it should be.
  ask_until() {
    for _ in $(seq 240); do
      if (ask "$@") >"$work/asked" 2>&1; then cat "$work/asked"; return; fi
      kill -0 "$loop" 2>/dev/null || { cat "$work/run.log" >&2; fail "the loop ended"; }
      sleep 0.25
    done
    cat "$work/run.log" >&2
    fail "not within a minute: $(cat "$work/asked")"
  }
  for _ in $(seq 240); do grep -q 'this host wakes tenants' "$work/run.log" && break; sleep 0.25; done
  expect 0 "$reeve" tenant sleep "$estate" ckwc
  printf 'A monitor wakes nobody:\n'
  ask_until 503 '"state":"asleep"' ckwc "$session" --user-agent UptimeRobot/2.0
  printf 'A person does, and sees at once how it stands; a program is told when to ask again; then the tenant answers itself:\n'
  ask 200 'in the queue' ckwc /openmrs/login.htm --header 'Accept: text/html'
  ask 503 'retry-after: ' ckwc "$session" --include
  ask_until 200 'tenant-ckwc' ckwc /openmrs/login.htm --header 'Accept: text/html'
  for _ in $(seq 40); do grep -q 'ckwc answers after' "$work/run.log" && break; sleep 0.25; done
  grep -o 'ckwc answers after [0-9]* s' "$work/run.log"
  printf 'SIGTERM: what runs is finished, the leads are given back\n'
  kill -TERM "$loop"
  code=0
  wait "$loop" || code=$?
  loop=
  [ "$code" = 0 ] || { cat "$work/run.log" >&2; fail "the loop ended with $code, not 0"; }

  step "And nothing is left to change"
  expect 0 "$reeve" plan "$estate"
fi

step "Done. To go on by hand"
cat <<TEXT
  make sandbox                     the same world on port 4566; it prints lines to export in another terminal
  cp -r desired/hostedehr /tmp/my; sh demo/catalogue.sh desired/hostedehr/stack.yaml "\$REEVE_STANDIN_1" "\$REEVE_STANDIN_2" > /tmp/my/stack.yaml
  $reeve apply /tmp/my
  \$EDITOR /tmp/my/stack.yaml        change something, plan again
  $reeve why /tmp/my tenant/ckwc.service
  README.md                        a first real estate, on a real account
Nothing of this demo is left behind but target/, .sandbox/ and the Debian packages that it named.
TEXT
