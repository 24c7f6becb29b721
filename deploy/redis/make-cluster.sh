#!/usr/bin/env bash
# make-cluster.sh HOST:PORT...: makes one cluster of empty nodes, three masters and a replica each,
# and waits until all of them know. Nodes that are a cluster already are left as they are.
set -euo pipefail

ask() { timeout 2 redis-cli -h "${1%:*}" -p "${1##*:}" "${@:2}" | tr -d '\r'; }

if ask "$1" cluster info | grep -qx 'cluster_known_nodes:1'; then
  redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
fi
for node in "$@"; do
  for ((tries = 60; tries > 0; tries--)); do
    ! ask "$node" cluster info | grep -qx 'cluster_state:ok' || break
    sleep 0.5
  done
  ((tries > 0)) || { echo "$node: the cluster does not serve" >&2; exit 1; }
done
