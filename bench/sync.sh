#!/usr/bin/env bash
# Lookups in a storm while topology and assets are refreshed whole, one refresh after the other: p99, errors, waits for locks
#   ./dev bench sync [ROUNDS] [SECONDS]
# The source is a Postgres in which all rows differ at every look, so that each refresh swaps the whole table. Beside the
# storm's own lookups there are some on the very table that is refreshed. With a reader, whose transactions of 1.5 s stand in
# the way of the swap. Medians of the rounds. Ends with 1 when a p99 is over 20 ms, an answer failed, no refresh ended, or
# somebody waited over 10 ms for a lock; waits are read from Postgres's log where that can be had.
# packages: jq
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rounds=${3:-5} seconds=${4:-45}
[[ $rounds =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: ./dev bench sync [ROUNDS] [SECONDS]" >&2; exit 2; }
build=$(realpath "$build")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh

most_ms=20 most_lock_ms=10
declare -A relation=([topology]=topology_connections_cache [assets]=grid_assets_cache)
query() { psql -X -At -q -v ON_ERROR_STOP=1 "$database" "$@"; }
# Who may have waits logged is the superuser of the private cluster.
as_superuser() { psql -X -At -q -v ON_ERROR_STOP=1 "${database/\/\/gridlight@/\/\/postgres@}" "$@" 2>/dev/null; }

tidy() {
  query -c 'drop schema if exists bench_source cascade' 2>/dev/null || true
  as_superuser -c "alter database \"$name\" reset log_lock_waits" -c "alter database \"$name\" reset deadlock_timeout" || true
}

# make_source LAYER: a copy of its rows, and a view of it in which every row is new at every look.
make_source() {
  local columns
  columns=$(query -c "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = '${relation[$1]}'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname <> 'last_updated'")
  query -c 'set client_min_messages = warning' -c 'create schema if not exists bench_source' \
    -c "create table bench_source.$1_rows as select $columns from ${relation[$1]}" \
    -c "create view bench_source.$1 as select $columns, clock_timestamp() as last_updated from bench_source.$1_rows"
}

# configure LAYER...: what the server keeps fresh, and how.
configure() {
  local layer
  echo 'sync:'
  echo '  keep_previous: 0s'
  echo '  tables:'
  for layer; do
    echo "    $layer: {mode: mirrored, source: bench_source.$layer, connection: '${database//\'/\'\'}', schedule: 1s, foreign_writes: accept}"
  done
  for layer in outages work_orders circuits topology; do
    [[ " $* " == *" $layer "* ]] || echo "    $layer: {enabled: false}"
  done
}

# storm LAYER: the storm, with a fifth as many lookups on the layer besides.
storm() {
  awk -v layer="$1" '
    /^polls:/ && layer != "" {
      print "  - name: " layer " within 300 m"
      print "    weight: 2"
      print "    get: /api/postgres/layers/" layer "/within?lon={lon}&lat={lat}&radius_m=300&limit=100"
      print "    expect: {type: application/geo+json, shape: features}"
    }
    {print}' bench/scenarios/storm.yaml >"$work/storm.yaml"
}

# read_on LAYER: transactions of 1.5 s that have read the table, until it is killed.
read_on() {
  while :; do
    printf "begin; select 1 from %s limit 1; select pg_sleep(1.5); commit; select pg_sleep(0.5);\n" "${relation[$1]}"
  done | psql -X -At -q "$database" >"$work/reader" 2>&1
}

# longest_wait FROM: milliseconds that somebody waited longest to read a table, of the log's bytes from FROM on.
longest_wait() {
  tail -c "+$1" "$log" | awk '
    / acquired AccessShareLock on relation .* after [0-9.]+ ms/ && !/\/gridlight sync/ {
      sub(/.* after /, "")
      if ($1 + 0 > most) most = $1 + 0
    }
    END {printf "%.1f\n", most}'
}

name=$(query -c 'select current_database()')
tidy
make_source topology
make_source assets
log=
if as_superuser -c "alter database \"$name\" set log_lock_waits = on" -c "alter database \"$name\" set deadlock_timeout = '1ms'"; then
  postmaster=$(as_superuser -c "select split_part(pg_read_file('postmaster.pid', 0, 20), E'\n', 1)")
  log=$(readlink -f "/proc/$postmaster/fd/2" 2>/dev/null || true)
  [[ -r $log ]] || log=
fi
[[ -n $log ]] || say "Postgres's log cannot be read: waits for locks are not told"

runs() { query -c "select count(*) filter (where status = 'success'), count(*) filter (where status = 'failed') from gridlight.sync_run where finished_at >= '$1' and layer = '$2'"; }

# measure CASE LAYER READER: a line of figures of one round.
measure() {
  local since from reader='' done_and_failed waited=- report
  if [[ -n $3 ]]; then
    read_on "$2" &
    reader=$!
    disown "$reader" # so that its end is not told
    sleep 1
  fi
  since=$(query -c 'select now()')
  from=$([[ -z $log ]] || stat -c %s "$log")
  report=$(as_client "$build/gridlight-bench" "$work/storm.yaml" --port "${port[$1]}" --warm-up 2s --duration "${seconds}s" --json --quiet || true)
  if [[ -n $reader ]]; then
    pkill -P "$reader" 2>/dev/null || true
    kill "$reader" 2>/dev/null || true
  fi
  done_and_failed=$(runs "$since" "${2:-none}")
  [[ -z $log ]] || waited=$(longest_wait "$((from + 1))")
  jq -r --arg runs "$done_and_failed" --arg waited "$waited" \
    '"\(.total.p50_ms) \(.total.p99_ms) \(.total.p999_ms) \(.total.errors) \($runs | sub("\\|"; " ")) \($waited)"' <<<"$report"
}

printf '%-24s %8s %8s %8s %8s %10s %8s %10s\n' case 'p50 ms' 'p99 ms' 'p99.9 ms' errors refreshes failed 'lock ms'
wrong=0
for what in none topology topology+reader assets assets+reader; do
  layer=${what%+reader}
  [[ $layer != none ]] || layer=
  # shellcheck disable=SC2086
  configure $layer >"$work/$what.yaml"
  start_gridlight "$what" "$build/gridlight" --config "$work/$what.yaml" || fail "gridlight did not start"
  storm "$layer"
  : >"$work/figures"
  for ((i = 0; i < rounds; ++i)); do
    measure "$what" "$layer" "$([[ $what != *+reader ]] || echo reader)" >>"$work/figures"
  done
  kill "${pid[$what]}"
  wait "${pid[$what]}" 2>/dev/null || true
  column_of() { awk -v i="$1" '{print $i}' "$work/figures"; }
  p99=$(column_of 2 | median) errors=$(column_of 4 | sort -g | tail -n 1) waited=$(column_of 7 | sort -g | tail -n 1)
  ended=$(column_of 5 | awk '{n += $1} END {print n}') failed=$(column_of 6 | awk '{n += $1} END {print n}')
  printf '%-24s %8s %8s %8s %8s %10s %8s %10s\n' "$what" "$(column_of 1 | median)" "$p99" "$(column_of 3 | median)" "$errors" \
    "$ended" "$failed" "$waited"
  if jq -en "$p99 > $most_ms or $errors > 0" >/dev/null; then wrong=1; fi
  if [[ -n $layer && $ended == 0 ]]; then wrong=1; fi
  if [[ $waited != - ]] && jq -en "$waited > $most_lock_ms" >/dev/null; then wrong=1; fi
done
exit "$wrong"
