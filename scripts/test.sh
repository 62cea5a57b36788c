# shellcheck shell=bash
# ./dev test and ./dev soak. Part of ./dev.

find_real_data() {
  if [[ -z ${GRIDLIGHT_REAL_DATA:-} && -d $root/../shared/data/real ]]; then
    export GRIDLIGHT_REAL_DATA=$root/../shared/data/real
  fi
}

# Afterwards GRIDLIGHT_TEST_DATABASE_URL names a cluster in which tests may make databases.
use_test_cluster() {
  local name pid
  if [[ -z ${GRIDLIGHT_TEST_DATABASE_URL:-} ]]; then
    start_cluster
    export GRIDLIGHT_TEST_DATABASE_URL
    GRIDLIGHT_TEST_DATABASE_URL=$(private_uri postgres postgres)
    private_psql -d postgres -c "comment on database gridlight_template is '$disposable_mark'"
    # A test that was killed leaves its database, whose name tells the process.
    for name in $(private_psql -d postgres -c "select datname from pg_database where datname like 'gridlight\_test\_%'"); do
      pid=${name#gridlight_test_}
      kill -0 "${pid%%_*}" 2>/dev/null ||
        private_psql -d postgres -c "drop database if exists $name with (force)"
    done
  fi
  find_real_data
  # Tests give each server its database themselves.
  unset GRIDLIGHT_DATABASE_URL
}

# What reads tiles in tests: GDAL, and the packages of tests/tiles_js under build/tiles_js. Whoever has node has it from
# where he likes. Without the packages their test skips, and says so.
install_tile_readers() {
  local list=() to=build/tiles_js
  { command -v node && command -v npm; } >/dev/null || list+=(nodejs npm)
  command -v ogr2ogr >/dev/null || list+=(gdal-bin)
  install_packages "${list[@]}"
  [[ $to/installed -nt tests/tiles_js/package-lock.json ]] && return
  say "installing the packages of tests/tiles_js under $to"
  mkdir -p "$to"
  cp tests/tiles_js/package.json tests/tiles_js/package-lock.json "$to"
  if npm ci --prefix "$to" --no-audit --no-fund >"$to/log" 2>&1; then
    touch "$to/installed"
  else
    say "that failed; see $to/log"
  fi
}

# What tests look at the package's files with: pages of the manual, rules for alerts. The package of promtool would start
# a Prometheus.
install_checkers() {
  install_packages mandoc
  if ! command -v promtool >/dev/null; then
    unpack_package prometheus
    export PATH=$local_dir/unpacked/prometheus/usr/bin:$PATH
  fi
}

# run_tests PRESET FILTER TIMEOUT
run_tests() {
  local preset=$1 filter=$2 timeout=$3 arguments=() wrap=()
  use_test_cluster
  build "$preset"
  install_tile_readers
  install_checkers
  [[ -z $filter ]] || arguments+=(-R "$filter")
  case $preset in
    asan)
      arguments+=(-L '^(unit|db)$')
      export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
      ;;
    tsan)
      arguments+=(-L '^(unit|db)$')
      export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
      # g++ 12's runtime knows only the address layouts of kernels with little randomisation.
      if setarch -R true 2>/dev/null; then wrap=(setarch -R); fi
      ;;
  esac
  "${wrap[@]}" ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error --timeout "$timeout" \
    "${arguments[@]}"
}

cmd_test() {
  local preset=dev
  case ${1:-} in
    asan | tsan)
      preset=$1
      shift
      ;;
  esac
  (($# <= 1)) || die "usage: ./dev test [asan|tsan] [FILTER]"
  run_tests "$preset" "${1:-}" 300
}

cmd_soak() {
  export GRIDLIGHT_SOAK=1
  run_tests dev "${1:-}" 86400
}
