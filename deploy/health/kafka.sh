#!/usr/bin/env bash
# kafka.sh HOST PORT: asks a broker for the cluster, and succeeds if it names a live broker. Speaks the
# protocol itself, because Kafka's own tools start a JVM at every check.
set -euo pipefail

exec 3<>"/dev/tcp/$1/$2"
# Metadata, version 4, correlation 1, client "health", no topics, none created.
printf '\x00\x00\x00\x15\x00\x03\x00\x04\x00\x00\x00\x01\x00\x06health\x00\x00\x00\x00\x00' >&3
# The length, the correlation, the throttle time, and the number of live brokers.
answer=$(timeout 5 head -c 16 <&3 | od -An -v -tx1 | tr -d ' \n')
((16#${answer:24:8} > 0))
