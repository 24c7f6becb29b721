#!/usr/bin/env bash
# Makes a Redis cluster larger or smaller while it serves. Servers are HOST:PORT.
#
#   resize-cluster.sh add ANY NEW [REPLICA...]  NEW, an empty server, becomes a master of the cluster that
#                                               ANY is of, with as many slots as the others; REPLICAs follow it
#   resize-cluster.sh remove ANY OLD            the slots of OLD go to the other masters, and it leaves
#
# Killed in the middle, it leaves a slot half moved: `redis-cli --cluster fix ANY`, then the same again.
# A password is taken from REDISCLI_AUTH.
set -euo pipefail

usage() { sed -n '4,6s/^# *//p' "$0" >&2; exit 2; }
(($# >= 3)) || usage
verb=$1 any=$2 node=$3
shift 3

ask() { timeout 2 redis-cli -h "${1%:*}" -p "${1##*:}" "${@:2}" | tr -d '\r'; }
addresses() { ask "$any" cluster nodes | awk '{ sub(/@.*/, "", $2); print $2 }'; }

# Slots can only be moved to a server that all others have heard of, and that has heard of enough of
# them to serve: one that has just joined refuses for a while.
all_know_all() {
  local all one info
  mapfile -t all < <(addresses)
  for one in "${all[@]}"; do
    info=$(ask "$one" cluster info) || return 1
    [[ $info == *cluster_state:ok* && $info == *cluster_known_nodes:${#all[@]}$'\n'* ]] || return 1
  done
  redis-cli --cluster check "$any" >/dev/null
}

agree() {
  local tries
  for ((tries = 60; tries > 0; tries--)); do
    ! all_know_all || return 0
    sleep 0.5
  done
  echo "$any: its servers do not agree on who is of the cluster: see redis-cli --cluster check $any" >&2
  exit 1
}

# rebalance OPTION...: moves slots until each master has its part.
rebalance() { redis-cli --cluster rebalance "$any" --cluster-threshold 1 --cluster-pipeline 100 "$@"; }

case $verb in
  add)
    redis-cli --cluster add-node "$node" "$any"
    agree
    id=$(ask "$node" cluster myid)
    for replica in "$@"; do
      redis-cli --cluster add-node "$replica" "$any" --cluster-slave --cluster-master-id "$id"
      agree
    done
    rebalance --cluster-use-empty-masters
    ;;
  remove)
    (($# == 0)) || usage
    id=$(ask "$node" cluster myid)
    rebalance --cluster-weight "$id=0"
    agree
    redis-cli --cluster del-node "$any" "$id"
    ;;
  *) usage ;;
esac
agree
