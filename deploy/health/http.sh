#!/usr/bin/env bash
# http.sh HOST PORT PATH: succeeds if a GET is answered with 200. An image needs no curl for it.
set -euo pipefail

exec 3<>"/dev/tcp/$1/$2"
printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
read -rt 5 _ code _ <&3
[[ $code == 200 ]]
