#!/usr/bin/env bash
# Every shipped scenario against the server: what it bears at p99 20 ms, and how it answers at half of that
#   ./dev bench scenarios [SECONDS]
# A scenario whose routes the server does not have is told. Ratios are those to pgbench with the same SQL, in turn.
# packages: jq
set -euo pipefail
database=${1:?database url} build=${2:?build folder} seconds=${3:-5}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: ./dev bench scenarios [SECONDS]" >&2; exit 2; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh

start_gridlight gridlight "$build/gridlight" || fail "gridlight did not start"
start_gridlight uncached "$build/gridlight" --set tiles.cache_bytes=0 || fail "gridlight did not start"
# load SECONDS SCENARIO OPTIONS...
load() {
  local server=gridlight
  [[ $2 != tiles-cold ]] || server=uncached
  as_client "$build/gridlight-bench" "$2" --port "${port[$server]}" --duration "$1" --json "${@:3}"
}

# pgbench TPS of the SQL that a lookup costs, at places drawn from the assets themselves as the scenarios do.
psql -X -At -q "$database" -c "select format('%s %s', ST_X(geom), ST_Y(geom)) from transformers order by md5(transformer_id) limit 200" >"$work/places"
pgbench=$(command -v pgbench || echo "$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)/pgbench")
limit_of() { # OPERATION ARGUMENTS-AFTER-LON-LAT...
  local operation=$1 sql i=3 argument lon lat files=()
  shift
  sql=$("$build/gridlight" --database-url "$database" sql transformers "$operation")
  for argument; do
    sql=${sql//\$$i/$argument}
    i=$((i + 1))
  done
  while read -r lon lat; do
    files+=(-f "$work/q$lon.sql")
    printf '\\set lon %s\n\\set lat %s\n%s\n' "$lon" "$lat" "$(sed 's/\$1/:lon/g; s/\$2/:lat/g' <<<"$sql")" >"$work/q$lon.sql"
  done < <(head -n 100 "$work/places")
  as_client "$pgbench" -n -M prepared -c 16 -j 2 -T "$seconds" "${files[@]}" "$database" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

printf '%-12s %12s %10s %10s %10s %10s %8s\n' scenario 'max rps' 'of pgbench' 'p50 at 1/2' 'p99 at 1/2' 'p99.9' errors
row() { printf '%-12s %12s %10s %10s %10s %10s %8s\n' "$@"; }
while read -r name _; do
  if ! load 0.5 "$name" >"$work/answer" 2>"$work/complaint" && [[ ! -s $work/answer ]]; then
    row "$name" - - - - - "$(sed -n 's/.*expects: //p' "$work/complaint")"
    continue
  fi
  most=- rate=() ratio=-
  # Those without a mix are asked as they are: their users set the pace.
  if [[ $(jq .rate "$work/answer") != 0 ]]; then
    most=$(load "$seconds" "$name" --find-max --p99 20ms --quiet 2>/dev/null | jq .max_rate)
    rate=(--rate "$(jq -n "$most / 2")")
  fi
  report=$(load "$seconds" "$name" "${rate[@]}" || true)
  case $name in
    lookup) limit=$(limit_of within 500 101) ;;
    nearest) limit=$(limit_of nearest 11) ;;
    *) limit= ;;
  esac
  [[ -z $limit ]] || ratio=$(jq -n "$most / $limit * 100 | round / 100")
  row "$name" "$most" "$ratio" "$(jq .total.p50_ms <<<"$report")" "$(jq .total.p99_ms <<<"$report")" \
    "$(jq .total.p999_ms <<<"$report")" "$(jq .total.errors <<<"$report")"
done < <("$build/gridlight-bench" --list)
