#!/usr/bin/env bash
# Lookups beside their limits (pgbench, nginx) and beside Redis and FastAPI, in turn in one run: medians and ratios
#   ./dev bench limits [ROUNDS] [SECONDS]
# Ends with 1 when a floor of the design is missed, with 2 when something could not be measured.
# peers: peers/nginx peers/redis peers/fastapi
# packages: jq
# shellcheck disable=SC2317  # observe calls the functions that ask
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rounds=${3:-5} seconds=${4:-5}
[[ $rounds =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: ./dev bench limits [ROUNDS] [SECONDS]" >&2; exit 2; }
build=$(realpath "$build")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh
source bench/lib/turns.sh

# A strip of 20 × 2.4 km through the core of Houston, for all: of this shape are the random points of redis-benchmark,
# ten digits R that go to 2147483647, in 3.00R × 10 degrees of latitude and 1.00R × 100 of longitude. Redis gets the
# points moved there; a quarter of a degree to the north changes distances by 0.25 % at most.
area=-95.47737,29.74926,-95.26263,29.77074
shift_lon=195.47737 shift_lat=0.25074

start_gridlight gridlight "$build/gridlight" || fail "gridlight did not start"
base=http://127.0.0.1:${port[gridlight]}
find_postmaster

# ------------------------------------------------------------------------------------------------------- questions

within='within?lon={lon}&lat={lat}&radius_m=500&limit=100'
path=(
  [gridlight.within]="/api/postgres/layers/transformers/$within"
  [gridlight.status]=/api/postgres/substations/status
  [nginx.within]=/within.geojson
  [nginx.status]=/status.json
  [fastapi.within]="/transformers/$within"
  [fastapi.status]=/substations/status
)
# at LON LAT TEMPLATE
at() { sed "s/{lon}/$1/; s/{lat}/$2/" <<<"$3"; }
get() { curl -sf --max-time 10 "$1" || fail "no answer to $1"; }

# pgbench gets the server's own SQL, with its variables in the place of $1, $2, …
{
  printf '%s\n' '\set lon -95.47737 + random(0, 2147400) / 10000000.0' '\set lat 29.74926 + random(0, 214800) / 10000000.0'
  # shellcheck disable=SC2016
  "$build/gridlight" --database-url "$database" sql transformers within |
    sed 's/\$1/:lon/g; s/\$2/:lat/g; s/\$3/500/g; s/\$4/101/g'
} >"$work/within.sql"
{
  echo 'SELECT json_agg(t) FROM ('
  "$build/gridlight" --database-url "$database" sql substations status | sed 's/;$//'
  echo ') t;'
} >"$work/status.sql"

# nginx gets answers of ours: of within the one of median size at 41 places of the strip.
mkdir "$work/files"
get "$base${path[gridlight.status]}" >"$work/files/status.json"
for i in {0..40}; do
  lon=$(awk -v i="$i" 'BEGIN {printf "%.5f", -95.47737 + 0.21474 * i / 40}')
  lat=$(awk -v i="$i" 'BEGIN {printf "%.5f", 29.74926 + 0.02148 * (i * 7 % 41) / 40}')
  get "$base$(at "$lon" "$lat" "${path[gridlight.within]}")" >"$work/answer"
  echo "$(stat -c %s "$work/answer") $lon $lat"
done >"$work/places"
read -r _ lon lat < <(sort -n "$work/places" | sed -n 21p)
get "$base$(at "$lon" "$lat" "${path[gridlight.within]}")" >"$work/files/within.geojson"

# ----------------------------------------------------------------------------------------------------------- peers

start nginx bash bench/peers/nginx.sh "$database" "$build" "$work/files"
start redis bash bench/peers/redis.sh "$database" "$build" "$shift_lon" "$shift_lat"
start fastapi bash bench/peers/fastapi.sh "$database" "$build"
for name in nginx redis fastapi; do wait_for_port "$name" || exit 2; done
redis() { redis-cli -p "${port[redis]}" "$@"; }
geosearch=(BYRADIUS 500 m ASC COUNT 100 WITHCOORD WITHDIST)

# Who answers something else is no peer.
ids() { jq -c 'if type == "array" then map(.substation_id) else [.features[].id] end'; }
for name in within status; do
  get "$base$(at "$lon" "$lat" "${path[gridlight.$name]}")" | ids >"$work/ours"
  get "http://127.0.0.1:${port[fastapi]}$(at "$lon" "$lat" "${path[fastapi.$name]}")" | ids | cmp -s "$work/ours" ||
    fail "FastAPI's answer to $name is not gridlight's"
done
hits=$(jq '.features | length' "$work/files/within.geojson")
redis_hits=$(redis geosearch transformers FROMLONLAT "$(awk -v x="$lon" -v d=$shift_lon 'BEGIN {printf "%.7f", x + d}')" \
  "$(awk -v x="$lat" -v d=$shift_lat 'BEGIN {printf "%.7f", x + d}')" BYRADIUS 500 m ASC COUNT 100 | wc -l)
((redis_hits >= hits - 2 && redis_hits <= hits + 2)) ||
  fail "Redis finds $redis_hits points where gridlight finds $hits: not the same points"

# ------------------------------------------------------------------------------------------------------- measuring

# It counts requests, not seconds: as many as the speed so far lets expect.
redis_speed=20000
ask_redis() {
  as_client redis-benchmark -p "${port[redis]}" -c "$connections" -n "$((redis_speed * $3))" -r 2147483647 --csv \
    GEOSEARCH transformers FROMLONLAT 1__rand_int__e-10 3__rand_int__e-11 "${geosearch[@]}" |
    awk -F'","' 'NF >= 8 && $2 ~ /^[0-9.]+$/ {print $2, $5, $7; found = 1} END {exit !found}'
  redis_speed=$(awk '{printf "%.0f", $1}' "$work/answer")
}

ask_system() {
  case $1 in
    pgbench) ask_pgbench "$@" ;;
    redis) ask_redis "$@" ;;
    *) ask_http "$@" ;;
  esac
}
measures() { [[ $1.$2 != redis.status ]]; }

systems=(gridlight pgbench nginx redis fastapi)
workloads=(within status)
take_turns "$rounds" "$seconds"
printf '\n%d rounds of %d s, %d connections, %d cores; within 500 m: %d hits, %d bytes; status: %d bytes\n\n' "$rounds" "$seconds" \
  $connections "$(nproc)" "$hits" "$(stat -c %s "$work/files/within.geojson")" "$(stat -c %s "$work/files/status.json")"
print_table

floor pgbench within 0.90
floor pgbench status 1.0
exit $missed
