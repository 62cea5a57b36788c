#!/usr/bin/env bash
# The working tree beside another revision, on the same database: ratios with their spread
#   ./dev bench compare REV [ROUNDS] [SECONDS]
# Ends with 1 when the working tree was slower by more than 5 % and in every round, with 2 when REV cannot be measured.
# packages: git jq
set -euo pipefail
database=${1:?database url} build=${2:?build folder} rev=${3:-} rounds=${4:-4} seconds=${5:-3}
[[ -n $rev && $rev != -* && $rounds =~ ^[1-9][0-9]*$ && $seconds =~ ^[1-9][0-9]*$ ]] ||
  { echo "usage: ./dev bench compare REV [ROUNDS] [SECONDS]" >&2; exit 2; }
build=$(realpath "$build")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source bench/lib/measure.sh
area=-95.45,29.70,-95.29,29.82 # the core of Houston

# --------------------------------------------------------------------------------------------------- the other one

commit=$(git rev-parse --verify --quiet "$rev^{commit}") ||
  fail "there is no revision $rev here (a commit, branch or tag; git log --oneline lists some)"
tree=$PWD/.local/compare/tree
mkdir -p "${tree%/*}"
exec 9>"${tree%/*}/lock"
flock -n 9 || fail "another ./dev bench compare runs here"
tidy() {
  git worktree remove --force "$tree" 2>/dev/null || rm -rf "$tree"
  git worktree prune
}
tidy # what a killed run left
git worktree add --quiet --detach "$tree" "$commit"

# As dev builds, but the server alone.
build_other() (
  cd "$tree"
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  export CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=1
  flags=(-DGRIDLIGHT_TESTS=OFF -DGRIDLIGHT_BENCH=OFF)
  [[ ! -d ../../boost ]] || flags+=("-DCMAKE_PREFIX_PATH=$(cd ../../boost/usr && pwd)")
  cmake --preset release "${flags[@]}" && cmake --build --preset release -j "$(nproc)" --target gridlight
)
say "building $rev ($(git log -1 --format='%h %s' "$commit"))"
build_other >"$work/build.log" 2>&1 9>&- || {
  grep -E -m 5 -A 3 '(^|[^A-Za-z])[Ee]rror[: ]' "$work/build.log" >&2 || tail -n 20 "$work/build.log" >&2
  fail "$rev does not build here; nothing was measured"
}

start_gridlight new "$build/gridlight" 9>&- || fail "the working tree's server did not start"
start_gridlight old "$tree/build/release/gridlight" 9>&- ||
  fail "$rev's server refuses this database, which the working tree has migrated; nothing was measured"
find_postmaster
# /ready says why not, such as a schema that REV does not know.
not_ready=$(curl -s --max-time 5 "http://127.0.0.1:${port[old]}/ready" | jq -r 'select(.status != "ready")' 2>/dev/null || true)
[[ -z $not_ready ]] || say "$rev says that it is not ready with the database of the working tree: $(jq -c . <<<"$not_ready")"

declare -A path=(
  [within]='/api/postgres/layers/transformers/within?lon={lon}&lat={lat}&radius_m=500&limit=100'
  [nearest]='/api/postgres/layers/transformers/nearest?lon={lon}&lat={lat}&limit=10'
  [features]='/api/postgres/layers/buildings/features?bbox={bbox:0.01}&limit=1000'
  [status]='/api/postgres/substations/status'
)
# one SIDE WORKLOAD: its answer to a fixed question; prints the status.
one() {
  curl -s --max-time 10 -o "$work/$1.$2.answer" -w '%{http_code}' \
    "http://127.0.0.1:${port[$1]}$(sed 's/{lon}/-95.37/; s/{lat}/29.76/; s/{bbox:0.01}/-95.375,29.755,-95.365,29.765/' <<<"${path[$2]}")" || true
}
workloads=()
for name in within nearest features status; do
  code=$(one new "$name")
  [[ $code == 200 ]] || fail "the working tree answers $name with $code"
  code=$(one old "$name")
  if [[ $code != 200 ]]; then
    say "$name is left out: $rev answers it with $code $(head -c 300 "$work/old.$name.answer" 2>/dev/null || true)"
    continue
  fi
  cmp -s "$work/old.$name.answer" "$work/new.$name.answer" ||
    say "their answers to $name differ ($(stat -c %s "$work/old.$name.answer") and $(stat -c %s "$work/new.$name.answer") bytes): the work is not the same"
  workloads+=("$name")
done
((${#workloads[@]} > 0)) || fail "$rev's server answers nothing from this database; nothing was measured"

# ------------------------------------------------------------------------------------------------------- measuring

# measure SIDE WORKLOAD SECONDS: into $work/SIDE.WORKLOAD requests/s, p99 in ms, µs of the server's CPU a request.
measure() {
  local report server others elapsed
  observe "${pid[$1]}" ask "${port[$1]}" "${path[$2]}" "$3" ||
    { tail -n 5 "$work/$1.log" >&2; fail "$1 could not be measured with $2"; }
  report=$(<"$work/answer")
  read -r server _ _ others elapsed <<<"$usage"
  awk -v s="$server" -v n="$(field "$report" ok)" -v rps="$(field "$report" rps)" -v p99="$(field "$report" p99_ms)" \
    'BEGIN {print rps, p99, s / n * 1e6}' >>"$work/$1.$2"
  awk -v o="$others" -v t="$elapsed" 'BEGIN {print o / t}' >>"$work/others"
}
# Within a round the sides are old, new, new, old: what drifts evenly hits both alike.
for name in "${workloads[@]}"; do
  for side in old new; do measure $side "$name" 1; done
done
rm -f "$work"/{old,new}.{within,nearest,features,status} "$work/others" # that was the warm-up
for ((i = 1; i <= rounds; ++i)); do
  say "round $i of $rounds"
  for name in "${workloads[@]}"; do
    for side in old new new old; do measure $side "$name" "$seconds"; done
  done
done

# ------------------------------------------------------------------------------------------------------- the table

# per_round SIDE WORKLOAD FIELD: the mean of a round's two, one a line.
per_round() { awk -v n="$3" '{sum += $n} NR % 2 == 0 {print sum / 2; sum = 0}' "$work/$1.$2"; }
# compared WORKLOAD FIELD FORMAT: four cells: both medians, new / old in the median and its spread.
compared() {
  paste -d' ' <(per_round new "$1" "$2") <(per_round old "$1" "$2") | awk '{printf "%.4f\n", $1 / $2}' >"$work/$1.$2.ratios"
  printf "| $3 | $3 | %.3f (%s) " "$(per_round old "$1" "$2" | median)" "$(per_round new "$1" "$2" | median)" \
    "$(median <"$work/$1.$2.ratios")" "$(spread <"$work/$1.$2.ratios")"
}
cat <<TEXT

old: $(git log -1 --format='%h %s' "$commit")
new: the working tree, $(git describe --always --dirty)
$rounds rounds of 2 × $seconds s each, $connections connections; ratios are new / old, median (least..most of the rounds)

| workload | old rps | new rps | ratio              | old p99 ms | new p99 ms | ratio | old µs CPU | new µs CPU | ratio |
|----------|--------:|--------:|--------------------|-----------:|-----------:|-------|-----------:|-----------:|-------|
TEXT
slower=0
for name in "${workloads[@]}"; do
  printf '| %-8s ' "$name"
  compared "$name" 1 '%7.0f'
  compared "$name" 2 '%10.2f'
  compared "$name" 3 '%10.1f'
  echo '|'
  awk '$1 >= 1 {no = 1} END {exit no}' "$work/$name.1.ratios" &&
    awk -v m="$(median <"$work/$name.1.ratios")" 'BEGIN {exit !(m < 0.95)}' && slower=1 && verdict+=" $name"
done
echo
echo 'µs CPU: of the server, without PostgreSQL, a request. Two builds of one revision differ by a few percent.'
tell_noise
((slower == 0)) || echo "SLOWER by more than 5 %, in every round:$verdict"
exit $slower
