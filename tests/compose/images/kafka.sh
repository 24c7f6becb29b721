#!/bin/bash
# Settings as the official image puts them together: the mounted file, and over it each KAFKA_A_B as
# a.b (a double underscore is one, a triple a dash). The data is formatted at the first start.
set -e
config=/opt/kafka/config/server.properties
options=' KAFKA_HEAP_OPTS KAFKA_OPTS KAFKA_JMX_OPTS KAFKA_LOG4J_OPTS KAFKA_JVM_PERFORMANCE_OPTS '

{
  cat /mnt/shared/config/server.properties
  echo
  for name in ${!KAFKA_*}; do
    [[ $options != *" $name "* ]] || continue
    key=${name#KAFKA_}
    key=${key//___/-}
    key=${key//__/=}
    key=${key//_/.}
    key=${key//=/_}
    echo "${key,,}=${!name}"
  done
} >$config

run() { exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$@"; }
(run -Xmx128m -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --ignore-formatted \
  -t "${CLUSTER_ID:?}" -c $config)
# shellcheck disable=SC2086 # options are words
run $KAFKA_HEAP_OPTS -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/libs/*' \
  kafka.Kafka $config
