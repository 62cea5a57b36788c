# Sourced after measure.sh by the scripts in which systems take turns at the same workloads: asks them, keeps what they
# did and prints the table. The script sets systems and workloads, path[SYSTEM.WORKLOAD] of those that speak HTTP (a
# path or a scenario's file), at[WORKLOAD] where it is not 16 connections, and $work/WORKLOAD.sql for pgbench.
# shellcheck shell=bash disable=SC2154,SC2034,SC2317
declare -A path at
systems=() workloads=()

# Each prints requests/s, p50 and p99 in ms of SYSTEM's answers to WORKLOAD for SECONDS.
ask_http() {
  local report
  report=$(ask "${port[$1]}" "${path[$1.$2]}" "$3") || { field "$report" error_kinds >&2; return 1; }
  echo "$(field "$report" rps) $(field "$report" p50_ms) $(field "$report" p99_ms)"
}
# Its backends are new in every run and slow at first, so the first second does not count.
pg_bin=$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)
pgbench=$(command -v pgbench || echo "$pg_bin/pgbench")
ask_pgbench() {
  as_client "$pgbench" -n -M prepared -c "$connections" -j 2 -T $(($3 + 1)) -P 1 -f "$work/$2.sql" "$database" \
    2>"$work/progress" >"$work/pgbench" || { tail -n 5 "$work/progress" >&2; return 1; }
  awk '/^progress:/ && $2 > 1.5 {sum += $4; ++n} END {if (!n) exit 1; printf "%.1f - -\n", sum / n}' "$work/progress"
}
# The script may know others.
ask_system() { if [[ $1 == pgbench ]]; then ask_pgbench "$@"; else ask_http "$@"; fi; }
measures() { [[ -n ${path[$1.$2]:-} || ($1 == pgbench && -s $work/$2.sql) ]]; }

# measure SYSTEM WORKLOAD SECONDS: into $work/SYSTEM.WORKLOAD a line of what ask prints, and how many cores the server,
# the database and the client kept busy meanwhile.
measure() {
  local connections=${at[$2]:-$connections}
  observe "${pid[$1]:-}" ask_system "$@" ||
    { [[ $1 == pgbench ]] || tail -n 5 "$work/$1.log" >&2; fail "$1 could not be measured with $2"; }
  awk '{printf "%s %s %s %.2f %.2f %.2f\n", $1, $2, $3, $4 / $8, $5 / $8, $6 / $8}' <<<"$(<"$work/answer") $usage" >>"$work/$1.$2.seen"
  awk '{print $4 / $5}' <<<"$usage" >>"$work/others"
}

# one_round SECONDS
one_round() {
  local name system
  for name in "${workloads[@]}"; do
    for system in "${systems[@]}"; do
      if measures "$system" "$name"; then measure "$system" "$name" "$1"; fi
    done
  done
}
# take_turns ROUNDS SECONDS: after one that does not count.
take_turns() {
  local i
  one_round 2
  rm "$work"/*.seen "$work/others"
  for ((i = 1; i <= $1; ++i)); do
    say "round $i of $1"
    one_round "$2"
  done
}

# ------------------------------------------------------------------------------------------------------- the table

column() { awk -v n="$3" '{print $n}' "$work/$1.$2.seen"; }
# A dash of who told none.
middle() { if [[ $(column "$@" | head -n 1) == - ]]; then echo -; else column "$@" | median; fi; }
# Who could do no more: what has one thread and a core for itself, else who took the most time.
limited_by() {
  awk -v name="$1" -v s="$2" -v d="$3" -v c="$4" 'BEGIN {
    if (name != "pgbench" && c >= 0.9 && c >= s) print "client"
    else if (name == "redis" && s >= 0.9) print "server, one thread"
    else if (d >= s && d >= c) print "database"
    else print (s >= c) ? "server" : "client"
  }'
}

# print_table: ratios are those of the first system, which is gridlight, to each.
print_table() {
  local row name system cores ratio rps
  cat <<'TEXT'
| workload         | system     | requests/s | gridlight / it, median (least..most) | p50 ms | p99 ms | cores: server | database | client | server, µs a request | limited by |
|------------------|------------|-----------:|--------------------------------------|-------:|-------:|--------------:|---------:|-------:|---------------------:|------------|
TEXT
  row='| %-16s | %-10s | %10s | %-36s | %6s | %6s | %13s | %8s | %6s | %20s | %s |\n'
  for name in "${workloads[@]}"; do
    for system in "${systems[@]}"; do
      measures "$system" "$name" || continue
      cores=("$(middle "$system" "$name" 4)" "$(middle "$system" "$name" 5)" "$(middle "$system" "$name" 6)")
      paste -d' ' <(column "$(first_of "$name")" "$name" 1) <(column "$system" "$name" 1) | awk '{printf "%.3f\n", $1 / $2}' >"$work/ratios"
      ratio=$(median <"$work/ratios")
      echo "$ratio" >"$work/$system.$name.ratio"
      rps=$(middle "$system" "$name" 1)
      # shellcheck disable=SC2059
      printf "$row" "$name" "$system" "$(printf %.0f "$rps")" "$ratio ($(spread <"$work/ratios"))" \
        "$(middle "$system" "$name" 2)" "$(middle "$system" "$name" 3)" "${cores[@]}" \
        "$(awk -v cores="${cores[0]}" -v rps="$rps" 'BEGIN {printf "%.1f", cores / rps * 1e6}')" \
        "$(limited_by "$system" "${cores[@]}")"
    done
  done
  echo
  echo "Where the client is the limit, its server could have answered more: then compare what the servers took a request."
  tell_noise
}
# The first system that has the workload.
first_of() {
  local system
  for system in "${systems[@]}"; do
    ! measures "$system" "$1" || { echo "$system" && return; }
  done
}

missed=0
# floor SYSTEM WORKLOAD LEAST
floor() {
  local got
  got=$(<"$work/$1.$2.ratio")
  awk -v got="$got" -v least="$3" 'BEGIN {exit !(got >= least)}' ||
    { echo "MISSED: gridlight / $1 of $2 is $got, the floor is $3"; missed=1; }
}
