# Words, places and settings that every part shares.
# shellcheck shell=bash disable=SC2034,SC2154

repository=$(cd "$here/../.." && pwd)
deploy=$repository/deploy
readonly repository deploy
# Servers run under this number, which needs no account, when root starts them.
readonly STACK_UID=7447

# demote [GROUP]: sets `demoted` to the words that run a command under it.
demote() { demoted=(setpriv "--reuid=$STACK_UID" "--regid=${1:-$STACK_UID}" --clear-groups --no-new-privs --); }

set -a
# shellcheck source=/dev/null
source "$repository/.env"
set +a

# say TEXT: what is being done, with the seconds since the start.
say() { printf '%5ds  %s\n' "$SECONDS" "$*" >&2; }
die() {
  printf 'stack: %s\n' "$*" >&2
  exit 1
}

is_root() { [[ $(id -u) == 0 ]]; }

# as_user COMMAND...: without the rights of root.
as_user() {
  if is_root; then
    demote
    "${demoted[@]}" "$@"
  else
    "$@"
  fi
}

# A clone below a closed folder (such as root's own) is out of reach for the servers' user.
choose_home() {
  if [[ -n ${KUDOS_STACK_HOME:-} ]]; then
    realpath -m "$KUDOS_STACK_HOME"
  elif as_user test -x "$repository"; then
    echo "$repository/.stack"
  else
    echo "/var/tmp/kudos-stack$(tr / - <<<"$repository")"
  fi
}
home=$(choose_home)
readonly home

# Downloads outlive `down`, and are shared by all stacks of this clone if the user can read them.
jars=$repository/.tools/stack
as_user test -x "$repository" || jars=$home/jars
readonly jars

# The running stack remembers what it was started as.
if [[ -f $home/profile ]]; then
  read -r profile offset persistence replicas <"$home/profile"
  # What a stack has from when there was no choice.
  persistence=${persistence:-aof}
  replicas=${replicas:-1}
else
  profile=${PROFILE:-full}
  offset=${KUDOS_STACK_OFFSET:-0}
  persistence=${PERSISTENCE:-mix}
  replicas=${REPLICAS:-1}
fi
[[ $profile =~ ^(full|cluster|small)$ ]] ||
  die "PROFILE is $profile: it must be full, cluster or small"
[[ $persistence =~ ^(mix|aof|rdb)$ ]] || die "PERSISTENCE is $persistence: it must be mix, aof or rdb"
[[ $replicas =~ ^[12]$ ]] || die "REPLICAS is $replicas: it must be 1 or 2"
readonly profile offset persistence replicas

# On few cores a JVM is ready sooner, and smaller, without its second compiler and threads to collect;
# and it leaves no files of statistics behind.
readonly jvm_flags=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+PerfDisableSharedMem)

# by_profile FULL SMALL: the one that applies. Only Redis is not as small in `cluster`.
by_profile() { if [[ $profile == full ]]; then echo "$1"; else echo "$2"; fi; }

# port BASE INDEX: where a node listens.
port() { echo $(($1 + offset + ${2:-1} - 1)); }

# index NODE: the number at the end of its name.
index() { echo "${1##*-}"; }
