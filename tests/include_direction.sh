#!/usr/bin/env bash
# Fails when a folder includes one that it may not know: geo <- server <- {sync, api} <- main.cpp.
# First it proves on a made-up tree that it can fail.
set -euo pipefail

# wrong_includes ROOT: prints each include that runs the wrong way as file:line:text.
wrong_includes() {
  local folder allowed
  while read -r folder allowed; do
    [[ -d $1/$folder ]] || continue
    # Only our own folders count; "embedded/..." is generated for the folder that asks for it.
    (cd "$1" && grep -rnE --include='*.[ch]pp' '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](geo|server|sync|api|demo|tests|bench)/' "$folder" |
      grep -vE "include[[:space:]]*[\"<]($allowed)/") || true
  done <<'TABLE'
geo geo
server geo|server
sync geo|server|sync
api geo|server|api
demo geo|server|sync|demo
TABLE
  # Relative paths would get round the check, and a room of tests would be the only one to know them.
  (cd "$1" && grep -rnE --include='*.[ch]pp' '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]\.\./' geo server sync api tests) 2>/dev/null || true
}

expect() {
  local scratch found
  scratch=$(mktemp -d)
  mkdir -p "$scratch/$1"
  printf '#pragma once\n#include <vector>\n%s\n' "$2" >"$scratch/$1/x.hpp"
  found=$(wrong_includes "$scratch")
  rm -rf "$scratch"
  if [[ $3 == wrong && -z $found ]] || [[ $3 == right && -n $found ]]; then
    echo "the check itself is broken: $1 with $2 should be $3"
    exit 2
  fi
}
expect geo '#include "server/error.hpp"' wrong
expect server '#include "api/routes.hpp"' wrong
expect server/http '#include "sync/migrate.hpp"' wrong
expect api '  #  include <sync/migrate.hpp>' wrong
expect sync/load '#include "api/routes.hpp"' wrong
expect sync '#include "../api/routes.hpp"' wrong
expect server '#include "tests/support/temp_db.hpp"' wrong
expect server '#include "geo/bbox.hpp"' right
expect api '#include "server/error.hpp"' right

found=$(wrong_includes "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)")
if [[ -n $found ]]; then
  printf 'includes that run the wrong way:\n%s\n' "$found"
  exit 1
fi
echo "every include runs the right way"
