#!/usr/bin/env bash
# backup.sh DATA KEYSPACE TO: a snapshot of the truth on this node, linked into the new folder TO, one folder
# a table. DATA is where the node keeps its tables (`data_file_directories`). May run while the suite
# serves: a post and its counts are in one partition, so what is saved of it is of one moment.
#
#   NODETOOL  the command; nodetool
set -euo pipefail
(($# == 3)) || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
data=$1 keyspace=$2 to=$3
read -ra nodetool <<<"${NODETOOL:-nodetool}"

mkdir "$to"
name=kudos-$(date +%s)
"${nodetool[@]}" snapshot -t "$name" "$keyspace"
for folder in "$data/$keyspace"/*/snapshots/"$name"; do
  table=${folder#"$data/$keyspace/"}
  # On the same disk as the data this takes no room; another disk gets copies.
  cp -al "$folder" "$to/${table%%-*}" 2>/dev/null || cp -a "$folder" "$to/${table%%-*}"
done
"${nodetool[@]}" clearsnapshot -t "$name" "$keyspace"
