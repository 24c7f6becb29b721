#!/usr/bin/env bash
# make-cluster.sh HOST:PORT...: makes one cluster of empty nodes, masters and REPLICAS (1) of each, and
# waits until all of them know, also who follows whom. Nodes that are a cluster already are left as
# they are.
set -euo pipefail

ask() { timeout 2 redis-cli -h "${1%:*}" -p "${1##*:}" "${@:2}" | tr -d '\r'; }

# A new replica is a master without slots, to those who have not heard of it; a line of `cluster nodes`
# ends with the slots, if there are any.
knows() {
  ask "$1" cluster info | grep -qx 'cluster_state:ok' &&
    ! ask "$1" cluster nodes | grep -Eq ' (myself,)?master .* connected$'
}

if ask "$1" cluster info | grep -qx 'cluster_known_nodes:1'; then
  redis-cli --cluster create "$@" --cluster-replicas "${REPLICAS:-1}" --cluster-yes
fi
for node in "$@"; do
  for ((tries = 60; tries > 0; tries--)); do
    ! knows "$node" || break
    sleep 0.5
  done
  ((tries > 0)) || { echo "$node: the cluster does not serve, or has a master without slots" >&2; exit 1; }
done
