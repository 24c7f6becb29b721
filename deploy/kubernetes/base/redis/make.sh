#!/usr/bin/env bash
# Waits for NODES pods, and makes a cluster of them by the script that the other stacks use.
set -euo pipefail

addresses=()
for ((i = 0; i < NODES; i++)); do
  host=redis-$i.redis
  until [[ $(timeout 2 redis-cli -h "$host" ping) == PONG ]]; do
    echo "waiting for $host" >&2
    sleep 2
  done
  addresses+=("$host:6379")
done
if getent hosts "redis-$NODES.redis" >/dev/null; then
  echo "there are more pods than NODES=$NODES: set both to the same" >&2
  exit 1
fi
exec bash "${FILES:-/etc/kudos}/make-cluster.sh" "${addresses[@]}"
