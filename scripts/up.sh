# shellcheck shell=bash
# ./dev up. Part of ./dev.

query() { "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$GRIDLIGHT_DATABASE_URL" -c "$1"; }

# fill_database SCALE SEED: loads demo data. When neither was asked for (both are empty), whatever is there stays.
# demo-data itself refuses to replace rows that it did not write, whoever says --yes.
fill_database() {
  local scale=${1:-0.1} seed=${2:-1} enough
  if [[ -n $1$2 ]]; then
    enough="exists (select from gridlight.demo_data where scale = $scale and seed = $seed)"
  else
    enough='exists (select from substations) or exists (select from transformers)'
  fi
  if [[ $(query "select $enough") == f ]]; then
    say "loading demo data, scale $scale, seed $seed"
    build/release/gridlight demo-data --scale "$scale" --seed "$seed" --yes
  fi
}

# A Snowflake with the demo's tables in a database of its own, and a configuration that syncs from it.
live_dir=$local_dir/live
start_live() {
  local scale seed
  install_packages openssl
  IFS='|' read -r scale seed < <(query "select scale, seed from gridlight.demo_data")
  [[ -n $scale ]] || die "--live wants the demo's grid, and the database holds another: ./dev db reset makes room for it"
  make_database gridlight_live gridlight
  mkdir -p "$live_dir"
  rm -f "$live_dir/told"
  build/release/snowflake-emulator --database-url "$(private_uri gridlight gridlight_live)" --folder "$live_dir" \
    --tables --scale "$scale" --seed "$seed" --storm 1 >"$live_dir/told" &
  live_pid=$!
  trap 'kill -TERM $live_pid 2>/dev/null || true' EXIT
  until grep -qsx ready "$live_dir/told"; do
    kill -0 "$live_pid" 2>/dev/null || die "snowflake-emulator has ended"
    sleep 0.1
  done
}

cmd_up() {
  local port=8080 scale='' seed='' live='' build=yes base server status=0
  local programs=(gridlight) program flags=() more=''
  while (($# > 0)); do
    case $1 in
      --port=* | --scale=* | --seed=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      --port | --scale | --seed)
        [[ ${2:-} =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$1 needs a number"
        declare "${1#--}=$2"
        shift 2
        ;;
      --live)
        live=yes
        programs+=(snowflake-emulator)
        shift
        ;;
      --no-build)
        build=no
        shift
        ;;
      *) die "up takes --port N, --scale S, --seed N, --live and --no-build, not $1" ;;
    esac
  done
  base=http://127.0.0.1:$port
  [[ -z $live || -z ${GRIDLIGHT_DATABASE_URL:-} ]] ||
    die "--live keeps its Snowflake in the private cluster: unset GRIDLIGHT_DATABASE_URL"
  # Told before the build, not after it.
  if port_taken "$port"; then die "port $port is taken: stop what listens there, or say ./dev up --port N"; fi
  use_database
  if [[ $build == yes ]]; then build release "${programs[@]}"; fi
  for program in "${programs[@]}"; do
    [[ -x build/release/$program ]] || die "build/release/$program is not built: leave --no-build out"
  done
  build/release/gridlight migrate
  fill_database "$scale" "$seed"

  if [[ -n $live ]]; then
    start_live
    flags=(--config "$live_dir/gridlight.yaml")
    more="
  curl -N '$base/api/postgres/events'
  curl '$base/api/postgres/sync/status'"
  fi
  build/release/gridlight "${flags[@]}" serve --port "$port" &
  server=$!
  trap 'kill -TERM $server 2>/dev/null || true' INT TERM
  for _ in {1..100}; do
    curl -sf -o /dev/null --max-time 2 "$base/ready" && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$server" 2>/dev/null; then
    cat <<TEXT

The map is at $base, how the server does at $base/status, what it answers at $base/docs. Try:

  curl '$base/api/postgres/layers/transformers/within?lon=-95.3698&lat=29.7604&radius_m=500&limit=3'
  curl '$base/api/postgres/layers/transformers/nearest?lon=-95.3698&lat=29.7604&limit=3'
  curl '$base/api/postgres/substations/status'$more

Ctrl-C stops the server. The database runs on, so that the next ./dev up is quick; ./dev db stop ends it.

TEXT
  fi
  # A signal ends `wait` before the server has drained.
  while kill -0 "$server" 2>/dev/null; do
    wait "$server" && status=0 || status=$?
  done
  ((status < 128)) || status=0
  exit "$status"
}
