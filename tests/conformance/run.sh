#!/bin/sh
# Starts the program itself rather than `cargo test`, which would be gone at the first Ctrl-C while it still destroys what it made.
set -eu
built=$(cargo test --locked --no-run --test conformance --message-format=json)
program=$(printf '%s\n' "$built" | sed -n 's/.*"name":"conformance".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
exec "$program"
