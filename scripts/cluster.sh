# shellcheck shell=bash
# The private PostgreSQL cluster and its databases: ./dev db. Part of ./dev.

pg_bin=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root, so for root the cluster belongs to the user whom its package made.
pg_user() {
  if ((EUID == 0)); then echo postgres; else id -un; fi
}
as_pg() {
  if ((EUID == 0)); then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/ "$@")
  else
    "$@"
  fi
}

# own_folder DIR: makes it for the cluster's user alone; fails when that user cannot reach it.
own_folder() {
  [[ -d $1 ]] || mkdir -m 700 "$1"
  ((EUID != 0)) || chown postgres: "$1"
  [[ $(stat -c %U "$1") == "$(pg_user)" ]] || die "$1 belongs to somebody else"
  as_pg test -w "$1" 2>/dev/null
}

# Sets pg_home (all of the cluster) and pg_socket. They lie under .local/pg; but a clone below /root cannot be reached
# by user postgres, and a socket's path may have 107 bytes: then a folder in /var/tmp serves, named after the clone.
find_pg_home() {
  local fallback
  fallback=/var/tmp/gridlight-$EUID-$(sha256sum <<<"$root" | cut -c 1-12)
  pg_home=$local_dir/pg
  mkdir -p "$local_dir"
  own_folder "$pg_home" || { pg_home=$fallback && own_folder "$pg_home"; }
  pg_socket=$pg_home/socket
  ((${#pg_socket} < 90)) || pg_socket=$fallback
  own_folder "$pg_socket" || die "$pg_socket is out of reach of user $(pg_user)"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The port is chosen once, below the range that the kernel gives to clients, and again only when somebody took it.
choose_port() {
  local port
  if [[ -s $pg_home/port ]] && ! port_taken "$(<"$pg_home/port")"; then return; fi
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    port_taken "$port" || { as_pg tee "$pg_home/port" <<<"$port" >/dev/null && return; }
  done
  die "no free port found"
}

# Settings of the cluster, and the binaries it was started with: when this text changes, it is restarted.
# Nothing in it is precious (demo data, tests), so nothing waits for the disk; after a crash of the machine it is made
# anew (see start_cluster).
cluster_settings() {
  local shared=128MB
  (($(awk '/MemTotal/ {print $2}' /proc/meminfo) > 6000000)) && shared=1GB
  cat <<TEXT
# Written by ./dev; restarted when this changes.
# $(stat -L -c '%n %s %Y' "$pg_bin/postgres" /usr/lib/postgresql/15/lib/postgis-3.so | tr '\n' ' ')
# Boot $(</proc/sys/kernel/random/boot_id).
listen_addresses = '127.0.0.1'
port = $(<"$pg_home/port")
unix_socket_directories = '$pg_socket'
unix_socket_permissions = 0700
max_connections = 300
# For the tests that ask which statements were sent; they switch it on for their database.
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = none
compute_query_id = off
shared_buffers = $shared
work_mem = 32MB
maintenance_work_mem = 256MB
jit = off
random_page_cost = 1.1
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d/%a '
TEXT
}

# Asks through the socket, which nobody else can own, not through the port.
cluster_runs() {
  [[ -s $pg_home/port ]] && "$pg_bin/pg_isready" -q -U postgres -d postgres -h "$pg_socket" -p "$(<"$pg_home/port")"
}
stop_cluster() {
  as_pg "$pg_bin/pg_ctl" -D "$pg_home/data" -m fast -w stop >/dev/null
}
private_psql() {
  env -i PATH="$PATH" LC_ALL=C.UTF-8 "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
    -h "$pg_socket" -p "$(<"$pg_home/port")" -U postgres "$@"
}
# private_uri ROLE DATABASE
private_uri() { echo "postgresql://$1:$(<"$pg_home/password")@127.0.0.1:$(<"$pg_home/port")/$2"; }
# The same through the socket, which costs both sides less.
socket_uri() {
  local path=${pg_socket//%/%25}
  path=${path// /%20}
  echo "postgresql://$1@/$2?host=${path//\//%2F}&port=$(<"$pg_home/port")"
}

make_cluster() {
  rm -rf "$pg_home/data"
  say "making a PostgreSQL cluster in ${pg_home#"$root/"}"
  rm -f "$pg_home/password"
  (umask 077 && sha256sum <(head -c 32 /dev/urandom) | cut -c 1-40 >"$pg_home/password")
  ((EUID != 0)) || chown postgres: "$pg_home/password"
  as_pg "$pg_bin/initdb" -D "$pg_home/data" -U postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile="$pg_home/password" >/dev/null
  as_pg tee -a "$pg_home/data/postgresql.conf" <<<"include 'gridlight.conf'" >/dev/null
}

# make_database NAME OWNER: one with PostGIS, unless it is there.
make_database() {
  [[ -z $(private_psql -d postgres -c "select 1 from pg_database where datname = '$1'") ]] || return 0
  private_psql -d postgres -c "create database $1 owner $2"
  private_psql -d "$1" -c 'create extension postgis'
}
# Role gridlight is no superuser: what it serves and migrates must do without. Tests copy gridlight_template.
disposable_mark='gridlight: tests may make and drop what they like in this cluster'
make_databases() {
  private_psql -d postgres -c "create role gridlight login password '$(<"$pg_home/password")'"
  make_database gridlight gridlight
  make_database gridlight_template postgres
  private_psql -d postgres -c 'alter database gridlight_template is_template true'
  as_pg touch "$pg_home/data/gridlight.ready"
}

# Afterwards the private cluster runs, with the settings and binaries of now.
start_cluster() {
  install_postgres
  unset "${!PG@}" # what the shell says of other servers must not leak into this one
  find_pg_home
  (
    flock 9
    if [[ -e $pg_home/data/postmaster.pid ]] && ! cluster_runs &&
      ! grep -q "$(</proc/sys/kernel/random/boot_id)" "$pg_home/data/gridlight.conf"; then
      say "the machine went down while PostgreSQL ran: its data cannot be trusted"
      rm -f "$pg_home/data/gridlight.ready"
    fi
    if [[ ! -e $pg_home/data/gridlight.ready ]]; then
      if cluster_runs; then stop_cluster; fi
      make_cluster
    fi
    if cluster_runs; then
      [[ $(cluster_settings) == "$(<"$pg_home/data/gridlight.conf")" ]] && exit
      say "restarting PostgreSQL: its binaries or settings changed"
      stop_cluster
    fi
    choose_port
    cluster_settings | as_pg tee "$pg_home/data/gridlight.conf" >/dev/null
    # Without 9>&- the server would hold our lock as long as it lives.
    as_pg "$pg_bin/pg_ctl" -D "$pg_home/data" -l "$pg_home/log" -w -t 60 start >/dev/null 9>&- ||
      { tail -n 20 "$pg_home/log" >&2; die "PostgreSQL did not start; its log is $pg_home/log"; }
    [[ -e $pg_home/data/gridlight.ready ]] || make_databases
  ) 9>"$local_dir/pg.lock"
}

# Afterwards GRIDLIGHT_DATABASE_URL names a database that is up.
use_database() {
  if [[ -n ${GRIDLIGHT_DATABASE_URL:-} ]]; then
    install_packages postgresql-client-15
  else
    start_cluster
    export GRIDLIGHT_DATABASE_URL
    GRIDLIGHT_DATABASE_URL=$(private_uri gridlight gridlight)
  fi
}

# confirm_reset [--yes]: dies unless the cluster is one that we made and the person at the terminal agrees.
confirm_reset() {
  local answer
  [[ -e $pg_home/data ]] || return 0
  [[ -e $pg_home/data/gridlight.ready || -e $pg_home/data/gridlight.conf ]] ||
    die "$pg_home/data was not made by ./dev: nothing was changed"
  say "this deletes the cluster in $pg_home/data: the demo data, and whatever else was loaded into it"
  [[ ${1:-} != --yes ]] || return 0
  [[ -t 0 ]] || die "nothing was changed: say --yes to delete it; there is no terminal to ask at"
  read -r -p 'Delete it? [y/N] ' answer
  [[ $answer == [yY] ]] || die "nothing was changed"
}

cmd_db() {
  local action=${1:-}
  shift || true
  case $action in
    start | stop | reset)
      [[ -z ${GRIDLIGHT_DATABASE_URL:-} ]] ||
        die "GRIDLIGHT_DATABASE_URL is set, and that database is not mine to $action"
      ;;
  esac
  case $action in
    start)
      start_cluster
      say "PostgreSQL listens on 127.0.0.1:$(<"$pg_home/port"), socket $pg_socket, log $pg_home/log"
      ;;
    stop | reset)
      find_pg_home
      [[ $action == stop ]] || confirm_reset "$@"
      if cluster_runs; then stop_cluster; fi
      [[ $action == stop ]] || rm -rf "$pg_home/data"
      ;;
    url)
      use_database
      echo "$GRIDLIGHT_DATABASE_URL"
      ;;
    psql)
      use_database
      exec "$pg_bin/psql" "$GRIDLIGHT_DATABASE_URL" "$@"
      ;;
    *) die "usage: ./dev db start|stop|reset [--yes]|url|psql ARGS" ;;
  esac
}
