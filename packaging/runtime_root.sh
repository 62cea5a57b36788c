#!/bin/bash
# runtime_root.sh PROGRAM FOLDER: the root of a container that runs PROGRAM: itself, stripped, every library that it
# loads, authorities, a user, and of each Debian package something comes from, its licence and its entry for scanners.
set -euo pipefail
program=$1 to=$2
packages=()
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
mkdir -p "$to"/{usr/bin,usr/lib,etc/ssl/certs,etc/gridlight,tmp,var/lib/dpkg/status.d,usr/share/doc}
chmod 1777 "$to/tmp"
# As on Debian.
for folder in bin lib lib64; do ln -s "usr/$folder" "$to/$folder"; done
mkdir -p "$to/usr/lib64"

# keep FILE: it, the link by which it is asked for, and its package's name
keep() {
  local file=$1 real owner
  real=$(realpath "$file")
  # Debian 12's /lib is /usr/lib, and a package may own either name.
  owner=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || true)
  [[ -n $owner ]] || { echo "runtime_root: $file belongs to no package" >&2; exit 1; }
  packages+=("${owner%%:*}")
  for each in "$real" "$file"; do
    [[ $each != /lib* ]] || each=/usr$each
    [[ -e $to$each || -L $to$each ]] && continue
    mkdir -p "$to${each%/*}"
    cp --no-dereference --preserve=mode,timestamps "$each" "$to$each"
  done
}
strip -o "$to/usr/bin/gridlight" "$program"
while read -r library; do keep "$library"; done < <(ldd "$program" | grep -oE '/[^ ]+')

keep /usr/lib/ssl/openssl.cnf
cp -L /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
ln -sf /etc/ssl/certs "$to/usr/lib/ssl/certs"
packages+=(ca-certificates)
echo 'gridlight:x:65532:65532:gridlight:/nonexistent:/nonexistent' >"$to/etc/passwd"
echo 'gridlight:x:65532:' >"$to/etc/group"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
cp /etc/os-release "$to/etc/"
install -m 644 "$here/container.yaml" "$to/etc/gridlight/gridlight.yaml"

for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
  mkdir -p "$to/usr/share/doc/$package"
  cp -L "/usr/share/doc/$package/copyright" "$to/usr/share/doc/$package/"
  dpkg-query -s "$package" >"$to/var/lib/dpkg/status.d/$package"
done
# Every library is found in there, and nowhere else.
missing=$(LD_LIBRARY_PATH='' chroot "$to" /usr/lib64/ld-linux-x86-64.so.2 --list /usr/bin/gridlight 2>&1 | grep -E 'not found|error' || true)
[[ -z $missing ]] || { echo "runtime_root: $missing" >&2; exit 1; }
du -sh "$to" | awk '{print "runtime_root: " $1}'
