# What the stack is made of, from packages: Debian's for Redis and nginx, jars for the rest.
# shellcheck shell=bash

# require_version NAME FOUND WANTED: the same major version, or nothing is proven.
require_version() {
  [[ ${2%%.*} == "${3%%.*}" ]] ||
    die "$1 $2 is here, but the stack is made for $3. Change its version in .env to try it"
  [[ $2 == "$3" ]] || say "$1 is $2 here, $3 in docker-compose.yml"
}

# A JDK that runs Cassandra 5, and Maven to fetch jars with.
install_java() {
  "$repository/scripts/need" java openjdk-17-jre-headless
  "$repository/scripts/need" setpriv util-linux
  java=$(readlink -f "$(command -v java)")
  local version
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  ((version >= 17 && version < 24)) || java=$(ls /usr/lib/jvm/*-17-*/bin/java 2>/dev/null | head -n 1)
  [[ -n $java ]] || die "java is version $version; Cassandra runs on 17: install openjdk-17-jre-headless"
}

# fetch_jars FOLDER GROUP:ARTIFACT:VERSION...: into $jars/FOLDER, with all that they need.
fetch_jars() {
  local dir=$jars/$1
  shift
  [[ ! -f $dir/complete ]] || return 0
  say "fetching ${*##*:} ($(basename "$dir"))"
  mkdir -p "$dir"
  pom "$@" >"$dir/pom.xml"
  maven -f "$dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$dir/lib"
  touch "$dir/complete"
}

# maven ARGUMENT...: quiet unless it fails.
maven() {
  "$repository/scripts/need" mvn maven
  local log
  log=$(mvn -q -B "$@" 2>&1) || die "Maven could not fetch the jars: ${log: -2000}"
}

pom() {
  echo '<project><modelVersion>4.0.0</modelVersion><groupId>kudos</groupId>'
  echo '<artifactId>stack</artifactId><version>1</version><dependencies>'
  local group artifact version
  while IFS=: read -r group artifact version; do
    echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId>"
    echo "<version>$version</version></dependency>"
  done < <(printf '%s\n' "$@")
  echo '</dependencies></project>'
}
