# Kudos's own services, after the migrations.
# shellcheck shell=bash disable=SC2154

# Program, first port, instances in the full and the small profile, and the servers it uses, which
# are sections of its settings, as is what its console shows. docker-compose.yml says the same.
readonly service_table="
reaction-write  $REACTION_WRITE_PORT  2 1  cassandra redis kafka
search          $SEARCH_PORT          1 1  cassandra redis kafka elastic console
projector       $PROJECTOR_PORT       2 1  cassandra redis kafka elastic
kudosctl        -                     0 0  cassandra redis kafka elastic
"

# service PROGRAM: sets `base`, `full`, `small` and `uses` in the caller.
service() {
  local program
  while read -r program base full small uses; do
    [[ $program != "$1" ]] || return 0
  done <<<"$service_table"
  die "no service is called $1"
}

service_nodes() {
  local base full small uses program=${1//_/-}
  service "$program"
  seq -f "$program-%g" "$(by_profile "$full" "$small")"
}

service_address() {
  local base full small uses
  service "${1%-*}"
  echo "127.0.0.1:$(port "$base" "$(index "$1")")"
}

service_healthy() {
  local address
  address=$(service_address "$1")
  "$deploy/health/http.sh" "${address%:*}" "${address##*:}" /readyz
}

service_advice() { echo "Each failure above names the setting; 'stack status' shows what runs."; }

# toml ADDRESSES [PREFIX]: as a list of texts.
toml() { echo "[\"${2:-}${1//,/\",\"${2:-}}\"]"; }

# service_settings NODE|kudosctl: what it is told of this place, over its file.
service_settings() {
  local base full small uses server
  service "${1%-[0-9]*}"
  [[ $base == - ]] || echo "KUDOS_HTTP__LISTEN=$(service_address "$1")"
  for server in $uses; do
    "settings_$server"
  done
}

settings_cassandra() {
  echo "KUDOS_CASSANDRA__CONTACT_POINTS=$(toml "$(addresses cassandra)")"
  echo "KUDOS_CASSANDRA__REPLICATION__DATACENTER1=$(by_profile 3 1)"
}

settings_redis() {
  echo "KUDOS_REDIS__MODE=$(redis_mode)"
  echo "KUDOS_REDIS__NODES=$(toml "$(addresses redis)")"
}

settings_kafka() { echo "KUDOS_KAFKA__BROKERS=$(toml "$(addresses kafka)")"; }
# Everyone whose figures search's console shows.
settings_console() {
  local program all=""
  for program in reaction-write search projector; do
    all+=,$(service_nodes "$program" | while read -r node; do service_address "$node"; done | paste -sd ,)
  done
  echo "KUDOS_CONSOLE__SERVICES=$(toml "${all#,}" http://)"
}

settings_elastic() { echo "KUDOS_ELASTIC__URLS=$(toml "$(addresses elasticsearch)" http://)"; }

service_start() {
  local dir=$home/$1 program=${1%-*}
  cp "$deploy/services/$program.toml" "$dir/settings.toml"
  mapfile -t settings < <(service_settings "$1")
  # Not this shell's variables, of which a service would take each KUDOS_… for a setting.
  launch "$1" env -i PATH=/usr/bin:/bin HOME="$dir" "${settings[@]}" \
    "$home/bin/$program" --config "$dir/settings.toml"
}

# Builds the programs, unless KUDOS_STACK_PROGRAMS says where they are, and puts copies where the
# servers' user can reach them. What changed since it was started is stopped, and started anew by
# what follows.
install_services() {
  local built=${KUDOS_STACK_PROGRAMS:-} programs=(reaction-write search projector kudosctl) program
  if [[ -z $built ]]; then
    say "building Kudos"
    (cd "$repository" && cargo build --quiet --release "${programs[@]/#/--package=}") >&2
    built=${CARGO_TARGET_DIR:-$repository/target}/release
  fi
  mkdir -p "$home/bin"
  local nodes
  for program in "${programs[@]}"; do
    ! cmp -s "$built/$program" "$home/bin/$program" || continue
    mapfile -t nodes < <(service_nodes "$program")
    stop "${nodes[@]}"
    command install -m 755 "$built/$program" "$home/bin/$program"
  done
}

migrate() {
  say "applying migrations"
  mapfile -t settings < <(service_settings kudosctl)
  env -i PATH=/usr/bin:/bin "${settings[@]}" "$home/bin/kudosctl" \
    --config "$deploy/services/kudosctl.toml" migrate >&2 || die "the migrations were not applied"
}
