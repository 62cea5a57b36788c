#!/usr/bin/env bash
# Cold tiles at every zoom from 0 to 20, of all layers and some together: time, size and what was dropped, by zoom and layer
#   ./dev bench tiles-walk [COUNT] [A_SECOND]
# The places are those of features. A quarter as many of San José's buildings, too, when GRIDLIGHT_REAL_DATA has them.
# Ends with 1 when at a zoom a p99 is over 20 ms or a tile over 500,000 bytes, with 2 when something was not answered.
# packages: jq
# real: buildings_san_jose.geojsonl.gz
set -euo pipefail
database=${1:?database url} build=${2:?build folder} count=${3:-20000} a_second=${4:-80}
[[ $count =~ ^[1-9][0-9]*$ && $a_second =~ ^[1-9][0-9]*$ ]] || { echo "usage: ./dev bench tiles-walk [COUNT] [A_SECOND]" >&2; exit 2; }
build=$(realpath "$build")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh

clients=2 # each asks when it is due and its last answer is there, so that few tiles wait for each other
most_ms=20 most_bytes=500000 places=2000
query() { psql -X -At -F ' ' -q -v ON_ERROR_STOP=1 "$database" "$@"; }

# find_places LAYER: points of random features, a line each; nothing for a layer that has no place or no feature.
find_places() {
  local relation geometry rows
  read -r relation geometry rows < <(query -c "
    select w.relation::text, coalesce(nullif(w.geometry, ''), '-'), greatest(c.reltuples, 1)::bigint
    from gridlight.watched w join pg_class c on c.oid = to_regclass(w.relation::text) where layer = '$1'") || return 0
  [[ $geometry != - ]] || return 0
  query -c "select ST_X(p), ST_Y(p) from (select ST_PointOnSurface($geometry) p from $relation t
    where random() < 2.0 * $places / $rows and $geometry is not null order by random() limit $places) t where not ST_IsEmpty(p)"
}

# walk NAME COUNT LAYERS...: asks the server NAME for tiles and prints what came.
walk() {
  local name=$1 wanted=$2 layers i found=()
  shift 2
  for layers; do
    find_places "${layers%%,*}" >"$work/places.$layers"
    if [[ -s $work/places.$layers ]]; then found+=("$layers"); else say "$layers: no features, so no tiles"; fi
  done
  ((${#found[@]} > 0)) || fail "there are no features to ask for"
  # Tile i is of zoom i mod 21 and of the next of the layers each time that zoom comes round.
  for layers in "${found[@]}"; do sed "s/^/$layers /" "$work/places.$layers"; done |
    awk -v wanted="$wanted" -v port="${port[$name]}" -v clients=$clients -v to="$work/wanted" '
      {if (!($1 in n)) layer[++layers] = $1; lon[$1, ++n[$1]] = $2; lat[$1, n[$1]] = $3}
      END {
        pi = atan2(0, -1)
        srand(1)
        for (i = 0; i < wanted; ++i) {
          z = i % 21
          l = layer[1 + int(i / 21) % layers]
          at = 1 + int(rand() * n[l])
          r = lat[l, at] * pi / 180
          x = int((lon[l, at] + 180) / 360 * 2 ^ z)
          y = int((1 - log(sin(r) / cos(r) + 1 / cos(r)) / pi) / 2 * 2 ^ z)
          printf "url = http://127.0.0.1:%d/api/postgres/tiles/%s/%d/%d/%d\noutput = /dev/null\n", port, l, z, x, y >(to (i % clients))
        }
      }'
  local asking=()
  for ((i = 0; i < clients; ++i)); do
    as_client curl -s --max-time 30 -H 'Accept-Encoding: gzip' --rate "$((a_second * 60 / clients))/m" -K "$work/wanted$i" \
      -w '%{url} %{http_code} %{time_total} %{size_download} x%header{gridlight-dropped}\n' >"$work/came$i" &
    asking+=("$!")
  done
  for i in "${asking[@]}"; do wait "$i" || fail "$name: not every tile was answered"; done
  cat "$work"/came[0-9]* | sed 's|^http://[^/]*/api/postgres/tiles/\([^/]*\)/\([0-9]*\)/\([0-9]*/[0-9]*\) |\1 \2 \3 |' >"$work/came.$name"
  awk '$4 != 200 && $4 != 204' "$work/came.$name" | head -n 3 | while read -r line; do say "$name: $line"; done
  awk '$4 != 200 && $4 != 204 {exit 1}' "$work/came.$name" || fail "$name: some tiles were not answered"
  print_by 2 zoom "$name" "${found[*]}"
  print_by 1 layers "$name"
}

# print_by FIELD HEAD NAME: a line for each value of the field, and sets missed.
missed=0
print_by() {
  printf '\n%-36s %7s %7s %8s %8s %8s %10s %9s %9s\n' "$3, by $2" tiles empty 'p50 ms' 'p99 ms' 'max ms' 'largest KB' 'shortened' dropped
  sort -k "$1,$1V" -k5,5g "$work/came.$3" | awk -v field="$1" -v most_ms=$most_ms -v most_bytes=$most_bytes -v judges="$([[ $1 == 2 ]] && echo 1)" '
    function quantile(q) {at = int(q * n + 0.999999); return ms[at < 1 ? 1 : at]}
    function tell() {
      if (!n) return
      over = (judges && quantile(0.99) > most_ms) || largest > most_bytes
      printf "%-36s %7d %7d %8.1f %8.1f %8.1f %10.1f %9d %9d%s\n", name, n, empty, quantile(0.5), quantile(0.99), ms[n],
        largest / 1000, shortened, dropped, over ? "  MISSED" : ""
      missed = missed || over
    }
    $field "" != name {tell(); name = $field; n = empty = largest = shortened = dropped = 0}
    {
      ms[++n] = $5 * 1000
      if ($4 == 204) ++empty
      if ($6 > largest) largest = $6
      if (length($7) > 1) {++shortened; dropped += substr($7, 2)}
    }
    END {tell(); exit missed}' || missed=1
}

start_gridlight grid "$build/gridlight" --set tiles.cache_bytes=0 || fail "gridlight did not start"
mapfile -t layers < <(curl -sf "http://127.0.0.1:${port[grid]}/api/postgres/tiles" | jq -r '.tiles[].name')
((${#layers[@]} > 0)) || fail "gridlight does not tell its layers with tiles"
walk grid "$count" "${layers[@]}" topology,power_lines,buildings buildings,water,vegetation,assets

if [[ -n ${BENCH_REAL_URL:-} ]]; then
  database=$BENCH_REAL_URL
  start_gridlight sanjose "$build/gridlight" --set tiles.cache_bytes=0 --config "$BENCH_REAL_CONFIG" || fail "gridlight did not start"
  walk sanjose $(((count + 3) / 4)) buildings_san_jose
else
  say "San José's buildings are left out: GRIDLIGHT_REAL_DATA names no folder that has them, or GRIDLIGHT_DATABASE_URL a database that is not mine"
fi
exit $missed
