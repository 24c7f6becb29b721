#!/usr/bin/env bash
# cassandra.sh HOST PORT [QUORUM]: asks one Cassandra node for a row, and succeeds if it answers.
# With QUORUM, a majority of the replicas has to answer it. Speaks CQL itself, because cqlsh and
# nodetool cost seconds of CPU at every check.
set -euo pipefail

readonly query='SELECT keyspace_name FROM system_distributed.view_build_status LIMIT 1'
consistency='\x00\x01'
[[ ${3:-} == QUORUM ]] && consistency='\x00\x04'

# A frame: version 4, no flags, no stream, the opcode, the length of the body.
# OPTIONS and READY are answered at once; a query only when the node serves.
exec 3<>"/dev/tcp/$1/$2"

# frame OPCODE BODY LENGTH: sends a request and prints the opcode of the answer.
frame() {
  # shellcheck disable=SC2059 # it is all escapes
  printf "\\x04\\x00\\x00\\x00\\x$1\\x00\\x00\\x00\\x$(printf %02x "$3")$2" >&3
  local head
  head=$(timeout 5 head -c 9 <&3 | od -An -v -tx1)
  read -ra head <<<"$head"
  timeout 5 head -c "$((16#${head[5]}${head[6]}${head[7]}${head[8]}))" <&3 >/dev/null
  echo "${head[4]}"
}

# STARTUP {"CQL_VERSION": "3.0.0"} is answered by READY.
[[ $(frame 01 '\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0' 22) == 02 ]]
# QUERY is answered by RESULT.
length=$(printf '\\x%02x' "${#query}")
[[ $(frame 07 "\\x00\\x00\\x00$length$query$consistency\\x00" $((4 + ${#query} + 3))) == 08 ]]
