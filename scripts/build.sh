# shellcheck shell=bash
# Compiling by presets, and the map page. Part of ./dev.

# configure PRESET: runs CMake when it never ran here, or when the presets changed since.
configure() {
  local stamp=build/$1/configured-by-dev flags=()
  [[ $stamp -nt CMakePresets.json ]] && return
  [[ -d $local_dir/boost ]] && flags+=("-DCMAKE_PREFIX_PATH=$local_dir/boost/usr")
  cmake --preset "$1" "${flags[@]}" >&2
  touch "$stamp"
}

# build_page: the map page, from static/ into build/static/dist, which CMake compiles into the program: made anew when static/ has
# changed. Without network the program is built without it, and says so at /.
build_page() {
  mkdir -p build
  (flock 8 && make_page) 8>build/static.lock
}
make_page() {
  local to=build/static list=() sum
  sum=$(find static -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  [[ -s $to/made-of && $(<"$to/made-of") == "$sum" ]] && return
  { command -v node && command -v npm; } >/dev/null || list+=(nodejs npm)
  install_packages "${list[@]}"
  say "building the map page (log: $to/log)"
  mkdir -p "$to"
  find "$to" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name 'installed*' -exec rm -rf {} +
  cp -R static/. "$to"
  if ! cmp -s "$to/package-lock.json" "$to/installed"; then
    rm -f "$to/installed"
    npm ci --prefix "$to" --ignore-scripts --prefer-offline --no-audit --no-fund >"$to/log" 2>&1 ||
      { say "its packages cannot be installed; the program is built without it. See $to/log"; return 0; }
    cp "$to/package-lock.json" "$to/installed"
  fi
  (cd "$to" && npm run --silent build) >>"$to/log" 2>&1 || { tail -n 20 "$to/log" >&2; die "the map page cannot be built"; }
  echo "$sum" >"$to/made-of"
}

install_build_packages() {
  install_packages "${build_packages[@]}"
  install_boost
}

build_flags=()
# build PRESET [TARGET...]
build() {
  local preset=$1 targets=() jobs memory_jobs
  shift
  (($# == 0)) || targets=(--target "$@")
  install_build_packages
  # A heavy source takes a gigabyte and more to compile.
  jobs=$(nproc)
  memory_jobs=$(awk '/MemAvailable/ {print int($2 / 1500000) + 1}' /proc/meminfo)
  ((memory_jobs < jobs)) && jobs=$memory_jobs
  mkdir -p build
  (
    flock 9
    # What ccache needs to serve files that use a precompiled header, and another clone of the same sources.
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
    [[ $preset == fuzz ]] || build_page
    configure "$preset"
    cmake --build --preset "$preset" -j "$jobs" "${targets[@]}" "${build_flags[@]}" >&2
  ) 9>"build/$preset.lock"
}
