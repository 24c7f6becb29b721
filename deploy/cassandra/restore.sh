#!/usr/bin/env bash
# restore.sh FROM KEYSPACE: gives this node what backup.sh saved on it, into tables that `kudosctl migrate` has
# just made. Nothing of the suite may run. Where nodes or their tokens are others than at the backup, all
# nodes get the folders of all.
#
#   NODETOOL  the command; nodetool
set -euo pipefail
(($# == 2)) || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
from=$(cd "$1" && pwd) keyspace=$2
read -ra nodetool <<<"${NODETOOL:-nodetool}"

# What is not here is derived, or of writers that are gone.
for table in settings posts posts_by_day post_days reactions; do
  compgen -G "$from/$table/*-Data.db" >/dev/null || { echo "nothing of $table in $from" >&2; continue; }
  "${nodetool[@]}" import --copy-data "$keyspace" "$table" "$from/$table"
done
