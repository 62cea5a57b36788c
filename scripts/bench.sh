# shellcheck shell=bash
# ./dev bench. Part of ./dev.

# install_for_bench NAME: what the script's head asks for, in lines "# packages: …", "# unpacked: …" (see unpack_package)
# and "# peers: …", scripts whose lines count as well.
install_for_bench() {
  local name package list
  for name in "$1" $(bench_head peers "$1"); do
    read -r -a list < <(bench_head packages "$name") || true
    ((${#list[@]} == 0)) || install_packages "${list[@]}"
    read -r -a list < <(bench_head unpacked "$name") || true
    for package in "${list[@]}"; do unpack_package "$package"; done
  done
}
bench_head() { sed -n "s/^# $1: //p" "bench/$2.sh"; }

# load_real FILE: a database with one layer, which is made of a file of real data. Sets BENCH_REAL_URL and
# BENCH_REAL_CONFIG; neither when that data is not there.
load_real() {
  local layer=${1%%.*} file
  find_real_data
  file=${GRIDLIGHT_REAL_DATA:-/nonexistent}/$1
  [[ -r $file ]] || return 0
  make_database "gridlight_bench_$layer" gridlight
  export BENCH_REAL_URL BENCH_REAL_CONFIG=$local_dir/bench_$layer.yaml
  BENCH_REAL_URL=$(socket_uri gridlight "gridlight_bench_$layer")
  (
    export GRIDLIGHT_DATABASE_URL=$BENCH_REAL_URL
    build/release/gridlight migrate
    if [[ ! -s $BENCH_REAL_CONFIG || $(query "select to_regclass('$layer') is null") == t ]]; then
      say "loading $1"
      query "drop table if exists $layer"
      echo layers: >"$BENCH_REAL_CONFIG.new"
      build/release/gridlight load --create "$file" >>"$BENCH_REAL_CONFIG.new"
      mv "$BENCH_REAL_CONFIG.new" "$BENCH_REAL_CONFIG"
    fi
    build/release/gridlight --config "$BENCH_REAL_CONFIG" tiles build >/dev/null
  )
}

# Scripts get the URL of a database with a full-size grid, the build folder, and the arguments; those that say
# "# database: none" an empty URL when none is named. "# real: FILE": see load_real.
cmd_bench() {
  local name=${1:-} scale=${GRIDLIGHT_BENCH_SCALE:-1} real
  export -n GRIDLIGHT_BENCH_SCALE # no setting of the server's, which refuses what it does not know
  if [[ -z $name ]]; then
    for name in bench/*.sh; do
      name=${name#bench/}
      printf '%-12s %s\n' "${name%.sh}" "$(sed -n '2s/^# *//p' "bench/$name")"
    done
    return
  fi
  shift
  [[ -f bench/$name.sh ]] || die "there is no bench/$name.sh; ./dev bench lists what there is"
  install_for_bench "$name"
  if [[ -z ${GRIDLIGHT_DATABASE_URL:-} && $(bench_head database "$name") != none ]]; then
    start_cluster
    make_database gridlight_bench gridlight
    GRIDLIGHT_DATABASE_URL=$(socket_uri gridlight gridlight_bench)
    export GRIDLIGHT_DATABASE_URL
    build release
    build/release/gridlight migrate
    fill_database "$scale" 1
    # So that no server makes them while it is measured.
    build/release/gridlight tiles build >/dev/null
    real=$(bench_head real "$name")
    [[ -z $real ]] || load_real "$real"
  fi
  build release
  exec bash "bench/$name.sh" "${GRIDLIGHT_DATABASE_URL:-}" build/release "$@"
}
