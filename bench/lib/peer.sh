# Sourced by the scripts of bench/peers. Each serves on a free port of 127.0.0.1 from a temporary folder, prints its
# URL when it answers, and ends with all that it made by Ctrl-C or SIGTERM.
# shellcheck shell=bash
work=$(mktemp -d)
server=
stop() {
  trap - EXIT
  [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 0' INT TERM

free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
  return 1
}

# as_nobody COMMAND...: replaces this shell. A server that asks nobody for a password is not run by root.
as_nobody() {
  if ((EUID == 0)); then
    chown -R nobody:nogroup "$work"
    exec setpriv --reuid=nobody --regid=nogroup --clear-groups --pdeathsig TERM "$@"
  fi
  exec setpriv --pdeathsig TERM "$@"
}

# until_answers COMMAND...: tries it until it succeeds; fails when the server ends or takes half a minute.
until_answers() {
  for _ in {1..300}; do
    ! "$@" >/dev/null 2>&1 || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "${0##*/}: the server did not start" >&2
  return 1
}

# serve_on PORT: tells where, and lets the server serve.
serve_on() {
  echo "http://127.0.0.1:$1"
  wait "$server"
}
