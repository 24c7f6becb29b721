#!/usr/bin/env bash
# Brings docker-compose.yml up with a real engine, on a machine that can pull no image: builds
# stand-ins under the official names, likes, kills a Redis master, likes again, and leaves nothing.
#   KEEP=1   leaves everything running, for a look; `tests/compose/engine.sh stop DIR` ends it
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/compose/lib.sh

engine=${KUDOS_COMPOSE_DIR:-/var/tmp/kudos-compose}
export DOCKER_HOST=unix://$engine/socket DOCKER_BUILDKIT=0

finish() {
  local status=$?
  ((status == 0)) || explain
  [[ -n ${KEEP:-} ]] || tests/compose/engine.sh stop "$engine"
  exit "$status"
}

require_tools
trap finish EXIT
step "starting an engine" tests/compose/engine.sh start "$engine"
step "building the images" tests/compose/images.sh
step "bringing the stack up" compose up -d --no-build --pull never --wait --wait-timeout 600
compose ps --format 'table {{.Service}}\t{{.Status}}'

like ada
expect_total 1
master=$(master_of "post:$POST:reactions")
step "killing $master, which has the post" compose kill "$master"
like bob
step "waiting for readers to see it" until_total 2 5
step "waiting for its replica to serve" until_live 30
like eve
step "waiting for readers to see it" until_total 3 5
step "taking the stack down" compose down --volumes --timeout 20
echo "compose: all good"
