#!/usr/bin/env bash
# redis.sh HOST PORT: succeeds if the node answers, and if it belongs to a cluster that serves. One
# that has not met any other node yet is as healthy as it can be.
set -euo pipefail

ask() { timeout 2 redis-cli -h "$1" -p "$2" "${@:3}"; }

[[ $(ask "$1" "$2" ping) == PONG ]]
info=$(ask "$1" "$2" cluster info)
grep -Eq 'cluster_state:ok|cluster_known_nodes:1.?$|support disabled' <<<"$info"
