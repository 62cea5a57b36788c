#!/bin/bash
# try.sh PACKAGE.deb FOLDER: a fresh Debian 12 of debootstrap's in FOLDER/root, booted under systemd in namespaces of
# its own (no network but loopback, once packages are there), in which every command of docs/debian.md is run as it
# stands there. Wants root. FOLDER keeps the base system, which takes a minute to make.
set -euo pipefail
package=$(realpath "$1") folder=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
mkdir -p "$folder"
folder=$(realpath "$folder")
root=$folder/root cgroup='' init=''
say() { printf 'try: %s\n' "$*" >&2; }

end() {
  [[ -z $init ]] || kill -KILL "$init" 2>/dev/null || true
  [[ -z $cgroup ]] || { sleep 0.5 && find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; } || true
}
trap end EXIT

# ---------------------------------------------------------------------------------------------------- the system
"$here/debian_base.sh" "$folder"
rm -rf "$root"
cp -a "$folder/base" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"

# inside COMMAND…: in the system before it is booted, with network
inside() {
  unshare --mount --pid --fork bash -c '
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"' "$root" "$@"
}
# The packages that the page asks for are fetched now and installed by the page's own words: there is no network later.
say 'installing systemd, fetching the packages that the page asks for'
mapfile -t named < <(sed -n 's/^apt-get install -y --no-install-recommends //p' "$here/../docs/debian.md" | tr ' ' '\n')
{
  inside apt-get -q update
  inside apt-get -q -y install systemd systemd-sysv curl openssl
  mkdir -p "$root/root/try"
  cp "$package" "$root/root/try/"
  inside sh -c 'cd /root/try && apt-get -q -y install --download-only "$@"' - "./${package##*/}" "${named[@]}"
} >"$folder/install.log" 2>&1 || { tail -n 20 "$folder/install.log" >&2; exit 1; }

# ---------------------------------------------------------------------------------------------------------- boot
unified=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[[ -n $unified ]] || { say 'this kernel shows no cgroup2: nothing can be booted'; exit 1; }
cgroup=$unified/gridlight-try-$$
mkdir "$cgroup"
cat >"$folder/boot" <<'BOOT'
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/old
ip link set lo up
pivot_root . run/old
cd /
umount -l run/old
exec env -i container=gridlight-try PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=no >/var/log/boot 2>&1 </dev/null
BOOT
say 'booting it'
ln -sf /dev/null "$root/etc/systemd/system/console-getty.service"
(
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare --fork --kill-child --pid --mount --net --uts --ipc --cgroup bash "$folder/boot" "$root"
) &
outer=$!
for _ in {1..100}; do
  init=$(pgrep -P "$outer" || true)
  [[ -n $init && $(tr '\0' ' ' <"/proc/$init/cmdline") == /lib/systemd/systemd* ]] && break
  sleep 0.1
done
booted() { nsenter -t "$init" -m -p -n -u -i -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
for _ in {1..300}; do
  state=$(booted systemctl is-system-running 2>/dev/null || true)
  [[ $state == running || $state == degraded ]] && break
  sleep 0.1
done
[[ $state == running ]] || { say "the system is $state"; booted systemctl --failed --no-pager >&2 || true; }

# ------------------------------------------------------------------------------------------------- the page's words
number=0
mkdir -p "$folder/steps" && rm -f "$folder"/steps/*
awk -v to="$folder/steps" '
  /^```sh$/ { inside = 1; skipped = before ~ /<!-- not run/; file = sprintf("%s/%02d.sh", to, ++n); next }
  /^```$/ { if (inside) close(file); inside = 0; before = ""; next }
  inside && !skipped { print > file }
  !inside && NF { before = $0 }' "$here/../docs/debian.md"
for step in "$folder"/steps/*.sh; do
  number=$((number + 1))
  say "step $number: $(head -n 1 "$step")"
  cp "$step" "$root/root/try/step"
  if ! booted timeout 300 bash -euxc 'cd /root/try && . ./step' >"$step.log" 2>&1; then
    say "docs/debian.md: this failed:"
    tail -n 30 "$step.log" >&2
    booted journalctl --no-pager -n 40 -u gridlight >&2 || true
    exit 1
  fi
done
((number >= 5)) || { say 'the page has fewer commands than it should'; exit 1; }

# --------------------------------------------------------------------------------------------------- and beyond
say 'the sandbox, the start at boot, the end'
booted systemd-analyze security --no-pager gridlight | tail -n 1 >&2
booted bash -euc '
  systemctl is-enabled --quiet gridlight
  test "$(stat -c %U "/proc/$(systemctl show --value -p MainPID gridlight)")" = gridlight
  ! journalctl -u gridlight -o cat --no-pager | grep -E "code=dumped|status=31|Permission denied|Operation not permitted"
  cd /root/try && apt-get -q -y --allow-downgrades reinstall ./gridlight_*.deb >/dev/null
  until gridlight health --ready >/dev/null; do sleep 0.2; done
  apt-get -q -y remove gridlight >/dev/null
  test -f /etc/gridlight/tokens.yaml
  ! systemctl is-active --quiet gridlight
  apt-get -q -y purge gridlight >/dev/null
  test ! -e /usr/bin/gridlight && test ! -e /etc/gridlight/gridlight.yaml' >"$folder/end.log" 2>&1 ||
  { tail -n 20 "$folder/end.log" >&2; exit 1; }
du -sh "$root" | awk '{print "try: the system takes " $1}' >&2
say "all $number steps of docs/debian.md went well"
