# What the words of `stack` do.
# shellcheck shell=bash disable=SC2154

readonly servers='redis cassandra kafka elasticsearch'
readonly services='reaction-write search projector nginx'
# Long enough for three JVMs on two busy cores.
readonly PATIENCE=240

# parts WORD...: the parts that are meant, all of them if none is named.
parts() {
  (($#)) || set -- servers services
  local word
  for word in "$@"; do
    case $word in
      servers) xargs -n 1 <<<"$servers" ;;
      services) xargs -n 1 <<<"$services" ;;
      *)
        [[ " $servers $services " == *" $word "* ]] || die "no part is called $word"
        echo "$word"
        ;;
    esac
  done
}

# nodes_of PART...: their nodes, one a line.
nodes_of() {
  local part
  for part in "$@"; do nodes "$part" | xargs -n 1; done
}

command_up() {
  same PROFILE "$profile"
  # A server that is told to start from another kind of file starts empty.
  same PERSISTENCE "$persistence"
  same REPLICAS "$replicas"
  mkdir -p "$home"
  exec 9>"$home/lock"
  flock -n 9 || { say "waiting for another 'stack up'"; flock 9; }
  echo "$profile $offset $persistence $replicas" >"$home/profile"
  local chosen part
  mapfile -t chosen < <(parts "$@")
  # shellcheck disable=SC2046 # names of parts have no blanks
  bring_up $(comm_in "$servers" "${chosen[@]}")
  local own
  own=$(comm_in "$services" "${chosen[@]}")
  [[ -n $own ]] || { ready; return; }
  install_services
  migrate
  # shellcheck disable=SC2086
  bring_up $own
  ready
}

# same NAME VALUE: what the environment wishes, if anything, is what the stack was started as.
same() {
  local wish=${!1:-}
  [[ -z $wish || $wish == "$2" ]] || die "a stack of $1=$2 is here: 'stack down --purge' it first"
}

ready() {
  say "ready, as the $profile profile; addresses by 'deploy/local/stack env'"
}

# comm_in LIST WORD...: the words of LIST that are among the others, in LIST's order.
comm_in() {
  local list=$1 word
  shift
  for word in $list; do [[ " $* " != *" $word "* ]] || echo "$word"; done
}

command_install() {
  local chosen
  mapfile -t chosen < <(parts "$@")
  install_parts "${chosen[@]}"
}

install_parts() {
  local part
  for part in "$@"; do of "$part" install; done
  rm -rf "$jars/maven"
}

# bring_up PART...: all of them at the same time.
bring_up() {
  local part node nodes
  (($#)) || return 0
  install_parts "$@"
  mapfile -t nodes < <(nodes_of "$@")
  for node in "${nodes[@]}"; do start "$node"; done
  await $PATIENCE "${nodes[@]}"
  for part in "$@"; do
    of "$part" settle
  done
}

# Services first, so that nothing is written to what is stopping.
command_down() {
  local purge='' part nodes=()
  [[ ${1:-} != --purge ]] || { purge=1; shift; }
  [[ -d $home ]] || return 0
  local chosen=("$@")
  mapfile -t chosen < <(parts "$@")
  for list in "$services" "$servers"; do
    # shellcheck disable=SC2046 # names of parts have no blanks
    mapfile -t nodes < <(nodes_of $(comm_in "$list" "${chosen[@]}"))
    stop "${nodes[@]}"
  done
  [[ -n $purge ]] || return 0
  for part in "${chosen[@]}"; do purge_part "$part"; done
  (($#)) || purge_rest
}

purge_part() {
  local node
  for node in $(nodes "$1"); do rm -rf "${home:?}/$node"; done
}

# Downloads belong to the clone: a stack with a folder of its own leaves them to the others.
purge_rest() {
  remove_packages
  say "removing $home"
  rm -rf "$home"
  [[ -n ${KUDOS_STACK_HOME:-} ]] || rm -rf "$jars"
}

command_status() {
  local format='%-18s %-8s %-22s %-10s %8s\n' part node pid state
  # shellcheck disable=SC2059 # one format for all lines
  printf "$format" NODE PID ADDRESS HEALTH RSS_MIB
  for part in $servers $services; do
    for node in $(nodes "$part"); do
      pid=- state=down rss=-
      if alive "$node"; then
        pid=$(<"$home/$node/pid")
        rss=$(awk '/VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$pid/status")
        state=sick
        ! healthy "$node" || state=healthy
      fi
      # shellcheck disable=SC2059
      printf "$format" "$node" "$pid" "$(address "$node")" "$state" "$rss"
    done
  done
}

command_logs() {
  local node='*' follow=()
  for argument in "$@"; do
    if [[ $argument == -f ]]; then follow=(-f); else node=$argument; fi
  done
  # shellcheck disable=SC2086 # the star is a pattern
  tail -n 20 "${follow[@]}" "$home"/$node/log
}

command_show() {
  local node=${1:?which node?}
  case $node in
    kudosctl) service_settings kudosctl ;;
    *) of "$(part_of "$node")" settings "$node" ;;
  esac
}

# The tool of Cassandra's operators.
command_nodetool() {
  alive "${1:?which node?}" || die "$1 is not running"
  cassandra_nodetool "$@"
}

command_pid() {
  alive "${1:?which node?}" || die "$1 is not running"
  cat "$home/$1/pid"
}

# addresses PART: separated by commas.
addresses() {
  local node
  for node in $(nodes "$1"); do address "$node"; done | paste -sd,
}

command_env() {
  cat <<EOF
export KUDOS_STACK_PROFILE=$profile
export KUDOS_STACK_HOME=$home
export KUDOS_STACK_REDIS=$(addresses redis)
export KUDOS_STACK_REDIS_MODE=$(redis_mode)
export KUDOS_STACK_CASSANDRA=$(addresses cassandra)
export KUDOS_STACK_KAFKA=$(addresses kafka)
export KUDOS_STACK_ELASTIC=http://$(addresses elasticsearch)
export KUDOS_STACK_GATEWAY=http://127.0.0.1:$(port "$GATEWAY_PORT")
EOF
}
