# Sourced by the scripts that measure: starts what is measured, asks it, counts what that costs. Whatever is started
# here ends with the script, however that ends. The script sets database, build (the folder) and,
# unless its scenarios tell, area.
# shellcheck shell=bash disable=SC2154,SC2034
work=$(mktemp -d)
started=()
stop_all() {
  trap - EXIT
  ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  if declare -F tidy >/dev/null; then tidy; fi
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 2
}

declare -A pid port

# start NAME COMMAND...: runs it in the background as pid[NAME], its output in $work/NAME.log.
start() {
  # In a session of its own, as a service is and as Postgres is: the kernel shares cores among sessions, and a server that
  # shares one with its client waits for it. Should this script be killed without a word, the kernel tells its children.
: >"$work/$1.log"
  setsid setpriv --pdeathsig TERM "${@:2}" >"$work/$1.log" 2>&1 &
  pid[$1]=$!
  started+=("$!")
}

# wait_for_port NAME: sets port[NAME] to the one that the log of NAME tells; fails when it ends or takes a minute.
wait_for_port() {
  for _ in {1..600}; do
    port[$1]=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$work/$1.log" | tail -n 1)
    [[ -z ${port[$1]} ]] || return 0
    kill -0 "${pid[$1]}" 2>/dev/null || break
    sleep 0.1
  done
  say "$1 did not start:"
  tail -n 20 "$work/$1.log" >&2
  return 1
}

# start_gridlight NAME BINARY [OPTIONS...]: serves $database; fails when it does not listen. Whether it is ready is another
# question.
start_gridlight() {
  start "$1" "$2" --database-url "$database" serve --port 0 --set log.access=false "${@:3}"
  wait_for_port "$1" || return 1
  for _ in {1..100}; do
    ! curl -sf -o /dev/null "http://127.0.0.1:${port[$1]}/ready" || return 0
    sleep 0.1
  done
}

# Sets postmaster to the database's main process, or to nothing when that is not on this machine.
find_postmaster() {
  local backend
  backend=$(psql -X -At -q "$database" -c \
    "select pid from pg_stat_activity where application_name like 'gridlight%' and pid <> pg_backend_pid() limit 1")
  postmaster=$(awk '{print $4}' "/proc/$backend/stat" 2>/dev/null || true)
  [[ -n $postmaster && $(<"/proc/$postmaster/comm") == postgres ]] || postmaster=
}

# cpu_seconds PID: used so far by a process and all that it started, also by those that have ended. No PID, no time.
tick=$(getconf CLK_TCK)
cpu_seconds() {
  [[ -n ${1:-} ]] || { echo 0 && return; }
  { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v root="$1" -v tick="$tick" '
    {
      sub(/^[0-9]+ \(.*\) /, $1 " ")
      parent[$1] = $3
      used[$1] = $13 + $14 + $15 + $16
    }
    END {
      ours[root]
      do {
        more = 0
        for (p in parent) if (!(p in ours) && parent[p] in ours) { ours[p]; more = 1 }
      } while (more)
      for (p in ours) sum += used[p]
      printf "%.2f\n", sum / tick
    }'
}

# What all cores together were busy since the machine started, also for other machines on the same hardware.
busy_seconds() { awk -v tick="$tick" '$1 == "cpu" {printf "%.2f\n", ($2 + $3 + $4 + $7 + $8 + $9) / tick}' /proc/stat; }

# observe PID COMMAND...: runs a client of server PID, its output in $work/answer, and sets usage to the CPU seconds that
# the server, the database, the client and all others took meanwhile, and the seconds that passed.
TIMEFORMAT='%R %U %S'
observe() {
  local before after
  before="$(cpu_seconds "$1") $(cpu_seconds "$postmaster") $(busy_seconds)"
  { time "${@:2}" >"$work/answer" 2>"$work/complaint"; } 2>"$work/time" || { cat "$work/complaint" >&2 && return 1; }
  after="$(busy_seconds) $(cpu_seconds "$1") $(cpu_seconds "$postmaster")" # what counting costs is nobody's
  usage=$(awk '{
    server = $5 - $1; database = $6 - $2; client = $8 + $9
    print server, database, client, $4 - $3 - server - database - client, $7
  }' <<<"$before $after $(<"$work/time")")
}
# tell_noise: warns when others, in lines of $work/others, took more than their share of cores in the median.
tell_noise() {
  awk -v others="$(median <"$work/others")" 'BEGIN {
    if (others > 0.15) printf "NOT QUIET: other processes kept %.2f cores busy; do not trust this.\n", others
  }'
}

# Clients run as SCHED_BATCH: they stand for ones on other machines, which do not interrupt who serves them.
as_client() { chrt --batch 0 "$@"; }

connections=16
# ask PORT PATH SECONDS [OPTIONS...]: a report in JSON. The first second does not count, as with pgbench: who stood idle while
# others were asked is slow at first.
ask() {
  as_client "$build/gridlight-bench" "$2" --port "$1" --connections "$connections" ${area:+"--area=$area"} --warm-up 1s \
    --duration "$3" --json "${@:4}"
}
# field REPORT NAME: its last value of that name, which is the total.
field() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" <<<"$1"; }

# Of numbers, one a line.
median() { sort -g | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
spread() { sort -g | awk 'NR == 1 {least = $1} {most = $1} END {printf "%.3g..%.3g\n", least, most}'; }
