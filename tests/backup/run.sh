#!/usr/bin/env bash
# The truth is saved while likes arrive, then Cassandra and Kafka lose all that they have, and the truth comes
# back from the backup: every copy has to say again what it says. On the running stack, PROFILE=small.
set -euo pipefail
cd "$(dirname "$0")/../.."
stack=deploy/local/stack
home=$KUDOS_STACK_HOME
backup=$home/backup
# As many as one question may ask for.
POSTS=100

say() { echo "==> $*" >&2; }
mapfile -t settings < <($stack show kudosctl)
kudosctl() { env "${settings[@]}" "$home/bin/kudosctl" "$@"; }
# What is refused (3) on a machine that is too busy is not acknowledged, so it need not be there.
load() {
  "$home/bin/kudosctl" load "$KUDOS_STACK_GATEWAY" --rate 150 --duration "$1" --posts "$POSTS" >"$home/load.log" 2>&1 ||
    (($? == 3)) || { cat "$home/load.log" >&2; return 1; }
}
# How often a reaction changed, of all posts: unlike their likes, this never becomes less.
changes() {
  # Every copy has it all.
  kudosctl verify >/dev/null 2>&1
  jq -n --argjson posts "$POSTS" '{posts: [range($posts) | tostring | "load-" + "000000"[length:] + .]}' |
    curl -fsS -H 'Content-Type: application/json' -d @- "$KUDOS_STACK_GATEWAY/v1/reactions:batchGet" |
    jq '[.results[].version] | add'
}

scripts/need jq jq
say "likes before the backup"
load 10s
before=$(changes)
say "the backup, while likes arrive"
load 20s &
export NODETOOL="$stack nodetool cassandra-1"
sleep 5
rm -rf "$backup"
begun=$SECONDS
deploy/cassandra/backup.sh "$home/cassandra-1/data/data" kudos "$backup"
saved=$((SECONDS - begun))
wait
after=$(changes)

say "everything of Cassandra and Kafka is lost"
$stack down services cassandra kafka >/dev/null
rm -rf "$home/cassandra-1" "$home/kafka-1"
$stack up servers >/dev/null
begun=$SECONDS
kudosctl migrate
deploy/cassandra/restore.sh "$backup" kudos
restored=$((SECONDS - begun))
$stack up >/dev/null
say "the copies, which are newer, are made what the truth says"
kudosctl repair --all
kudosctl verify --rows 1
now=$(changes)
((before <= now && now <= after)) || { echo "$now changes, not between $before and $after" >&2; exit 1; }
echo "saved in ${saved} s, restored in ${restored} s; changes before $before, after $after, restored $now"
