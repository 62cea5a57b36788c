#!/usr/bin/env bash
# nginx serves the files of a folder: what HTTP costs when there is nothing to compute. Those below api/ are gzip.
#   ./dev bench peers/nginx FOLDER
# The package itself would start a system service, so it is unpacked instead of installed.
# packages: libpcre2-8-0 libssl3 zlib1g libcrypt1
# unpacked: nginx
set -euo pipefail
folder=$(realpath "${3:?folder with the files to serve}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source bench/lib/peer.sh

port=$(free_port)
mkdir "$work/files" "$work/temp"
# Copied to where nobody can reach it.
cp .local/unpacked/nginx/usr/sbin/nginx "$work"
cp -r "$folder"/. "$work/files"
cat >"$work/nginx.conf" <<CONF
daemon off;
worker_processes auto;
pid $work/pid;
events { worker_connections 1024; }
http {
  access_log off;
  types { application/geo+json geojson; application/json json; }
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000 inactive=1h;
  open_file_cache_valid 1h;
  keepalive_requests 1000000000;
  client_body_temp_path $work/temp;
  proxy_temp_path $work/temp;
  fastcgi_temp_path $work/temp;
  uwsgi_temp_path $work/temp;
  scgi_temp_path $work/temp;
  server {
    listen 127.0.0.1:$port;
    root $work/files;
    location /api/ {
      add_header Content-Encoding gzip;
      default_type application/json;
      location /api/postgres/tiles/ {
        add_header Content-Encoding gzip;
        default_type application/vnd.mapbox-vector-tile;
      }
    }
  }
}
CONF
(as_nobody "$work/nginx" -p "$work" -e stderr -c "$work/nginx.conf") &
server=$!
until_answers curl -s "http://127.0.0.1:$port/"
serve_on "$port"
