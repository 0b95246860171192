#!/bin/sh
# Usage: setup.sh VENV. Installs the Debian packages that are missing, then the Python packages into VENV.
set -eu
venv=$1
python=${PYTHON:-python3}

missing=
command -v "$python" >/dev/null 2>&1 || missing="$missing python3"
"$python" -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
if [ -n "$missing" ]; then
    echo "setup: these Debian packages are missing:$missing"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: no apt-get here: install them with this system's package manager, then run 'make setup' again" >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    else
        echo "setup: run this, then 'make setup' again:" >&2
        echo "    sudo apt-get update && sudo apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
fi

echo "setup: installing the emulated AWS into $venv (about a minute)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$(dirname "$0")/requirements.txt"
echo "setup: done"
