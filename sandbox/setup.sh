#!/bin/sh
# Usage: setup.sh VENV. Installs the Debian packages that are missing, without starting their services, then the Python packages into VENV.
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

# The local parts. Without them the emulated AWS runs all the same, so they are no reason to stop.
wanted=
needs() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || wanted="$wanted $2"; }
needs dockerd docker.io
needs docker-registry docker-registry
needs mariadbd mariadb-server
needs haproxy haproxy
needs ip iproute2
needs iptables-restore iptables
needs openssl openssl
needs nsenter util-linux
needs sshd openssh-server
needs chromium chromium
needs chromedriver chromium-driver
needs git git
needs ssh-keygen openssh-client
needs promtool prometheus
needs wrk wrk
if [ -n "$wanted" ]; then
    echo "setup: the local parts (Docker, MariaDB, HAProxy, a registry, an SSH server; for tests a browser, git, promtool and wrk) need these Debian packages:$wanted"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: no apt-get here: install them with this system's package manager, or go without"
    elif [ "$(id -u)" = 0 ]; then
        # They are started by the sandbox, with settings of its own: no service of theirs is to run, now or after a restart.
        policy=/usr/sbin/policy-rc.d
        [ -e "$policy" ] && policy= || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; }
        status=0
        apt-get update -qq || true
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted || status=$?
        [ -z "$policy" ] || rm -f "$policy"
        [ "$status" = 0 ] || exit "$status"
        if [ -d /run/systemd/system ]; then
            case $wanted in *docker.io*) systemctl disable --quiet docker.service docker.socket containerd.service || true ;; esac
            for unit in docker-registry:docker-registry mariadb-server:mariadb haproxy:haproxy openssh-server:ssh; do
                case "$wanted " in *" ${unit%:*} "*) systemctl disable --quiet "${unit#*:}.service" || true ;; esac
            done
        fi
    else
        echo "setup: for them run this, then 'make setup' again, or go without:"
        echo "    sudo apt-get update && sudo apt-get install --no-install-recommends$wanted"
    fi
fi

echo "setup: installing the emulated AWS into $venv (about a minute)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$(dirname "$0")/requirements.txt"
# axe-core, which tests look at our pages with, is one script: this package is the one that brings it, and what it needs besides is not wanted.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$venv/../axe" axe-playwright-python==0.1.8
echo "setup: done"
