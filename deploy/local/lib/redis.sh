# Redis: one server, or a cluster of three masters with one replica or two each.
# shellcheck shell=bash disable=SC2154

redis_nodes() { if [[ $profile == small ]]; then echo redis-1; else seq -f redis-%g $((3 * (1 + replicas))); fi; }
redis_mode() { if [[ $profile == small ]]; then echo single; else echo cluster; fi; }
redis_address() { echo "127.0.0.1:$(port "$REDIS_PORT" "$(index "$1")")"; }
redis_advice() { echo "Redis prints its reason last. A damaged file is mended by redis-check-aof --fix."; }

redis_install() {
  install redis-server redis-server
  install redis-cli redis-tools
  require_version Redis "$(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')" "$REDIS_VERSION"
}

# The files that docker-compose.yml includes, with what belongs to this place.
redis_settings() {
  local files=("$deploy/redis/kudos.conf" "$deploy/redis/$persistence.conf")
  [[ $(redis_mode) == single ]] || files+=("$deploy/redis/cluster.conf")
  cat "${files[@]}"
  printf '%s\n' "bind 127.0.0.1" "port $(port "$REDIS_PORT" "$(index "$1")")" "dir $home/$1"
}

redis_start() {
  redis_settings "$1" >"$home/$1/redis.conf"
  launch "$1" redis-server "$home/$1/redis.conf"
}

redis_healthy() { "$deploy/health/redis.sh" 127.0.0.1 "$(port "$REDIS_PORT" "$(index "$1")")"; }

redis_settle() {
  [[ $(redis_mode) == cluster ]] || return 0
  local node addresses=()
  for node in $(redis_nodes); do addresses+=("$(redis_address "$node")"); done
  say "waiting for the Redis cluster"
  REPLICAS=$replicas "$deploy/redis/make-cluster.sh" "${addresses[@]}" >"$home/redis-1/cluster.log" ||
    { cat "$home/redis-1/cluster.log" >&2; die "there is no Redis cluster"; }
}
