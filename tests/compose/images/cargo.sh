#!/bin/bash
# `cargo build --release …`: hands out what the host has built from the same sources.
set -e
[[ $1 == build && " $* " == *' --release '* ]] || { echo "this cargo only builds releases" >&2; exit 1; }
mkdir -p target/release
cp /binaries/* target/release/
