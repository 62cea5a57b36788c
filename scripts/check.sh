# shellcheck shell=bash
# ./dev lint and ./dev fuzz. Part of ./dev.

cmd_lint() {
  local files check wrong=0
  install_packages "${clang_packages[@]}" git
  mapfile -t files < <(git ls-files -co --exclude-standard '*.cpp' '*.hpp')
  clang-format-14 --dry-run -Werror "${files[@]}" || wrong=1
  tests/include_direction.sh || wrong=1
  build_page
  for check in check lint; do
    (cd build/static && npm run --silent "$check") || wrong=1
  done
  build release gridlight && tests/hardening.sh build/release/gridlight || wrong=1
  # clang-tidy runs as part of compiling, so that a file is looked at again only when it or a header changed.
  build_flags=(-- -k 0) # all faults, not just the first
  build lint || wrong=1
  ((wrong == 0)) || die "lint found faults"
  say "lint found none"
}

cmd_fuzz() {
  local target corpus found=no seconds=${GRIDLIGHT_FUZZ_SECONDS:-60}
  install_packages "${clang_packages[@]}"
  build fuzz fuzz_targets
  for target in build/fuzz/tests/fuzz/*_fuzz; do
    [[ -x $target && ${target##*/} == ${1:-*}_fuzz ]] || continue
    found=yes
    corpus=$local_dir/fuzz/${target##*/}
    mkdir -p "$corpus"
    say "${target##*/} for $seconds s"
    (cd "$corpus/.." && "$root/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
      "$corpus" 2>"$root/$target.log") || { tail -n 60 "$target.log" >&2; die "${target##*/} found a fault; its input is in .local/fuzz"; }
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$target.log"
  done
  [[ $found == yes ]] || die "there is no such fuzz target"
}
