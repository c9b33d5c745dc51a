#!/bin/sh
# bench: text, JSON and report of a model of two nodes; wrong use.
. "$2/tests/cli/common.sh"
models

check "bench" "$sdc" bench tiny.onnx --dim batch=2 --runs 1
for line in '^as asked +[0-9.]+ +[0-9.]+ ' '^no fusion +[0-9.]+ +[0-9.]+ +[0-9.]+% +1.000 +2 +0.0 ' '^kernel ' '^ceiling measured here'; do
    grep -qE -e "$line" stdout || fail "bench lacks '$line': $(cat stdout)"
done

expect 0 '' "$sdc" bench tiny.onnx --dim batch=2 --runs 2 --each --no-fuse=attention,projection,norm,upsample,shortcut,pad,hoist,concat --threads 1 --json --report out/page.html
cp stdout bench.json
is "rounds" 2 bench.json rounds
is "builds" 4 bench.json builds
is "fusions" 2 bench.json fusions
is "bytes without fusion" 72 bench.json builds 1 moved_bytes
is "calls without fusion" 2 bench.json builds 1 calls
is "fusions that are off" 10 bench.json builds 1 no_fuse
is "ratio to itself" 1 bench.json builds 1 ratio
for line in $("$json" bench.json builds '*' same_as | tr ' ' '_'); do
    case $line in null | as_asked | no_fusion) ;; *) fail "same as $line" ;; esac
done
is "difference to itself" 0 bench.json builds 0 difference
"$json" bench.json builds '*' difference | awk '!($1 < 1e-5) { exit 1 }' || fail "builds differ"
"$json" bench.json builds '*' median_ms | awk '!($1 > 0) { exit 1 }' || fail "times are missing"
[ "$(sum bench.json profile kernels '*' share)" = 1 ] || fail "shares"
for fusion in 0 1; do                           # what a fusion saves is the difference of two builds
    without=$("$json" bench.json builds $((fusion + 2)) moved_bytes) with=$("$json" bench.json builds 0 moved_bytes)
    is "bytes saved" $((without - with)) bench.json fusions $fusion saves_bytes
done
grep -q '{{' out/page.html && fail "the report has marks that were not replaced"
grep -qE 'https?://|<script' out/page.html && fail "the report is not self-contained"
for id in kernels fusions memory roofline builds kernel_table; do
    grep -q "id=\"$id\"" out/page.html || fail "the report lacks $id"
done

expect 1 'free axes|--dim' "$sdc" bench tiny.onnx
expect 1 'is a folder' "$sdc" bench "$source/models/emoji"
expect 1 'whole number' "$sdc" bench tiny.onnx --dim batch=2 --runs 0
expect 1 'whole number' "$sdc" bench tiny.onnx --dim batch=2 --threads none
expect 2 'none.onnx' "$sdc" bench none.onnx --report out/none.html
expect 2 'nowhere' "$sdc" bench tiny.onnx --dim batch=2 --report nowhere/page.html
expect 5 'no-such-cc' "$sdc" bench tiny.onnx --dim batch=2 --cc no-such-cc
finish
