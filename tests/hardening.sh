#!/bin/sh
# hardening.sh PROGRAM: fails when a protection of the release build is missing in it. 77: it is not built.
program=${1:-build/release/gridlight}
if [ ! -x "$program" ]; then
  echo "hardening: $program is not built"
  exit 77
fi
wrong=0
# demand WHAT PATTERN, of what readelf says on standard input
demand() {
  if ! grep -Eq -- "$2"; then
    echo "hardening: $program lacks $1"
    wrong=1
  fi
}
headers=$(readelf -W -h -l -d "$program") || exit 1
symbols=$(readelf -W --dyn-syms "$program") || exit 1
demand 'PIE' '\(FLAGS_1\).* PIE' <<HEADERS
$headers
HEADERS
demand 'RELRO' 'GNU_RELRO' <<HEADERS
$headers
HEADERS
demand 'binding at start (-z now)' 'BIND_NOW|\(FLAGS_1\).* NOW' <<HEADERS
$headers
HEADERS
demand 'a stack that is not executable' 'GNU_STACK .* RW +0x' <<HEADERS
$headers
HEADERS
demand 'stack canaries' '__stack_chk_fail' <<SYMBOLS
$symbols
SYMBOLS
demand 'FORTIFY' '__(memcpy|memmove|memset|snprintf|vsnprintf|fdelt|strcpy|read|recv|poll|fprintf|longjmp)_chk' <<SYMBOLS
$symbols
SYMBOLS
exit $wrong
