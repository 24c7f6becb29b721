#!/bin/bash
# Every variable with a dot in its name is a setting, as in the official image.
set -e
settings=()
while IFS='=' read -r name value; do
  [[ ! $name =~ ^[a-z0-9_]+\.[a-z0-9_.]+$ ]] || settings+=("-E$name=$value")
done < <(env)
if [[ $1 == eswrapper ]]; then
  export CLI_JAVA_OPTS=-XX:TieredStopAtLevel=1
  export ES_JAVA_OPTS="-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 $ES_JAVA_OPTS"
  exec bin/elasticsearch "${settings[@]}"
fi
exec "$@"
