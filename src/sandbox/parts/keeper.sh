# Usage: keeper.sh NAME LINK NETWORK FIRST ENGINES SERVERS FOLDER
#
# Makes the network of the parts, starts them (inside.sh), and takes everything away when standard input ends: so the
# parts also go when who started them was killed. All of their processes live in a process namespace of their own, whose
# end is theirs; what they mounted is in its mount namespace and goes with it.
#
# NAME     of the network namespace in the middle, where the database servers and the registry are; NAME-1, NAME-2, ... are the engines'
# LINK     of this machine's interface into it: a name that is taken means that the addresses are
# NETWORK  the first three numbers of the addresses; FIRST the last number of this machine's own, of sixteen
# Says one line: ready, taken, or what is wrong.
set -eu
name=$1 link=$2 network=$3 first=$4 engines=$5 servers=$6 folder=$7
inside=

each() { seq 1 "$engines"; }

clear_up() {
    trap '' TERM INT HUP EXIT
    set +e
    if [ -n "$inside" ]; then
        # The first process in there, by its id: the kernel ends the others with it, and `unshare` returns when all are gone.
        first_inside=$(cat "/proc/$inside/task/$inside/children")
        # shellcheck disable=SC2086
        kill -KILL ${first_inside:-$inside}
        wait "$inside"
    fi
    for space in "$name" $(each | sed "s/^/$name-/"); do
        # What others started in there, such as HAProxy.
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            pids=$(ip netns pids "$space")
            [ -n "$pids" ] || break
            # shellcheck disable=SC2086
            kill -KILL $pids
            [ "$attempt" = 1 ] || sleep 0.1
        done
        ip netns delete "$space"
    done
    ip link delete "$link"
    for group in "/sys/fs/cgroup/$name" /sys/fs/cgroup/*/"$name"; do
        # A dead container's group is empty a moment later.
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            [ -d "$group" ] || break
            [ "$attempt" = 1 ] || sleep 0.1
            find "$group" -depth -type d -exec rmdir {} +
        done
    done
    rm -rf "$folder"
} 2>/dev/null

trap 'exit 143' TERM
trap '' INT HUP
exec 3<&0

ip link add "$link" type veth peer name "$link-" 2>"$folder/network.log" || {
    grep -q 'File exists' "$folder/network.log" && echo taken || tr '\n' ' ' <"$folder/network.log"
    rm -rf "$folder"
    exit 1
}
trap clear_up EXIT
{
    ip netns add "$name"
    ip address add "$network.$first/28" dev "$link"
    ip link set "$link" up
    ip link set "$link-" netns "$name"
    ip -n "$name" link set lo up
    ip -n "$name" link add hub type bridge
    ip -n "$name" link set "$link-" master hub up
    ip -n "$name" address add "$network.$((first + 1))/28" dev hub
    # The further database servers, behind the nine addresses for engines.
    for server in $(seq 2 "$servers"); do
        ip -n "$name" address add "$network.$((first + 9 + server))/28" dev hub
    done
    ip -n "$name" link set hub up
    for engine in $(each); do
        ip netns add "$name-$engine"
        ip -n "$name" link add "engine$engine" type veth peer name eth0 netns "$name-$engine"
        ip -n "$name" link set "engine$engine" master hub up
        ip -n "$name-$engine" link set lo up
        ip -n "$name-$engine" address add "$network.$((first + 1 + engine))/28" dev eth0
        ip -n "$name-$engine" link set eth0 up
    done
} >"$folder/network.log" 2>&1 || { tr '\n' ' ' <"$folder/network.log"; exit 1; }

setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --propagation slave --mount-proc -- \
    sh "$folder/inside.sh" "$name" "$engines" "$servers" "$folder" >"$folder/inside.log" 2>&1 </dev/null 3<&- &
inside=$!
echo ready
cat <&3 >/dev/null &
wait $! || true
