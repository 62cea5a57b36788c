#!/usr/bin/env bash
# Lookups beside the database's own limit: gridlight and pgbench ask the same SQL of the same PostGIS, in turn, in
# one run, on the same cores. Prints medians and ratios; ends with exit code 1 when a floor of performance.md is missed.
#   bench/lookups.sh DATABASE_URL BUILD_DIR [ROUNDS] [SECONDS]
# DATABASE_URL names a database with demo data (scale 1 for figures that count); `./dev bench lookups` makes it.
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rounds=${3:-5} seconds=${4:-5}
work=$(mktemp -d)
server_pid=
cleanup() { [[ -z $server_pid ]] || kill "$server_pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
area=-95.45,29.70,-95.29,29.82   # the core of Houston
connections=16

sql() { psql -X -At -q "$database" -c "$1"; }
pg_bin=$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)
pgbench=$(command -v pgbench || echo "$pg_bin/pgbench")

"$build/gridlight" --database-url "$database" serve --port 0 --set log.access=false 2>"$work/log" &
server_pid=$!
for _ in $(seq 100); do
  port=$(sed -n 's|.*listening on http://127.0.0.1:\([0-9]*\).*|\1|p' "$work/log")
  [[ -n $port ]] && curl -sf "http://127.0.0.1:$port/ready" >/dev/null && break
  sleep 0.1
done
[[ -n $port ]] || { cat "$work/log" >&2; exit 2; }

# pgbench's scripts: the server's own SQL with pgbench's variables in the place of $1, $2, …
point='\set lon -95.45 + random(0, 1600000) / 10000000.0
\set lat 29.70 + random(0, 1200000) / 10000000.0'
{ echo "$point"; "$build/gridlight" --database-url "$database" sql transformers within |
    sed 's/\$1/:lon/g; s/\$2/:lat/g; s/\$3/500/g; s/\$4/101/g'; } >"$work/within.sql"
{ echo "SELECT json_agg(t) FROM ("; "$build/gridlight" --database-url "$database" sql substations status |
    sed 's/;$//'; echo ") t;"; } >"$work/status.sql"

# CPU seconds used so far by the server, and by the backends that serve it.
tick=$(getconf CLK_TCK)
cpu() { local t=0 p; for p in "$@"; do t=$((t + $(awk '{print $14 + $15}' "/proc/$p/stat" 2>/dev/null || echo 0))); done; echo "$t"; }
backends() { sql "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'gridlight%' AND pid <> pg_backend_pid()"; }

# Both clients run as SCHED_BATCH: they stand for ones on other machines, which do not interrupt who serves them.
as_client() { chrt --batch 0 "$@"; }
ask() { as_client "$build/gridlight-bench" "$1" --port "$port" --connections $connections --area=$area --duration "$seconds" --json "${@:2}"; }
field() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" <<<"$1"; }
limit() { as_client "$pgbench" -n -M prepared -c $connections -j 2 -T "$seconds" -f "$1" "$database" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
median() { sort -g | awk '{v[NR]=$1} END {print (NR % 2) ? v[(NR+1)/2] : (v[NR/2] + v[NR/2+1]) / 2}'; }

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
    mapfile -t pids < <(backends)
    s0=$(cpu "$server_pid") d0=$(cpu "${pids[@]}")
    report=$(ask "${path[$name]}")
    s1=$(cpu "$server_pid") d1=$(cpu "${pids[@]}")
    field "$report" rps >>"$work/$name.rps"
    awk -v s=$((s1 - s0)) -v d=$((d1 - d0)) 'BEGIN {print s / d}' >>"$work/$name.cpu"
    awk -v s=$((s1 - s0)) -v d=$((d1 - d0)) -v t="$tick" -v n="$(field "$report" ok)" \
      'BEGIN {printf "%.1f %.1f\n", s / t / n * 1e6, d / t / n * 1e6}' >>"$work/$name.us"
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
  capacity=$(field "$(ask "${path[$name]}")" rps)
  for _ in $(seq "$rounds"); do
    report=$(ask "${path[$name]}" --rate "$(awk -v c="$capacity" 'BEGIN {printf "%.0f", c / 2}')")
    field "$report" p50_ms >>"$work/$name.p50"
    field "$report" p99_ms >>"$work/$name.p99"
  done
  p99=$(median <"$work/$name.p99")
  printf '%-9s capacity %8.0f rps   at half of it p50 %.2f ms  p99 %.2f ms\n' "$name" "$capacity" "$(median <"$work/$name.p50")" "$p99"
  floor "20 ms - p99 of $name" "$(awk -v p="$p99" 'BEGIN {print 20 - p}')" 0
done
exit $missed
