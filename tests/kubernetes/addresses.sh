#!/usr/bin/env bash
# Starts six nodes as their pods do, makes the cluster as the Job does, and starts all of them again at
# other addresses: the cluster has to find itself, with what it held. In a network of its own, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ -z ${KUDOS_ADDRESSES_NETWORK:-} ]]; then
  scripts/need redis-server redis-server
  KUDOS_ADDRESSES_NETWORK=own exec unshare --net "$0"
fi
ip link set lo up

redis=$PWD/deploy/kubernetes/base/redis
home=$(mktemp -d)
pids=()

stop() {
  ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
  wait
  pids=()
}
trap 'stop; rm -rf "$home"' EXIT

# What Kubernetes's names lead to; the scripts find it before the real one.
mkdir "$home/bin"
cat >"$home/bin/getent" <<'END'
#!/usr/bin/env bash
grep " $2\$" "$HOSTS"
END
cat >"$home/bin/redis-cli" <<'END'
#!/usr/bin/env bash
# By address where a name is given.
arguments=()
for argument; do
  name=${argument%:6379}
  found=$(grep " $name\$" "$HOSTS" | cut -d ' ' -f 1)
  found=${found:-$name}
  [[ $argument == "$name" ]] || found+=:6379
  arguments+=("$found")
done
exec /usr/bin/redis-cli "${arguments[@]}"
END
chmod +x "$home/bin"/*
export PATH=$home/bin:$PATH HOSTS=$home/hosts

# start NETWORK: all six, below 127.0.NETWORK.
start() {
  local i
  : >"$HOSTS"
  for i in {0..5}; do
    echo "127.0.$1.$((i + 1)) redis-$i.redis" >>"$HOSTS"
    mkdir -p "$home/$i"
  done
  for i in {0..5}; do
    env POD_IP="127.0.$1.$((i + 1))" DATA="$home/$i" FILES="$PWD/deploy/redis" PERSISTENCE=mix \
      MAXMEMORY=64mb bash "$redis/start.sh" --bind "127.0.$1.$((i + 1))" >>"$home/$i/log" 2>&1 &
    pids+=($!)
  done
}

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
key=post:123:reactions

start 1
say "making the cluster"
NODES=6 REPLICAS=1 FILES=$PWD/deploy/redis timeout 60 bash "$redis/make.sh" >"$home/made" 2>&1 ||
  { cat "$home/made" >&2; exit 1; }
redis-cli -c -h redis-0.redis set $key kept >/dev/null
say "all pods stop, and come back elsewhere"
stop
start 2
# Longer than it takes to notice that nobody is where it was.
until [[ $(redis-cli -c -h redis-0.redis get $key 2>/dev/null) == kept ]]; do
  ((SECONDS < 90)) || { redis-cli -h redis-0.redis cluster nodes >&2; exit 1; }
  sleep 0.5
done
for i in {0..5}; do
  until redis-cli -h "redis-$i.redis" cluster info | grep -qx $'cluster_state:ok\r'; do
    ((SECONDS < 90)) || { redis-cli -h "redis-$i.redis" cluster nodes >&2; exit 1; }
    sleep 0.5
  done
done
say "the cluster is there again, with what it held"
