#!/usr/bin/env bash
# Lookups beside the database's own limit: gridlight and pgbench ask the same SQL of the same PostGIS, in turn, in
# one run, on the same cores. Prints medians and ratios; ends with exit code 1 when a floor of performance.md is missed.
# The status of all substations is kept by its versions: Postgres is asked for it only when they change.
#   bench/lookups.sh DATABASE_URL BUILD_DIR [ROUNDS] [SECONDS]
# DATABASE_URL names a database with demo data (scale 1 for figures that count); `./dev bench lookups` makes it.
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rounds=${3:-5} seconds=${4:-5}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh
area=-95.45,29.70,-95.29,29.82   # the core of Houston

start_gridlight gridlight "$build/gridlight" || fail "gridlight did not start"
find_postmaster
[[ -n $postmaster ]] || fail "the database must be on this machine: its CPU time is measured"

# pgbench's scripts: the server's own SQL with pgbench's variables in the place of $1, $2, …
point='\set lon -95.45 + random(0, 1600000) / 10000000.0
\set lat 29.70 + random(0, 1200000) / 10000000.0'
{ echo "$point"; "$build/gridlight" --database-url "$database" sql transformers within |
    sed 's/\$1/:lon/g; s/\$2/:lat/g; s/\$3/500/g; s/\$4/101/g'; } >"$work/within.sql"
{ echo "SELECT json_agg(t) FROM ("; "$build/gridlight" --database-url "$database" sql substations status |
    sed 's/;$//'; echo ") t;"; } >"$work/status.sql"

pgbench=$(command -v pgbench || echo "$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)/pgbench")
limit() { as_client "$pgbench" -n -M prepared -c $connections -j 2 -T "$seconds" -f "$1" "$database" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }

declare -A path=(
  [within]='/api/postgres/layers/transformers/within?lon={lon}&lat={lat}&radius_m=500&limit=100'
  [nearest]='/api/postgres/layers/transformers/nearest?lon={lon}&lat={lat}&limit=10'
  [features]='/api/postgres/layers/buildings/features?bbox={bbox:0.01}&limit=1000'
  [status]='/api/postgres/substations/status'
)
missed=0
floor() { awk -v got="$2" -v want="$3" 'BEGIN {exit !(got >= want)}' || { echo "MISSED: $1 is $2, the floor is $3"; missed=1; }; }

for name in within status; do
  limit "$work/$name.sql" >/dev/null   # warms the cache
  for _ in $(seq "$rounds"); do
    limit "$work/$name.sql" >>"$work/$name.limit"
    observe "${pid[gridlight]}" ask "${port[gridlight]}" "${path[$name]}" "$seconds"
    report=$(<"$work/answer")
    field "$report" rps >>"$work/$name.rps"
    awk '{print ($2 > 0) ? $1 / $2 : 0}' <<<"$usage" >>"$work/$name.cpu"
    awk -v n="$(field "$report" ok)" '{printf "%.1f %.1f\n", $1 / n * 1e6, $2 / n * 1e6}' <<<"$usage" >>"$work/$name.us"
    awk '{print $4 / $5}' <<<"$usage" >>"$work/others"
  done
  own=$(median <"$work/$name.rps") ref=$(median <"$work/$name.limit") share=$(median <"$work/$name.cpu")
  ratio=$(awk -v a="$own" -v b="$ref" 'BEGIN {printf "%.3f", a / b}')
  printf '%-9s gridlight %8.0f rps   pgbench %8.0f tps   ratio %s   server CPU / Postgres CPU %.3f   (µs a request, server Postgres: %s)\n' \
    "$name" "$own" "$ref" "$ratio" "$share" "$(tail -1 "$work/$name.us")"
  [[ $name == within ]] && { floor "within/pgbench" "$ratio" 0.90; floor "1 - server/Postgres CPU of within" "$(awk -v x="$share" 'BEGIN {print 1 - x}')" 0.80; }
  [[ $name == status ]] && floor "status/pgbench" "$ratio" 1.0
done

echo "open load at half of capacity, $connections connections"
for name in within nearest features status; do
  capacity=$(field "$(ask "${port[gridlight]}" "${path[$name]}" "$seconds")" rps)
  for _ in $(seq "$rounds"); do
    report=$(ask "${port[gridlight]}" "${path[$name]}" "$seconds" --rate "$(awk -v c="$capacity" 'BEGIN {printf "%.0f", c / 2}')")
    field "$report" p50_ms >>"$work/$name.p50"
    field "$report" p99_ms >>"$work/$name.p99"
  done
  p99=$(median <"$work/$name.p99")
  printf '%-9s capacity %8.0f rps   at half of it p50 %.2f ms  p99 %.2f ms\n' "$name" "$capacity" "$(median <"$work/$name.p50")" "$p99"
  floor "20 ms - p99 of $name" "$(awk -v p="$p99" 'BEGIN {print 20 - p}')" 0
done
tell_noise
exit $missed
