# Nodes: processes with a folder each, below $home, that holds their pid, log and data.
# shellcheck shell=bash disable=SC2154
#
# A part P of the stack says what it has by functions: P_nodes (names), P_address NODE (host:port),
# P_settings NODE, P_start NODE, P_healthy NODE, and if it needs them P_install, P_settle (once all
# its nodes are healthy) and P_advice. Kudos's own services have theirs in common: service_nodes….

# of PART VERB [ARGUMENT...]: its function of that name; nothing if it has none.
of() {
  local name=${1}_$2
  [[ " $services " != *" $1 "* || $1 == nginx ]] || name=service_$2
  ! declare -F "$name" >/dev/null || "$name" "${@:3}"
}

part_of() { echo "${1%-*}"; }
nodes() { of "$1" nodes "$1"; }

# alive NODE: its process runs. The pid alone could be another's by now; that and the time at which
# it was born are not.
alive() {
  local pid
  pid=$(cat "$home/$1/pid" 2>/dev/null) && [[ -n $pid ]] || return 1
  [[ $(born "$pid") == "$(cat "$home/$1/born")" ]]
}

# born PID: in ticks since the machine's start; nothing for one that is dead.
born() { sed -n '/) Z/!s/.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# record NODE PID: its process from now on.
record() {
  born "$2" >"$home/$1/born"
  echo "$2" >"$home/$1/pid"
}

healthy() { alive "$1" && of "$(part_of "$1")" healthy "$1" >/dev/null 2>&1; }
address() { of "$(part_of "$1")" address "$1"; }

answers() { (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null; }

# launch NODE COMMAND...: starts it in the background, in its folder, with its output in its log. It
# gets a session of its own, so that a test's Ctrl-C does not stop the stack, and a group of its own,
# by which a test that cuts it off tells its packets from those of others.
launch() {
  local node=$1 dir=$home/$1 group
  shift
  own "$dir"
  group=$((STACK_UID + $(index "$node")))
  (
    cd "$dir" || exit
    exec 9>&-
    if is_root; then
      demote "$group"
      set -- "${demoted[@]}" "$@"
    fi
    HOME=$dir setsid "$@" </dev/null >>log 2>&1 &
    record "$node" $!
  )
}

# own DIR: made, and given to the servers' user.
own() {
  mkdir -p "$1"
  ! is_root || chown -R "$STACK_UID:$STACK_UID" "$1"
}

# start NODE: unless it runs; one that somebody stopped goes on.
start() {
  if alive "$1"; then
    kill -CONT "$(<"$home/$1/pid")"
    return
  fi
  local address
  address=$(address "$1")
  ! answers "$address" ||
    die "$address is taken, and not by $1: stop what listens there, or set KUDOS_STACK_OFFSET"
  say "starting $1 on $address"
  mkdir -p "$home/$1"
  of "$(part_of "$1")" start "$1"
}

# await SECONDS NODE...: until all of them are healthy.
await() {
  local deadline=$((SECONDS + $1)) node waiting
  shift
  waiting=("$@")
  while ((${#waiting[@]})); do
    local still=()
    for node in "${waiting[@]}"; do
      if healthy "$node"; then
        say "$node is healthy"
      elif ! alive "$node"; then
        explain "$node" "ended"
      elif ((SECONDS > deadline)); then
        explain "$node" "is not healthy yet"
      else
        still+=("$node")
      fi
    done
    waiting=("${still[@]}")
    ((${#waiting[@]} == 0)) || sleep 0.3
  done
}

# explain NODE WHAT: ends with what its log says and what may help.
explain() {
  echo "--- the end of $home/$1/log" >&2
  tail -n 25 "$home/$1/log" >&2 || true
  echo "---" >&2
  of "$(part_of "$1")" advice >&2
  die "$1 $2. Once more: 'stack up'; from nothing: 'stack down --purge', then 'stack up'"
}

# stop NODE...: all at once by SIGTERM, and what is left after 20 s by SIGKILL.
stop() {
  local node pids=() pid
  for node in "$@"; do
    alive "$node" || continue
    say "stopping $node"
    pid=$(<"$home/$node/pid")
    # One that was stopped by SIGSTOP hears SIGTERM only when it goes on.
    kill -TERM "$pid" || true
    kill -CONT "$pid" || true
    pids+=("$pid")
  done
  for pid in "${pids[@]}"; do
    timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" || true
  done
  for node in "$@"; do rm -f "$home/$node"/{pid,born}; done
}
