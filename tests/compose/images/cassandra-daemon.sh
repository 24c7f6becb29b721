#!/bin/bash
# The `cassandra` command, always in the foreground.
set -e
# shellcheck source=/dev/null
source /opt/cassandra/modules.sh
mapfile -t modules < <(cassandra_modules)
# shellcheck disable=SC2086 # options are words
exec java "-Xms$MAX_HEAP_SIZE" "-Xmx$MAX_HEAP_SIZE" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  "-javaagent:$(echo /opt/cassandra/lib/jamm-*.jar)" "${modules[@]}" \
  -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true \
  -Dcassandra.config=file:///etc/cassandra/cassandra.yaml \
  -Dcassandra.storagedir=/var/lib/cassandra -Dcassandra.logdir=/tmp -Dcassandra-foreground=yes \
  -Dcassandra.jmx.local.port=7199 -Dlogback.configurationFile=file:///opt/cassandra/logback.xml \
  $JVM_EXTRA_OPTS -cp '/opt/cassandra/lib/*' org.apache.cassandra.service.CassandraDaemon
