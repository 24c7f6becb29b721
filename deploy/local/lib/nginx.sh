# nginx: the one address in front of the services.
# shellcheck shell=bash disable=SC2154

nginx_nodes() { echo nginx-1; }
nginx_address() { echo "127.0.0.1:$(port "$GATEWAY_PORT")"; }
nginx_healthy() { "$deploy/health/http.sh" 127.0.0.1 "$(port "$GATEWAY_PORT")" /readyz; }

nginx_install() {
  # Debian keeps it where only root looks.
  PATH=$PATH:/usr/sbin install nginx nginx-light
  nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
  require_version nginx "$("$nginx" -v 2>&1 | sed 's/.*nginx\/\([0-9.]*\).*/\1/')" "$NGINX_VERSION"
}

# The file that docker-compose.yml mounts, with this place's addresses for its names.
nginx_settings() {
  local program node edits
  edits="s/listen 8080;/listen $(nginx_address "$1");/;"
  for program in reaction-write search; do
    # A writer that this profile has not is the first one once more.
    for node in "$program"-{1,2}; do
      edits+="s/ $node:8080/ $(service_address "$(service_nodes "$program" | grep -x "$node" || echo "$program-1")")/;"
    done
  done
  cat <<EOF
worker_processes 1;
daemon off;
pid $home/$1/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
    access_log off;
$(for temp in client_body proxy fastcgi uwsgi scgi; do echo "    ${temp}_temp_path $home/$1/$temp;"; done)
EOF
  sed "$edits" "$deploy/nginx/kudos.conf" | awk '!/^    server / || !seen[$0]++'
  echo "}"
}

nginx_start() {
  nginx_settings "$1" >"$home/$1/nginx.conf"
  launch "$1" "$nginx" -e stderr -p "$home/$1" -c "$home/$1/nginx.conf"
}
