# Redis: one server, or a cluster of three masters with a replica each.
# shellcheck shell=bash disable=SC2154

redis_nodes() { by_profile "$(printf 'redis-%d ' {1..6})" redis-1; }
redis_mode() { by_profile cluster single; }
redis_address() { echo "127.0.0.1:$(port "$REDIS_PORT" "$(index "$1")")"; }
redis_advice() { echo "Redis prints its reason last. A damaged file is mended by redis-check-aof --fix."; }

redis_install() {
  install redis-server redis-server
  install redis-cli redis-tools
  require_version Redis "$(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')" "$REDIS_VERSION"
}

redis_start() {
  local dir=$home/$1 files=(kudos aof) file
  [[ $(redis_mode) == single ]] || files+=(cluster)
  for file in "${files[@]}"; do
    cat "$deploy/redis/$file.conf"
  done >"$dir/redis.conf"
  launch "$1" redis-server "$dir/redis.conf" --bind 127.0.0.1 \
    --port "$(port "$REDIS_PORT" "$(index "$1")")" --dir "$dir" --daemonize no
}

# ask NODE COMMAND...: with a limit, because a stopped node accepts and says nothing.
redis_ask() {
  local port
  port=$(port "$REDIS_PORT" "$(index "$1")")
  shift
  timeout 2 redis-cli -h 127.0.0.1 -p "$port" "$@"
}

# Of a cluster that is not made yet nothing more than an answer can be asked.
redis_healthy() {
  [[ $(redis_ask "$1" ping) == PONG ]] || return 1
  [[ $(redis_mode) == single || ! -f $home/redis-settled ]] ||
    redis_ask "$1" cluster info | grep -q cluster_state:ok
}

redis_settle() {
  [[ $(redis_mode) == cluster && ! -f $home/redis-settled ]] || return 0
  say "making the Redis cluster"
  local node nodes addresses=()
  read -ra nodes < <(redis_nodes)
  for node in "${nodes[@]}"; do addresses+=("$(redis_address "$node")"); done
  redis-cli --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes \
    >"$home/redis-1/create.log" || { cat "$home/redis-1/create.log" >&2; die "no cluster was made"; }
  touch "$home/redis-settled"
  await 30 "${nodes[@]}"
}
