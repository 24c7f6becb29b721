# What the stack is made of, from packages: Debian's for Redis and nginx, jars for the rest.
# shellcheck shell=bash disable=SC2154

# install COMMAND PACKAGE: unless it is there. What came is remembered, for `down --purge`.
install() {
  ! command -v "$1" >/dev/null || return 0
  say "installing $2"
  mkdir -p "$home"
  local before
  before=$(packages)
  "$repository/scripts/need" "$1" "$2" >&2
  comm -13 <(echo "$before") <(packages) >>"$home/packages"
}

packages() { dpkg-query -W -f '${Package}\n' 2>/dev/null | sort; }

# Exactly what was installed, and nothing that only looks unused.
remove_packages() {
  [[ -s $home/packages ]] || return 0
  say "removing $(wc -l <"$home/packages") packages"
  xargs -a "$home/packages" env DEBIAN_FRONTEND=noninteractive apt-get purge -qq -y >/dev/null 2>&1 ||
    say "apt-get would not remove these: $(paste -sd ' ' "$home/packages")"
}

# require_version NAME FOUND WANTED: the same major version, or nothing is proven.
require_version() {
  [[ ${2%%.*} == "${3%%.*}" ]] ||
    die "$1 $2 is here, but the stack is made for $3. Change its version in .env to try it"
  [[ $2 == "$3" ]] || say "$1 is $2 here, $3 in docker-compose.yml"
}

# A JDK that runs Cassandra 5, and Maven to fetch jars with.
install_java() {
  install java openjdk-17-jre-headless
  java=$(readlink -f "$(command -v java)")
  local version
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  ((version >= 17 && version < 24)) || java=$(compgen -G "/usr/lib/jvm/*-17-*/bin/java" | head -n 1)
  [[ -n $java ]] || die "java is version $version; Cassandra runs on 17: install openjdk-17-jre-headless"
}

# fetch_jars FOLDER GROUP:ARTIFACT:VERSION...: into $jars/FOLDER, with all that they need.
fetch_jars() {
  local dir=$jars/$1
  shift
  [[ ! -f $dir/complete ]] || return 0
  say "fetching the jars of $(basename "$dir")"
  mkdir -p "$dir"
  pom "$@" >"$dir/pom.xml"
  maven -f "$dir/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$dir/lib"
  touch "$dir/complete"
}

# maven ARGUMENT...: quiet unless it fails.
maven() {
  install mvn maven
  local log
  # Not the user's own folder of Maven, where it would stay.
  log=$(mvn -q -B "-Dmaven.repo.local=$jars/maven" "$@" 2>&1) || die "Maven could not fetch the jars: ${log: -2000}"
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
