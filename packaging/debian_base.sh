#!/bin/bash
# debian_base.sh FOLDER: a Debian 12 of debootstrap's in FOLDER/base, unless it is there. Wants root. Packages come from
# where this machine's come from.
set -euo pipefail
folder=$1
[[ ! -d $folder/base ]] || exit 0
mkdir -p "$folder"
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" {print $1; exit}')
echo 'making a Debian 12 of debootstrap'"'"'s' >&2
rm -rf "$folder/base.new"
debootstrap --variant=minbase --include=ca-certificates bookworm "$folder/base.new" "$mirror" >"$folder/debootstrap.log" 2>&1 ||
  { tail -n 5 "$folder/debootstrap.log" >&2; exit 1; }
apt=$folder/base.new/etc/apt
rm -f "$apt/sources.list"
for list in /etc/apt/sources.list /etc/apt/sources.list.d; do
  [[ ! -e $list ]] || cp -a "$list" "$apt/"
done
echo 'APT::Install-Recommends "false";' >"$apt/apt.conf.d/90base"
# Nothing in it need survive a crash of this machine.
echo force-unsafe-io >"$folder/base.new/etc/dpkg/dpkg.cfg.d/90base"
rm -rf "$folder"/base.new/var/cache/apt/archives/*.deb "$folder"/base.new/var/lib/apt/lists/*
mv "$folder/base.new" "$folder/base"
