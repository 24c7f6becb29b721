#!/usr/bin/env bash
# Builds the stand-ins and Kudos's own image, in the engine of DOCKER_HOST. The base, which takes
# longest, is kept in .tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
source .env

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
base=.tools/compose-images/base.tar

make_base() {
  echo "images: making a base of Debian" >&2
  mkdir -p "$(dirname "$base")"
  local root mirror
  root=$(mktemp -d /var/tmp/kudos-base.XXXXXX)
  # shellcheck disable=SC2016 # the name is apt's
  mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' | head -n 1)
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" ||
    { tail -n 20 "$root.log" >&2; exit 1; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  # As the official image: apt keeps nothing that it fetched.
  printf '%s\n' 'DPkg::Post-Invoke { "rm -rf /var/cache/apt/*"; };' \
    'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' >"$root/etc/apt/apt.conf.d/docker-clean"
  tar -C "$root" -cf "$base.new" .
  mv "$base.new" "$base"
  rm -rf "$root" "$root.log"
}

# What the stand-ins are made of: the jars of the local stack, linked rather than copied.
make_context() {
  deploy/local/stack install cassandra kafka elasticsearch
  local jars=.tools/stack
  cp tests/compose/images/* deploy/cassandra/logback.xml "$context"
  cp deploy/local/lib/cassandra.sh "$context/modules.sh"
  cp -rl "$jars/cassandra-$CASSANDRA_VERSION/lib" "$context/cassandra"
  cp -rl "$jars/kafka-$KAFKA_VERSION/lib" "$context/kafka"
  local elasticsearch=elasticsearch-$ELASTICSEARCH_VERSION
  cp -rl "$jars/$elasticsearch/$elasticsearch" "$context/elasticsearch"
  mkdir "$context/binaries"
  local package
  for package in kudos reaction-write search projector kudosctl; do
    strip -o "$context/binaries/$package" "target/debug/$package"
  done
}

# build TAG ARGUMENT...: quiet unless it fails. Only while building has a container a way out.
build() {
  echo "images: $1" >&2
  docker build --network=host --tag "$@" >"$context.log" 2>&1 ||
    { tail -n 40 "$context.log" >&2; exit 1; }
  rm "$context.log"
}

[[ -f $base ]] || make_base
make_context
docker import "$base" debian:bookworm-slim >/dev/null
build "redis:$REDIS_VERSION" --target redis "$context"
build "nginx:$NGINX_VERSION" --target nginx "$context"
build "cassandra:$CASSANDRA_VERSION" --target cassandra "$context"
build "apache/kafka:$KAFKA_VERSION" --target kafka "$context"
build "docker.elastic.co/elasticsearch/elasticsearch:$ELASTICSEARCH_VERSION" \
  --target elasticsearch "$context"
rust=$(sed -n 's/^ARG RUST_VERSION=//p' deploy/Dockerfile)
build "rust:$rust-bookworm" --target rust "$context"
build kudos:local --file deploy/Dockerfile .
