#!/usr/bin/env bash
# Redis holds the transformers for GEOSEARCH, in key `transformers`: what gridlight replaces.
#   ./dev bench peers/redis [SHIFT_LON SHIFT_LAT]
# The points are moved by SHIFT degrees, see bench/limits.sh.
# redis-server, the package, would start a system service; the program lies in redis-tools, under another name.
# packages: redis-tools postgresql-client-15
set -euo pipefail
database=${1:?database url} shift_lon=${3:-0} shift_lat=${4:-0}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source bench/lib/peer.sh

port=$(free_port)
ln -s "$(command -v redis-check-rdb)" "$work/redis-server"
(as_nobody "$work/redis-server" --bind 127.0.0.1 --port "$port" --dir "$work" --save '' --appendonly no \
  --daemonize no --loglevel warning) >&2 &
server=$!
until_answers redis-cli -p "$port" ping
psql -X -At -q -v ON_ERROR_STOP=1 "$database" -c "
  select format('GEOADD transformers %s %s \"%s\"', longitude + ($shift_lon), latitude + ($shift_lat), transformer_id)
  from transformers where longitude is not null and latitude is not null" |
  redis-cli -p "$port" --pipe >"$work/loaded"
grep -q '^errors: 0,' "$work/loaded" || { cat "$work/loaded" >&2; exit 1; }
serve_on "$port"
