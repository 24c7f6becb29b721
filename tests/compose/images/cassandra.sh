#!/bin/bash
# The official image's rules for addresses: listen on this container's own, answer on all, and write
# what CASSANDRA_… says into the settings.
set -e
if [[ $1 == cassandra && $(id -u) == 0 ]]; then
  chown -R cassandra /etc/cassandra /var/lib/cassandra
  exec setpriv --reuid=cassandra --regid=cassandra --clear-groups -- "$0" "$@"
fi

# set_yaml KEY VALUE
set_yaml() {
  local file=/etc/cassandra/cassandra.yaml text
  text=$(sed -E "s|^(# )?($1:).*|\2 $2|" "$file")
  grep -q "^$1:" <<<"$text" || text+=$'\n'"$1: $2"
  echo "$text" >"$file"
}

if [[ $1 == cassandra ]]; then
  own=$(hostname -i)
  set_yaml listen_address "${CASSANDRA_LISTEN_ADDRESS:-$own}"
  set_yaml broadcast_address "${CASSANDRA_BROADCAST_ADDRESS:-$own}"
  set_yaml rpc_address "${CASSANDRA_RPC_ADDRESS:-0.0.0.0}"
  set_yaml broadcast_rpc_address "${CASSANDRA_BROADCAST_RPC_ADDRESS:-$own}"
  text=$(sed -E "s|( - seeds:).*|\1 \"${CASSANDRA_SEEDS:-$own}\"|" /etc/cassandra/cassandra.yaml)
  echo "$text" >/etc/cassandra/cassandra.yaml
fi
exec "$@"
