# shellcheck shell=bash
# ./dev package and ./dev image. Part of ./dev.

cmd_package() {
  local package faults
  [[ ${1:---try} == --try ]] || die "usage: ./dev package [--try]"
  install_packages dpkg-dev file binutils gzip
  build release
  say 'packing (log: build/release/package.log)'
  (cd build/release && rm -f gridlight_*.deb && cpack -G DEB >package.log 2>&1) ||
    { tail -n 20 build/release/package.log >&2; die 'it could not be packed'; }
  package=$(compgen -G 'build/release/gridlight_*.deb')
  install_packages lintian
  faults=$(lintian --allow-root --fail-on error,warning "$package" 2>&1) || { echo "$faults" >&2; die "lintian is not content"; }
  [[ -z $faults ]] || echo "$faults" >&2
  say "$package: $(du -h "$package" | cut -f 1)"
  [[ -n ${1:-} ]] || return 0
  ((EUID == 0)) || die '--try boots a system in namespaces, which wants root'
  install_packages debootstrap iproute2 procps
  packaging/try.sh "$package" "$local_dir/try"
}

cmd_image() {
  [[ ${1:---try} == --try ]] || die "usage: ./dev image [--try]"
  install_packages buildah crun
  if [[ -z ${1:-} ]]; then
    buildah bud --format docker -t gridlight:0.1.0 .
    return
  fi
  ((EUID == 0)) || die '--try makes its base by debootstrap, which wants root'
  install_packages podman conmon debootstrap ccache
  start_cluster
  private_psql -d postgres -c 'drop database if exists gridlight_image with (force)'
  make_database gridlight_image gridlight
  packaging/try_image.sh "$local_dir/try/image" "$(private_uri gridlight gridlight_image)" "$(ccache -k cache_dir)"
}
