# Words of run.sh.
# shellcheck shell=bash

readonly POST=compose-1
readonly gateway=http://127.0.0.1:8080

compose() { "$tools/docker-compose" "$@"; }

# step WHAT COMMAND...: says what, and how long it took.
step() {
  local what=$1 began=$SECONDS
  shift
  echo "compose: $what"
  "$@"
  echo "compose: $what: $((SECONDS - began)) s"
}

require_tools() {
  scripts/need dockerd docker.io
  scripts/need iptables iptables
  scripts/need debootstrap debootstrap
  tools=$(scripts/stack-tools)
}

# What went wrong, from those that are not well.
explain() {
  compose ps -a --format 'table {{.Service}}\t{{.Status}}' || true
  local service
  for service in $(compose ps -a --format '{{.Service}} {{.Health}} {{.ExitCode}}' |
    awk '$2 == "unhealthy" || $2 == "starting" || $NF != 0 { print $1 }'); do
    echo "--- $service"
    compose logs --no-log-prefix --tail 30 "$service" || true
  done
}

ask() { curl -sS -m 5 -H "X-User-Id: $1" -H 'Content-Type: application/json' "${@:2}"; }

# like USER: the first one brings the post.
like() {
  [[ $1 != ada ]] || ask "$1" -f -X PUT "$gateway/v1/posts/$POST" -d '{"title":"Compose","body":"A whole stack"}' >/dev/null
  ask "$1" -f -X PUT "$gateway/v1/posts/$POST/reactions/like/@me" >/dev/null
  echo "compose: $1 likes it"
}

# expect_total N: at once, from whatever source.
expect_total() {
  local answer
  answer=$(ask reader -f "$gateway/v1/posts/$POST/reactions")
  [[ $answer == *"\"total\":$1,"* ]] || { echo "expected a total of $1: $answer" >&2; return 1; }
}

# until_total N SECONDS: Redis may have missed it in the middle of a failover; then the log tells.
until_total() {
  local deadline=$((SECONDS + $2))
  until expect_total "$1" 2>/dev/null; do
    ((SECONDS < deadline)) || { expect_total "$1"; return 1; }
    sleep 0.2
  done
}

# until_live SECONDS: counts come from Redis again.
until_live() {
  local deadline=$((SECONDS + $1))
  until ask reader -f "$gateway/v1/posts/$POST/reactions" | grep -q '"source":"live"'; do
    ((SECONDS < deadline)) || { echo "counts are not live after $1 s" >&2; return 1; }
    sleep 0.5
  done
}

# master_of KEY: the service whose node serves it.
master_of() {
  local slot line address
  slot=$(compose exec -T redis-1 redis-cli -p 7000 cluster keyslot "$1")
  while read -r _ address line; do
    [[ $line == *master* ]] || continue
    local range
    for range in ${line#*connected}; do
      ((slot < ${range%-*} || slot > ${range#*-})) || { address=${address#*:}; echo "redis-$((${address%@*} - 6999))"; return; }
    done
  done < <(compose exec -T redis-1 redis-cli -p 7000 cluster nodes)
}
