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
declare -A path=(
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

# Each prints requests/s, p50 and p99 in ms of SYSTEM's answers to WORKLOAD for SECONDS.
ask_http() {
  local report
  report=$(ask "${port[$1]}" "${path[$1.$2]}" "$3") || return 1
  echo "$(field "$report" rps) $(field "$report" p50_ms) $(field "$report" p99_ms)"
}
# Its backends are new in every run and slow at first, so the first second does not count.
pg_bin=$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)
pgbench=$(command -v pgbench || echo "$pg_bin/pgbench")
ask_pgbench() {
  as_client "$pgbench" -n -M prepared -c "$connections" -j 2 -T $(($3 + 1)) -P 1 -f "$work/$2.sql" "$database" \
    2>"$work/progress" >"$work/pgbench" || { tail -n 5 "$work/progress" >&2; return 1; }
  awk '/^progress:/ && $2 > 1.5 {sum += $4; ++n} END {if (!n) exit 1; printf "%.1f - -\n", sum / n}' "$work/progress"
}
# It counts requests, not seconds: as many as the speed so far lets expect.
redis_speed=20000
ask_redis() {
  as_client redis-benchmark -p "${port[redis]}" -c "$connections" -n "$((redis_speed * $3))" -r 2147483647 --csv \
    GEOSEARCH transformers FROMLONLAT 1__rand_int__e-10 3__rand_int__e-11 "${geosearch[@]}" |
    awk -F'","' 'NF >= 8 && $2 ~ /^[0-9.]+$/ {print $2, $5, $7; found = 1} END {exit !found}'
}

ask_system() {
  case $1 in
    pgbench) ask_pgbench "$@" ;;
    redis) ask_redis "$@" ;;
    *) ask_http "$@" ;;
  esac
}

# measure SYSTEM WORKLOAD SECONDS: into $work/SYSTEM.WORKLOAD a line of what ask prints, and how many cores the server,
# the database and the client kept busy meanwhile.
measure() {
  observe "${pid[$1]:-}" ask_system "$@" ||
    { [[ $1 == pgbench ]] || tail -n 5 "$work/$1.log" >&2; fail "$1 could not be measured with $2"; }
  awk '{printf "%s %s %s %.2f %.2f %.2f\n", $1, $2, $3, $4 / $8, $5 / $8, $6 / $8}' <<<"$(<"$work/answer") $usage" >>"$work/$1.$2"
  awk '{print $4 / $5}' <<<"$usage" >>"$work/others"
  [[ $1 != redis ]] || redis_speed=$(awk '{printf "%.0f", $1}' "$work/answer")
}

systems=(gridlight pgbench nginx redis fastapi)
workloads=(within status)
measures() { [[ $1.$2 != redis.status ]]; }
# round SECONDS
round() {
  local name system
  for name in "${workloads[@]}"; do
    for system in "${systems[@]}"; do
      if measures "$system" "$name"; then measure "$system" "$name" "$1"; fi
    done
  done
}
round 2
rm "$work"/*.within "$work"/*.status "$work/others"
for ((i = 1; i <= rounds; ++i)); do
  say "round $i of $rounds"
  round "$seconds"
done

# ------------------------------------------------------------------------------------------------------- the table

column() { awk -v n="$3" '{print $n}' "$work/$1.$2"; }
middle() { column "$@" | median; }
# Who could do no more: what has one thread and a core for itself, else who took the most time.
limited_by() {
  awk -v name="$1" -v s="$2" -v d="$3" -v c="$4" 'BEGIN {
    if (name != "pgbench" && c >= 0.9 && c >= s) print "client"
    else if (name == "redis" && s >= 0.9) print "server, one thread"
    else if (d >= s && d >= c) print "database"
    else print (s >= c) ? "server" : "client"
  }'
}
printf '\n%d rounds of %d s, %d connections, %d cores; within 500 m: %d hits, %d bytes; status: %d bytes\n\n' "$rounds" "$seconds" \
  $connections "$(nproc)" "$hits" "$(stat -c %s "$work/files/within.geojson")" "$(stat -c %s "$work/files/status.json")"
cat <<'TEXT'
| workload | system    | requests/s | gridlight / it, median (least..most) | p50 ms | p99 ms | cores: server | database | client | limited by |
|----------|-----------|-----------:|--------------------------------------|-------:|-------:|--------------:|---------:|-------:|------------|
TEXT
row='| %-8s | %-9s | %10s | %-36s | %6s | %6s | %13s | %8s | %6s | %s |\n'
for name in "${workloads[@]}"; do
  for system in "${systems[@]}"; do
    measures "$system" "$name" || continue
    cores=("$(middle "$system" "$name" 4)" "$(middle "$system" "$name" 5)" "$(middle "$system" "$name" 6)")
    paste -d' ' <(column gridlight "$name" 1) <(column "$system" "$name" 1) | awk '{printf "%.3f\n", $1 / $2}' >"$work/ratios"
    ratio=$(median <"$work/ratios")
    echo "$ratio" >"$work/$system.$name.ratio"
    # shellcheck disable=SC2059
    printf "$row" "$name" "$system" "$(middle "$system" "$name" 1 | xargs printf %.0f)" "$ratio ($(spread <"$work/ratios"))" \
      "$(middle "$system" "$name" 2)" "$(middle "$system" "$name" 3)" "${cores[@]}" "$(limited_by "$system" "${cores[@]}")"
  done
done
echo
echo "Where the client is the limit, its server could have answered more."
tell_noise

missed=0
# floor SYSTEM WORKLOAD LEAST
floor() {
  local got
  got=$(<"$work/$1.$2.ratio")
  awk -v got="$got" -v least="$3" 'BEGIN {exit !(got >= least)}' ||
    { echo "MISSED: gridlight / $1 of $2 is $got, the floor is $3"; missed=1; }
}
floor pgbench within 0.90
floor pgbench status 1.0
exit $missed
