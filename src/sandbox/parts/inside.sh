# Usage: inside.sh NAME ENGINES SERVERS FOLDER
#
# The first process of the parts' own process and mount namespaces: starts them and waits. A part that ends by itself
# leaves its exit status in a file `ended` beside its log.
set -eu
name=$1 engines=$2 servers=$3 folder=$4
trap 'echo $? >"$folder/ended"' EXIT

# A /run of their own: containerd keeps its shims' sockets there, iptables its lock.
mkdir "$folder/netns"
mount --rbind /run/netns "$folder/netns"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns
mount --rbind "$folder/netns" /run/netns

# MariaDB names its temporary tables by its process id: in process namespaces many have the same, so none may be in /tmp.
mkdir "$folder/tmp"
export TMPDIR="$folder/tmp"

# Usage: part FOLDER NAMESPACE PROGRAM ARGUMENT...
part() {
    here=$1 space=$2
    shift 2
    (
        status=0
        nsenter --net="/run/netns/$space" "$@" >"$here/log" 2>&1 || status=$?
        echo "$status" >"$here/ended"
    ) &
}

part "$folder/registry" "$name" docker-registry serve "$folder/registry/config.yml"
for engine in $(seq 1 "$engines"); do
    here=$folder/engine$engine
    nsenter --net="/run/netns/$name-$engine" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    nsenter --net="/run/netns/$name-$engine" iptables-restore --noflush "$folder/rules.v4"
    nsenter --net="/run/netns/$name-$engine" ip6tables-restore --noflush "$folder/rules.v6"
    part "$here" "$name-$engine" dockerd --config-file "$here/daemon.json"
done

for server in $(seq 1 "$servers"); do
    here=$folder/mysql
    [ "$server" = 1 ] || here=$here$server
    if mariadb-install-db --no-defaults --user=root --datadir="$here/data" --tmpdir="$TMPDIR" \
        --skip-test-db --auth-root-authentication-method=socket --innodb-log-file-size=16M >"$here/log" 2>&1; then
        part "$here" "$name" mariadbd --defaults-file="$here/my.cnf" --user=root
    else
        echo 1 >"$here/ended"
    fi
done
wait
