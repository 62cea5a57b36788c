# shellcheck shell=bash
# Debian packages that are wanted, and how they are had where apt has not the version or nothing may be removed. Part of ./dev.

boost_packages=(libboost1.81-dev libboost-system1.81-dev libboost-url1.81-dev)
build_packages=(
  g++ cmake ninja-build ccache pkg-config curl
  libpq-dev libgeos-dev libsimdjson-dev libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev libssl-dev zlib1g-dev
  libdeflate-dev libjemalloc-dev doctest-dev libbenchmark-dev libprotozero-dev
)
postgres_packages=(postgresql-15 postgresql-15-postgis-3 postgresql-15-postgis-3-scripts)
clang_packages=(clang-16 libclang-rt-16-dev clang-tidy-16 clang-format-14)

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# missing PACKAGE...: prints those that are not installed.
missing() {
  local package installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package; do
    [[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || echo "$package"
  done
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" \
    </dev/null >>"$local_dir/apt.log" 2>&1
}

# install_packages PACKAGE...: installs those that are missing.
install_packages() {
  local list
  mapfile -t list < <(missing "$@")
  ((${#list[@]} > 0)) || return 0
  command -v apt-get >/dev/null || die "this is made for Debian 12; these of its packages are missing: ${list[*]}"
  ((EUID == 0)) || command -v sudo >/dev/null ||
    die "packages are missing; have them installed by: apt-get install --no-install-recommends ${list[*]}"
  mkdir -p "$local_dir"
  say "installing ${list[*]} (log: .local/apt.log)"
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt_get update || true
  # Old lists name versions that are gone: refresh them only then, it takes long.
  apt_get install --no-remove --no-install-recommends "${list[@]}" ||
    { apt_get update && apt_get install --no-remove --no-install-recommends "${list[@]}"; } ||
    { tail -n 20 "$local_dir/apt.log" >&2; die "could not do: apt-get install --no-install-recommends ${list[*]}"; }
}

# Debian's Boost 1.81 headers conflict with those of any other Boost. Whoever has another one keeps it: ours is then
# unpacked under .local/, where configure() finds it.
install_boost() {
  local others
  others=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 'libboost1.*-dev' 2>/dev/null |
    grep -v '^libboost1\.81-dev ' | grep ' installed$' || true)
  if [[ -z $others ]]; then
    install_packages "${boost_packages[@]}"
  elif [[ ! -e $local_dir/boost/usr ]]; then
    install_packages libboost-url1.81.0
    say "unpacking Boost 1.81 under .local/boost, beside your ${others%% *}"
    rm -rf "$local_dir/boost.new"
    mkdir -p "$local_dir/boost.new"
    (
      cd "$local_dir/boost.new"
      apt-get -q download "${boost_packages[@]}" libboost-url1.81.0 libboost-system1.81.0 >>"$local_dir/apt.log" 2>&1 ||
        die "could not download Boost 1.81; see .local/apt.log"
      for deb in ./*.deb; do dpkg -x "$deb" .; done
      rm -f ./*.deb
    )
    mv "$local_dir/boost.new" "$local_dir/boost"
    rm -f build/*/configured-by-dev
  fi
}

# Debian's server package makes a cluster "main" and starts it; nobody asked for one, so it is told not to.
install_postgres() {
  local switch=/etc/postgresql-common/createcluster.d/gridlight.conf
  if [[ -n $(missing postgresql-15) ]]; then
    install_packages postgresql-common
    (
      trap 'as_root rm -f "$switch"' EXIT
      as_root mkdir -p "${switch%/*}"
      as_root tee "$switch" <<<'create_main_cluster = false' >/dev/null
      install_packages "${postgres_packages[@]}"
    )
  fi
  install_packages "${postgres_packages[@]}"
}

# unpack_package PACKAGE: puts its files under .local/unpacked/PACKAGE, for a program whose package would start a service.
unpack_package() {
  local to=$local_dir/unpacked/$1
  [[ ! -d $to ]] || return 0
  say "unpacking $1 under .local/unpacked"
  rm -rf "$to.new"
  mkdir -p "$to.new"
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt_get update || true
  (
    cd "$to.new"
    download() { apt-get -q download "$1" >>"$local_dir/apt.log" 2>&1; }
    download "$1" || { apt_get update && download "$1"; } || die "could not download $1; see .local/apt.log"
    dpkg -x ./*.deb .
    rm -f ./*.deb
  )
  mv "$to.new" "$to"
}
