# Cassandra: one node, or three with all data on each, on 127.0.0.1, .2 and .3.
# shellcheck shell=bash disable=SC2154

cassandra_nodes() { by_profile "cassandra-1 cassandra-2 cassandra-3" cassandra-1; }
cassandra_host() { echo "127.0.0.$(index "$1")"; }
cassandra_address() { echo "$(cassandra_host "$1"):$(port "$CASSANDRA_PORT")"; }
cassandra_advice() { echo "Cassandra needs about 0.9 GB a node, and 'PROFILE=small' one node only."; }

cassandra_install() {
  install_java
  fetch_jars "cassandra-$CASSANDRA_VERSION" "org.apache.cassandra:cassandra-all:$CASSANDRA_VERSION"
}

cassandra_healthy() {
  "$deploy/health/cassandra.sh" "$(cassandra_host "$1")" "$(port "$CASSANDRA_PORT")" \
    "$(by_profile QUORUM ONE)"
}

cassandra_nodetool() {
  local jar=$jars/cassandra-$CASSANDRA_VERSION/lib flags
  install_java
  mapfile -t flags < <(cassandra_modules)
  "$java" -Xmx64m "${flags[@]}" -cp "$jar/*" org.apache.cassandra.tools.NodeTool \
    -p "$(port 7199 "$(index "$1")")" "${@:2}"
}

# Evenly spaced over the range of 2^64, so that no node has to ask for its tokens.
cassandra_token() { by_profile "$((-9223372036854775807 + ($(index "$1") - 1) * 6148914691236517205))" 0; }

cassandra_start() {
  local dir=$home/$1 jar=$jars/cassandra-$CASSANDRA_VERSION/lib
  mkdir -p "$dir/tmp" "$dir/data"
  cp "$deploy/cassandra/logback.xml" "$dir/logback.xml"
  cassandra_settings "$1" >"$dir/cassandra.yaml"
  local flags=(
    "-Xms$CASSANDRA_HEAP" "-Xmx$CASSANDRA_HEAP" -XX:MaxDirectMemorySize=256m "${jvm_flags[@]}"
    -XX:+ExitOnOutOfMemoryError
    "-javaagent:$(ls "$jar"/jamm-*.jar)" "-Djava.io.tmpdir=$dir/tmp"
    "-Dcassandra.config=file://$dir/cassandra.yaml" "-Dcassandra.storagedir=$dir/data"
    "-Dcassandra.logdir=$dir" "-Dlogback.configurationFile=file://$dir/logback.xml"
    -Dcassandra-foreground=yes
    "-Dcassandra.jmx.local.port=$(port 7199 "$(index "$1")")"
    # Nodes that start together know each other from their seeds; waiting for gossip adds nothing.
    -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=5000
    -Dcassandra.shutdown_announce_in_ms=200 -Dio.netty.eventLoopThreads=1
    -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true
    -Dchronicle.announcer.disable=true
  )
  mapfile -t -O ${#flags[@]} flags < <(cassandra_modules)
  launch "$1" sh -c "echo $(cassandra_slack) >/proc/self/timerslack_ns; exec \"\$@\"" sh \
    "$java" "${flags[@]}" -cp "$jar/*" org.apache.cassandra.service.CassandraDaemon
}

# By how many nanoseconds the kernel may wake a thread late. Cassandra's idle workers look for work
# every few microseconds; of three nodes on two cores that alone takes a third of the time (140
# conditional writes a second, 195 with this).
cassandra_slack() { by_profile 1000000 50000; }

# The file that docker-compose.yml mounts, with what belongs to this place.
cassandra_settings() {
  local host seeds='' node
  host=$(cassandra_host "$1")
  for node in $(cassandra_nodes); do
    seeds+=${seeds:+,}$(cassandra_host "$node"):$(port 7100)
  done
  sed -E "s/^(listen_address|rpc_address):.*/\1: $host/; s/^( *- seeds:).*/\1 \"$seeds\"/
    s/^storage_port:.*/storage_port: $(port 7100)/
    s/^native_transport_port:.*/native_transport_port: $(port "$CASSANDRA_PORT")/" \
    "$deploy/cassandra/cassandra.yaml"
  echo "initial_token: '$(cassandra_token "$1")'"
}

# What Cassandra reaches for inside of the JDK.
cassandra_modules() {
  local package
  for package in java.base/{jdk.internal.misc,java.lang.ref} java.sql/java.sql \
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.{registry,server} \
    java.management/com.sun.jmx.remote.security jdk.unsupported/sun.misc \
    jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach; do
    printf '%s\n' --add-exports "$package=ALL-UNNAMED"
  done
  for package in jdk.compiler/com.sun.tools.javac jdk.management/com.sun.management.internal \
    java.base/{java.lang.module,java.lang.reflect,java.lang,java.util,java.nio,java.io,sun.nio.ch} \
    java.base/jdk.internal.{loader,ref,reflect,math,module,util.jar}; do
    printf '%s\n' --add-opens "$package=ALL-UNNAMED"
  done
}
