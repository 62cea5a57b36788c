#!/usr/bin/env bash
# Tiles: cold ones beside pgbench with the textbook SQL, kept ones and 304 beside nginx with the same bytes; in turn
#   ./dev bench tiles [ROUNDS] [SECONDS]
# Ends with 1 when a floor of the design is missed, with 2 when something could not be measured.
# peers: peers/nginx
# packages: jq
# shellcheck disable=SC2317  # observe calls the function that asks
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rounds=${3:-5} seconds=${4:-5}
[[ $rounds =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: ./dev bench tiles [ROUNDS] [SECONDS]" >&2; exit 2; }
build=$(realpath "$build")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh
source bench/lib/turns.sh

# The cold tiles lie in most of the grid, 14,000 of them at z16, so that two clients hardly ever ask for the same one; the
# kept ones in the core of Houston.
cold_area=(-95.75 29.45 -95.15 30.05)
warm_area=(-95.45 29.70 -95.29 29.82)

start_gridlight gridlight "$build/gridlight" || fail "gridlight did not start"
start_gridlight uncached "$build/gridlight" --set tiles.cache_bytes=0 || fail "gridlight did not start"
base=http://127.0.0.1:${port[gridlight]}
find_postmaster

# ------------------------------------------------------------------------------------------------------- questions

# scenario AREA REVALIDATE ZOOMS ENCODING LAYER...: tiles of each layer equally often, the places spread evenly.
scenario() {
  local layer
  printf 'places: {area: [%s]}\nmix:\n' "$1"
  for layer in "${@:5}"; do
    cat <<YAML
  - name: $layer
    get: /api/postgres/tiles/$layer/{tile:$3}
    headers: {Accept-Encoding: $4}
    revalidate: $2
    expect: {status: [200, 204, 304], max_bytes: 2000000}
YAML
  done
}
list() { local IFS=,; echo "$*"; }
for layer in buildings topology; do
  # As pgbench gets them, and as browsers do.
  scenario "$(list "${cold_area[@]}")" false 14-16 identity $layer >"$work/cold-$layer.yaml"
  scenario "$(list "${cold_area[@]}")" false 14-16 gzip $layer >"$work/gzip-$layer.yaml"
done
scenario "$(list "${warm_area[@]}")" false 13-15 gzip buildings topology >"$work/kept.yaml"
scenario "$(list "${warm_area[@]}")" true 13-15 gzip buildings topology >"$work/304.yaml"
cat >"$work/status.yaml" <<'YAML'
mix:
  - name: status
    get: /api/postgres/substations/status
    headers: {Accept-Encoding: gzip}
    expect: {type: application/json}
YAML

# mercator LAT: from the north edge, 0 to 1.
mercator() {
  awk -v lat="$1" 'BEGIN {r = atan2(0, -1) / 180 * lat; printf "%.9f", (1 - log(sin(r) / cos(r) + 1 / cos(r)) / atan2(0, -1)) / 2}'
}
# textbook LAYER TABLE COLUMNS: pgbench's script, over the same tiles.
textbook() {
  cat <<SQL
\set z random(14, 16)
\set side 1 << :z
\set x int((180 + ${cold_area[0]} + (${cold_area[2]} - (${cold_area[0]})) * random(0, 999999) / 1000000.0) / 360 * :side)
\set y int(($(mercator "${cold_area[3]}") + ($(mercator "${cold_area[1]}") - $(mercator "${cold_area[3]}")) * random(0, 999999) / 1000000.0) * :side)
SELECT ST_AsMVT(q, '$1', 4096, 'geom') FROM (
  SELECT $3, ST_AsMVTGeom(ST_Transform(geom, 3857), ST_TileEnvelope(:z, :x, :y), 4096, 64, true) AS geom
  FROM $2 WHERE geom && ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => 64.0 / 4096), 4326)
) q WHERE geom IS NOT NULL;
SQL
}
textbook buildings building_footprints 'building_id, building_name, building_type, height_meters, num_floors' >"$work/cold-buildings.sql"
textbook topology topology_connections_cache \
  'from_asset_id, to_asset_id, from_circuit_id, to_circuit_id, connection_type, last_updated' >"$work/cold-topology.sql"
for layer in buildings topology; do cp "$work/cold-$layer.sql" "$work/gzip-$layer.sql"; done

# ----------------------------------------------------------------------------------------------------------- nginx

# nginx gets what gridlight answers, byte for byte.
say "asking for the tiles that nginx is to serve"
for z in 13 14 15; do
  for layer in buildings topology; do
    awk -v z=$z -v layer=$layer -v base="$base" -v to="$work/files" -v west="${warm_area[0]}" -v east="${warm_area[2]}" \
      -v north="$(mercator "${warm_area[3]}")" -v south="$(mercator "${warm_area[1]}")" 'BEGIN {
        n = 2 ^ z
        for (x = int((west + 180) / 360 * n); x <= int((east + 180) / 360 * n); ++x)
          for (y = int(north * n); y <= int(south * n); ++y) {
            path = "/api/postgres/tiles/" layer "/" z "/" x "/" y
            printf "url = \"%s%s\"\noutput = \"%s%s\"\n", base, path, to, path
          }
      }'
  done
done >"$work/wanted"
curl -sf --create-dirs -H 'Accept-Encoding: gzip' -w '%{http_code}\n' -K "$work/wanted" >"$work/codes" || fail "no answer to a tile"
[[ $(sort -u "$work/codes") == 200 ]] || fail "some of the kept tiles are empty: these places have no data"
kept=$(wc -l <"$work/codes")
kept_bytes=$(find "$work/files" -type f -printf '%s\n' | awk '{sum += $1} END {printf "%.0f", sum / NR}')
mkdir -p "$work/files/api/postgres/substations"
curl -sf -H 'Accept-Encoding: gzip' -o "$work/files/api/postgres/substations/status" "$base/api/postgres/substations/status" ||
  fail "no answer to status"
start nginx bash bench/peers/nginx.sh "$database" "$build" "$work/files"
wait_for_port nginx || exit 2
# Who answers something else is no peer.
for name in $(sed -n "s|^url = \"$base\(.*\)\"|\1|p" "$work/wanted" | shuf -n 20) /api/postgres/substations/status; do
  for system in gridlight nginx; do
    curl -sf -H 'Accept-Encoding: gzip' -D "$work/$system.head" -o "$work/$system.body" "http://127.0.0.1:${port[$system]}$name" ||
      fail "$system does not answer $name"
    grep -qi '^content-encoding: gzip' "$work/$system.head" || fail "$system answers $name without gzip"
  done
  cmp -s "$work/gridlight.body" "$work/nginx.body" || fail "nginx's answer to $name is not gridlight's"
done

# ------------------------------------------------------------------------------------------------------- measuring

systems=(uncached gridlight pgbench nginx)
workloads=(cold-buildings gzip-buildings cold-topology gzip-topology kept 304 status)
for name in {cold,gzip}-{buildings,topology}; do path[uncached.$name]=$work/$name.yaml; done
for system in gridlight nginx; do
  for name in kept 304 status; do
    path[$system.$name]=$work/$name.yaml
    at[$name]=64
  done
done
# Only who answers nearly all with 304 is measured in it.
ask_http() {
  local report
  report=$(ask "${port[$1]}" "${path[$1.$2]}" "$3") || return 1
  if [[ $2 == 304 ]]; then
    awk -v unchanged="$(field "$report" unchanged)" -v ok="$(field "$report" ok)" 'BEGIN {exit !(unchanged > 0.95 * ok)}' ||
      { say "$1 answers too few with 304"; return 1; }
  fi
  echo "$(field "$report" rps) $(field "$report" p50_ms) $(field "$report" p99_ms)"
}
take_turns "$rounds" "$seconds"
printf '\n%d rounds of %d s, %d cores; cold: z14 to z16 at 16 connections; kept: %d tiles of %d bytes in the mean and status: %d bytes, at 64\n\n' \
  "$rounds" "$seconds" "$(nproc)" "$kept" "$kept_bytes" "$(stat -c %s "$work/files/api/postgres/substations/status")"
print_table

floor pgbench cold-buildings 1.5
floor pgbench cold-topology 1.5
floor nginx kept 0.85
floor nginx 304 0.85
floor nginx status 0.5
exit $missed
