#!/usr/bin/env bash
# Fails when docker-compose.yml and the local stack drift apart. Starts nothing.
set -euo pipefail
cd "$(dirname "$0")"

bin=$(../../scripts/stack-tools)
COMPOSE=$bin/docker-compose PYTHONDONTWRITEBYTECODE=1 "$bin/python" -m unittest -q test_drift
