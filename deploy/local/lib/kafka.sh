# Kafka: one broker that is its own controller.
# shellcheck shell=bash disable=SC2154

kafka_nodes() { echo kafka-1; }
kafka_address() { echo "127.0.0.1:$(port "$KAFKA_PORT")"; }
kafka_healthy() { "$deploy/health/kafka.sh" 127.0.0.1 "$(port "$KAFKA_PORT")"; }
kafka_advice() { echo "Kafka refuses a folder of another cluster or version: 'stack down --purge kafka'."; }

# Any id will do for a cluster of one; a fixed one lets a folder be formatted twice.
readonly KAFKA_CLUSTER_ID=AAAAAAAAAAAAAAAAAAAAAQ

kafka_install() {
  install_java
  fetch_jars "kafka-$KAFKA_VERSION" "org.apache.kafka:kafka_2.13:$KAFKA_VERSION" \
    org.slf4j:slf4j-simple:1.7.36
}

kafka_start() {
  local dir=$home/$1 class="$jars/kafka-$KAFKA_VERSION/lib/*"
  mkdir -p "$dir/tmp"
  kafka_settings "$1" >"$dir/server.properties"
  own "$dir"
  [[ -f $dir/data/meta.properties ]] || as_user "$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$class" \
    kafka.tools.StorageTool format -t $KAFKA_CLUSTER_ID -c "$dir/server.properties" >>"$dir/log" 2>&1
  launch "$1" "$java" "-Xms$KAFKA_HEAP" "-Xmx$KAFKA_HEAP" "${jvm_flags[@]}" \
    "-Djava.io.tmpdir=$dir/tmp" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$class" kafka.Kafka "$dir/server.properties"
}

# The file that docker-compose.yml mounts, with what belongs to this place. One listener is enough
# where everything is on one host.
kafka_settings() {
  local controller
  controller=127.0.0.1:$(port 9193)
  cat "$deploy/kafka/server.properties"
  cat <<EOF
listeners=INTERNAL://$(kafka_address "$1"),CONTROLLER://$controller
advertised.listeners=INTERNAL://$(kafka_address "$1")
controller.quorum.voters=1@$controller
log.dirs=$home/$1/data
EOF
}
