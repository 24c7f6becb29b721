#!/usr/bin/env bash
# Starts a node of Redis Cluster in a pod, which has another address at each start. The others hear of
# the new one from the node itself, as long as it finds one of them where it was. When all of them have
# moved at once nobody does, so a node that belongs to a cluster meets the first pods by name again.
# Arguments are for Redis.
set -euo pipefail
cd "${DATA:-/data}"
readonly FILES=${FILES:-/etc/kudos} PORT=6379 PEERS=(redis-0.redis redis-1.redis redis-2.redis)

ask() { timeout 2 redis-cli -h "$POD_IP" -p $PORT "$@" | tr -d '\r'; }

meet() {
  local tries peer address
  for ((tries = 120; tries > 0; tries--)); do
    sleep 1
    ! ask cluster info | grep -qx cluster_state:ok || return 0
    for peer in "${PEERS[@]}"; do
      address=$(getent ahostsv4 "$peer" | awk '{ print $1; exit }') || continue
      [[ -z $address || $address == "$POD_IP" ]] || ask cluster meet "$address" $PORT
    done
  done
}

# An empty node waits for the Job that makes the cluster.
if [[ $(grep -c connected nodes.conf 2>/dev/null) -gt 1 ]]; then
  meet >/dev/null 2>&1 &
fi
exec redis-server "$FILES/kudos.conf" --include "$FILES/$PERSISTENCE.conf" --include "$FILES/cluster.conf" \
  --port $PORT --cluster-announce-ip "$POD_IP" --maxmemory "$MAXMEMORY" "$@"
