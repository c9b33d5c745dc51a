#!/bin/sh
# --tune and --lock: what is measured is written and read back, the same file gives the same bytes, and bad files are told.
. "$2/tests/cli/common.sh"
models
compile() { "$sdc" compile tiny.onnx --dim batch=40 "$@"; }

check "--tune" compile -o out/t --tune=1 --threads 2
grep -q '^tuned in ' stdout || fail "--tune: no line about it"
grep -qE '^out/t.lock: ([0-9]+) of \1 lines taken; 0 choices are not in it' stdout || fail "--tune: $(tail -1 stdout)"
[ "$(head -1 out/t.lock)" = "sdc-lock 1" ] || fail "first line: $(head -1 out/t.lock)"
tail -n +5 out/t.lock >lines
LC_ALL=C sort -c lines || fail "the lock file is not sorted"
cp out/t.lock lock
mv out/t first
check "--lock" compile -o out/t --lock lock
cmp -s out/t first || fail "--lock gives other bytes than the --tune that wrote it"
check "--tune --lock" compile -o out/t --tune=1 --lock out/other.lock
[ -s out/other.lock ] || fail "--tune --lock FILE: not written there"
check "--quiet" compile -o out/t --tune=1 -q
[ -s stdout ] && fail "--quiet: $(head -1 stdout)"
rm -f out/*

# Each value of a choice that only cuts the work: other code, the same results.
site=$(sed -nE 's/^(gemm[^ ]*) unit-panels .*/\1/p' lock | head -1)
[ -n "$site" ] || fail "no product in the lock file: $(cat lock)"
sed -E 's/ unit-rows [0-9]+$/ unit-rows 32/' lock >rows.lock
check "unit-rows 32" compile -o out/t --lock rows.lock
./first --seed 3 --output y=first.npy >/dev/null && out/t --seed 3 --output y=second.npy >/dev/null
cmp -s first.npy second.npy || fail "unit-rows 32: other results"
cmp -s first out/t && fail "unit-rows 32: the same executable"
rm -f out/*

# Lines that no instance asked for are counted, and choices without a line.
{ head -4 lock; echo "gemm,nothing unit-panels 2"; } >foreign.lock
check "foreign lines" compile -o out/t --lock foreign.lock
grep -q '0 of 1 lines taken, line 5 is the first for no instance here; [1-9][0-9]* choices are not in it' stdout || fail "foreign: $(tail -1 stdout)"
rm -f out/*

bad() { expect "$1" "$2" compile -o out/t --lock bad.lock; }
isa=$(sed -n 's/^isa //p' lock)
expect 2 'missing.lock: No such file' compile -o out/t --lock missing.lock
: >bad.lock
bad 2 "bad.lock:1: expected 'sdc-lock"
sed 's/^sdc-lock 1/sdc-lock 2/' lock >bad.lock
bad 3 'version 2; this sdc reads version 1'
sed 's/^sdc-lock 1/sdc-lock one/' lock >bad.lock
bad 2 'bad.lock:1: '
sed "s/^isa $isa/isa other/" lock >bad.lock
bad 3 'is for --isa other, not for'
head -2 lock >bad.lock
bad 2 "bad.lock:3: expected 'threads"
{ head -4 lock; echo "$site"; } >bad.lock
bad 2 'bad.lock:5: expected SITE CHOICE VALUE'
{ head -4 lock; echo "$site unit-panels two"; } >bad.lock
bad 2 'bad.lock:5: expected SITE CHOICE VALUE'
{ head -4 lock; echo "$site unit-panes 2"; } >bad.lock
bad 2 "bad.lock:5: there is no choice 'unit-panes'"
{ head -4 lock; echo "$site unit-panels 3"; } >bad.lock
bad 2 "bad.lock:5: unit-panels 3 is not possible for $site"
{ head -4 lock; echo "$site unit-panels 1"; echo "$site unit-panels 1"; } >bad.lock
bad 2 'bad.lock:6: unit-panels of this instance stands there twice'
head -c 1000 "$sdc" >bad.lock
bad 2 'bad.lock: is no lock file'
expect 1 'threads and --seed are for --tune' compile -o out/t --threads 2
expect 1 'not a whole number from 1' compile -o out/t --tune=0
expect 1 'not a whole number from 1' compile -o out/t --tune=soon

finish
