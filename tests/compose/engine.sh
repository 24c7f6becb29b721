#!/usr/bin/env bash
# engine.sh start|stop DIR: a container engine of one's own, with everything it keeps below DIR. It
# changes nothing of the host's network: containers reach each other and the host, and nothing else.
set -euo pipefail

dir=$(realpath -m "$2")
export DOCKER_HOST=unix://$dir/socket

start() {
  mkdir -p "$dir"
  # --iptables=false: with its rules the engine would leave the host's forwarding shut behind.
  dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$DOCKER_HOST" \
    --iptables=false --ip-forward=false --storage-driver=overlay2 >"$dir/log" 2>&1 </dev/null &
  for ((tries = 100; tries > 0; tries--)); do
    ! docker info >/dev/null 2>&1 || return 0
    sleep 0.2
  done
  tail -n 20 "$dir/log" >&2
  echo "the engine does not start; it needs root, overlay2 and control groups" >&2
  exit 1
}

stop() {
  local pid
  if pid=$(cat "$dir/pid" 2>/dev/null); then
    docker ps -aq | xargs -r docker rm -f >/dev/null
    docker network ls -q --filter type=custom | xargs -r docker network rm >/dev/null
    kill "$pid"
    timeout 30 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
  fi
  ip link delete docker0 2>/dev/null || true
  # Namespaces that the engine leaves mounted.
  awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | xargs -r umount
  rm -rf "$dir"
}

"$1"
