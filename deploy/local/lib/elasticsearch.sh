# Elasticsearch: one node of the minimal distribution.
# shellcheck shell=bash disable=SC2154

elasticsearch_nodes() { echo elasticsearch-1; }
elasticsearch_address() { echo "127.0.0.1:$(port "$ELASTICSEARCH_PORT")"; }
elasticsearch_advice() { echo "Elasticsearch needs about 0.9 GB, and a folder on a disk that is not full."; }

elasticsearch_install() {
  install_java
  install unzip unzip
  install curl curl
  local dir=$jars/elasticsearch-$ELASTICSEARCH_VERSION
  local artifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch
  [[ ! -f $dir/complete ]] || return 0
  say "fetching Elasticsearch $ELASTICSEARCH_VERSION"
  mkdir -p "$dir"
  maven dependency:copy "-Dartifact=$artifact:$ELASTICSEARCH_VERSION:zip" "-DoutputDirectory=$dir/zip"
  unzip -qo "$dir/zip/elasticsearch-$ELASTICSEARCH_VERSION.zip" -d "$dir"
  # Its settings are in the archive for its owner only.
  chmod -R a+rX "$dir"
  rm -r "$dir/zip"
  touch "$dir/complete"
}

# Green, or yellow: one node has no place for replicas.
elasticsearch_healthy() {
  curl -sf -m 3 "http://$(elasticsearch_address "$1")/_cluster/health" | grep -Eq '"(green|yellow)"' ||
    return 1
  # What was launched has started the server, which is the process to watch and to break.
  record "$1" "$(<"$home/$1/server.pid")"
}

# The file that docker-compose.yml mounts, with what belongs to this place.
elasticsearch_settings() {
  cat "$deploy/elasticsearch/elasticsearch.yml"
  cat <<EOF
network.host: 127.0.0.1
http.port: $(port "$ELASTICSEARCH_PORT")
transport.port: $(port 9300)
path.data: $home/$1/data
path.logs: $home/$1/logs
EOF
}

elasticsearch_start() {
  local dir=$home/$1
  local dist=$jars/elasticsearch-$ELASTICSEARCH_VERSION/elasticsearch-$ELASTICSEARCH_VERSION
  mkdir -p "$dir/tmp"
  rm -rf "$dir/config" "$dir/server.pid"
  cp -r "$dist/config" "$dir/config"
  elasticsearch_settings "$1" >"$dir/config/elasticsearch.yml"
  launch "$1" env -i PATH=/usr/bin:/bin HOME="$dir" \
    ES_JAVA_HOME="${java%/bin/java}" ES_PATH_CONF="$dir/config" ES_TMPDIR="$dir/tmp" \
    CLI_JAVA_OPTS="-XX:TieredStopAtLevel=1 -Xshare:auto -XX:+PerfDisableSharedMem" \
    ES_JAVA_OPTS="-Xms$ELASTICSEARCH_HEAP -Xmx$ELASTICSEARCH_HEAP -XX:-UseG1GC ${jvm_flags[*]}" \
    "$dist/bin/elasticsearch" -p "$dir/server.pid"
}
