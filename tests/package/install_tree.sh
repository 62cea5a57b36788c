#!/bin/bash
# install_tree.sh BUILD: lays the installation of a build into a scratch folder and looks whether it is whole
# and right: files, modes, pages, units, completion. What is not installed to look with (mandoc, systemd-analyze) is
# told and left out.
set -u
build=$(realpath "$1") wrong=0
# Without a dot in its name, which mandoc would take for a section's.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/gridlight-tree-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
fault() {
  echo "install_tree: $*"
  wrong=1
}
DESTDIR=$tree cmake --install "$build" --prefix /usr >"$scratch/log" 2>&1 || {
  cat "$scratch/log"
  exit 1
}

# ------------------------------------------------------------------------------------------------- files, modes
expected=(
  'usr/bin/gridlight 755' 'usr/bin/gridlight-bench 755' 'etc/gridlight/gridlight.yaml 644'
  'usr/lib/systemd/system/gridlight.service 644' 'usr/lib/systemd/system/gridlight.socket 644'
  'usr/share/man/man1/gridlight.1.gz 644' 'usr/share/man/man1/gridlight-bench.1.gz 644'
  'usr/share/man/man5/gridlight.yaml.5.gz 644' 'usr/share/bash-completion/completions/gridlight 644'
  'usr/share/doc/gridlight/copyright 644' 'usr/share/doc/gridlight/changelog.Debian.gz 644'
  'usr/share/lintian/overrides/gridlight 644' 'usr/share/doc/gridlight/debian.md 644' 'usr/share/doc/gridlight/examples/gridlight.yaml 644'
  'usr/share/doc/gridlight/examples/monitoring/alerts.yml 644'
  'usr/share/doc/gridlight/examples/monitoring/grafana.json 644'
)
for each in "${expected[@]}"; do
  read -r file mode <<<"$each"
  [[ -f $tree/$file ]] || { fault "$file is missing"; continue; }
  [[ $(stat -c %a "$tree/$file") == "$mode" ]] || fault "$file has mode $(stat -c %a "$tree/$file"), not $mode"
done
known=$(cd "$tree" && find . -type f ! -path './usr/share/doc/*' | wc -l)
[[ $known == 10 ]] || fault "there are $known files outside of share/doc, not 10: $(cd "$tree" && find . -type f ! -path './usr/share/doc/*')"
while read -r folder; do fault "$folder is a folder of mode other than 755"; done < <(find "$tree" -mindepth 1 -type d ! -perm 755)

# The service's own configuration is one that the program takes, and changes nothing but what it says.
run() { env -i PATH=/usr/bin:/bin "$build/gridlight" "$@"; }
run --config "$tree/etc/gridlight/gridlight.yaml" config >"$scratch/config" 2>&1 || fault "its configuration: $(cat "$scratch/config")"
diff <(run --config /dev/null config) "$scratch/config" | grep '^[<>]' >"$scratch/difference"
[[ $(wc -l <"$scratch/difference") == 2 && $(<"$scratch/difference") == *'uri: "***"'* ]] ||
  fault "the service's configuration differs from the default by more than the database: $(cat "$scratch/difference")"

# --------------------------------------------------------------------------------------------------------- pages
for page in man1/gridlight.1 man1/gridlight-bench.1 man5/gridlight.yaml.5; do
  zcat "$tree/usr/share/man/$page.gz" >"$scratch/page"
  grep -q '@[A-Z]*@' "$scratch/page" && fault "$page has a gap: $(grep -m1 '@[A-Z]*@' "$scratch/page")"
  if command -v mandoc >/dev/null; then
    said=$(mandoc -T lint -W warning "$scratch/page" 2>&1) || fault "mandoc on $page: $said"
  else
    echo "install_tree: mandoc is not installed; $page was not linted"
  fi
done
# Every option of the load generator, whose page is written by hand, stands there.
zcat "$tree/usr/share/man/man1/gridlight-bench.1.gz" >"$scratch/page"
for option in $(env -i "$build/gridlight-bench" --help | grep -oE "^  (-h,)?--[a-z0-9-]+" | grep -oE -- "--[a-z0-9-]+"); do
  [[ $option == --help ]] || grep -q -- "Fl -${option#--}\b" "$scratch/page" || fault "gridlight-bench.1 does not name $option"
done
# And every command of the program, with its options.
zcat "$tree/usr/share/man/man1/gridlight.1.gz" | sed 's/\\-/-/g' >"$scratch/page"
for command in serve migrate demo-data load 'sync run' 'sync explain' rollback 'tiles build' 'tiles warm' check health token config sql; do
  grep -q "^\.Ss gridlight $command\$" "$scratch/page" || fault "gridlight.1 does not name $command"
  # shellcheck disable=SC2086
  for option in $(run $command --help | grep -oE '^  --[a-z0-9-]+' | tr -d ' '); do
    sed -n "/^\.Ss gridlight $command\$/,/^\.S[sh] /p" "$scratch/page" | grep -q "^\.It Fl \"-${option#--}\"" ||
      fault "gridlight.1 does not name $option of $command"
  done
done

# --------------------------------------------------------------------------------------------------------- units
unit=$tree/usr/lib/systemd/system/gridlight.service
for line in 'Type=notify' 'ProtectSystem=strict' 'NoNewPrivileges=yes' 'User=gridlight' 'LimitNOFILE=65536' \
  'ExecStart=/usr/bin/gridlight serve' 'ExecStartPre=-/usr/bin/gridlight check' \
  'Environment=GRIDLIGHT_CONFIG=/etc/gridlight/gridlight.yaml' 'EnvironmentFile=-/etc/gridlight/gridlight.env'; do
  grep -qxF "$line" "$unit" || fault "gridlight.service lacks $line"
done
if command -v systemd-analyze >/dev/null; then
  # It looks for the programs in the folder; what the unit is ordered after is not there, which it does not mind.
  mkdir -p "$tree/bin" && touch "$tree/bin/kill" && chmod 755 "$tree/bin/kill"
  said=$(systemd-analyze verify --root="$tree" --man=no --recursive-errors=no gridlight.service gridlight.socket 2>&1) ||
    fault "systemd-analyze verify: $said"
  said=$(systemd-analyze security --offline=true --threshold=15 --no-pager --root="$tree" gridlight.service 2>&1) ||
    fault "systemd-analyze security: $(tail -n 1 <<<"$said")"
else
  echo "install_tree: systemd-analyze is not installed; the units were not verified"
fi

# ---------------------------------------------------------------------------------------------------- completion
mkdir "$scratch/bin" && ln -s "$build/gridlight" "$scratch/bin/gridlight"
# complete LINE: what a tab after it gives, sorted
complete_line() {
  env -i PATH="$scratch/bin:/usr/bin:/bin" bash --norc -c '
    source "$1" || exit 1
    cd "$2"
    IFS=" " read -r -a COMP_WORDS <<<"$3"
    [[ $3 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _gridlight
    printf "%s\n" "${COMPREPLY[@]}" | sort' - "$tree/usr/share/bash-completion/completions/gridlight" "$scratch" "$1"
}
# completes LINE EXPECTED…: exactly these
completes() {
  local line=$1 got want
  shift
  got=$(complete_line "$line" 2>&1)
  want=$(printf '%s\n' "$@" | sort)
  [[ $got == "$want" ]] || fault "\"$line\" completes to: ${got//$'\n'/ }, not: ${want//$'\n'/ }"
}
completes 'gridlight roll' rollback
completes 'gridlight sync ' discover explain run validate --help --config --database-url --set
completes 'gridlight --config x sync run --f' --full
completes 'gridlight load --duplicates ' last reject
completes 'gridlight load --duplicates last --al' --allow-shrink
completes 'gridlight rollback sub' substations
completes 'gridlight sql substations wi' within
completes 'gridlight --set http.po' http.port=
completes 'gridlight describe' ''
printf 'layers:\n  depots: {key: id}\n' >"$scratch/mine.yaml"
completes 'gridlight --config mine.yaml tiles build ' --help --anew --yes --config --database-url --set depots
completes 'gridlight --config min' mine.yaml
# Each command completes to exactly the options that its help lists.
while read -r path; do
  # shellcheck disable=SC2086
  want=$(run $path --help | grep -oE '^  (-h,)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+')
  # shellcheck disable=SC2086
  completes "gridlight $path --" $want --config --database-url --set
done <<'PATHS'
serve
migrate
demo-data
load
sync run
sync explain
sync validate
sync discover
rollback
tiles build
tiles warm
check
health
token
config
sql
PATHS

((wrong == 0)) && echo "install_tree: $known files, all as they should be"
exit $wrong
