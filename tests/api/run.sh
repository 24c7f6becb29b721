#!/usr/bin/env bash
# Tests the served API against its own description: requests made from /openapi.json, good ones and
# bad ones, to target/debug/kudos or KUDOS_BIN, or to a server at KUDOS_URL. Every answer has to be
# documented, and none may be a server error. The same requests on every run; about a minute. Afterwards
# the metrics of a server of its own are checked, for which it sends its traces to somebody.
set -euo pipefail
cd "$(dirname "$0")/../.."

# test_api BASE: the requests.
test_api() {
  "$(scripts/python-tool schemathesis schemathesis==4.32.5)/schemathesis" \
    --config-file tests/api/schemathesis.toml run "$1/openapi.json"
}

if [[ -n ${KUDOS_URL:-} ]]; then
  test_api "${KUDOS_URL%/}"
  exit
fi

kudos=${KUDOS_BIN:-target/debug/kudos}
# It is no setting of the server's, which would refuse it.
unset KUDOS_BIN
work=$(mktemp -d)
started=()
trap '((${#started[@]} == 0)) || kill "${started[@]}" || true; wait; rm -rf "$work"' EXIT

"$kudos" seed --data "$work/data" --posts 20 --users 50 --reactions 200 --seed 1 2>"$work/seed.log" ||
  { cat "$work/seed.log" >&2; exit 1; }

mkfifo "$work/collector"
python3 tests/api/collector.py >"$work/collector" &
started+=($!)
read -r endpoint <"$work/collector"

# The server says where it listens once it serves.
mkfifo "$work/log"
"$kudos" serve --listen 127.0.0.1:0 --data "$work/data" --set log.level=warn \
  --set limits.writes_per_second=0 --set limits.requests_per_second=0 \
  --set telemetry.otlp_endpoint="$endpoint" 2>"$work/log" &
started+=($!)
exec {log}<"$work/log"
base=
while [[ -z $base ]] && read -r line <&"$log"; do
  [[ $line =~ page[[:space:]]+(http://[^/]+) ]] && base=${BASH_REMATCH[1]} || echo "$line" >&2
done
[[ -n $base ]] || { echo "the server does not start" >&2; exit 1; }
cat <&"$log" >"$work/server.log" &

status=0
test_api "$base" || status=$?
scripts/check-metrics --exemplars "$base" || status=$?
if grep -q -e ' panicked at ' -e ERROR "$work/server.log"; then
  echo "the server's log:" >&2
  cat "$work/server.log" >&2
  status=1
fi
exit "$status"
