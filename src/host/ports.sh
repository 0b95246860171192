#!/bin/sh
# Usage: reeve-docker-ports next FILE, before Docker starts; reeve-docker-ports back, once it runs
#
# Docker gives containers ports of the range that the kernel names when it starts, one after the other from the first, and each start begins anew: the port that
# was one tenant's before is another's after. A HAProxy, of this host or of another, that nobody has told meanwhile would send the one's requests to the other. So
# each start is given a part of the range that the last seven did not have (FILE says which was the last); once it runs, the rest is for everybody again.
set -eu
range=/proc/sys/net/ipv4/ip_local_port_range
first=32768 last=60999 parts=8
case $1 in
next)
    part=$(cat "$2" 2>/dev/null || true)
    case $part in
    # A host that takes the address of an earlier one does not begin where that one began.
    '' | *[!0-9]*) part=$(od -An -N1 -tu1 /dev/urandom | tr -d ' ') ;;
    esac
    part=$(((part + 1) % parts)) size=$(((last - first + 1) / parts))
    mkdir -p "${2%/*}"
    echo "$part" >"$2.new"
    sync "$2.new"
    mv "$2.new" "$2"
    echo "$((first + part * size)) $((first + part * size + size - 1))" >"$range"
    ;;
back) echo "$first $last" >"$range" ;;
esac
