#!/bin/sh
# --profile of an executable: figures that add up, JSON, loops and branches, wrong use.
. "$2/tests/cli/common.sh"
models
encoder=$source/models/emoji/text_encoder/model.onnx

check "compile" "$sdc" compile tiny.onnx -o tiny --dim batch=2 --no-fuse -q
expect 0 '' ./tiny --profile=3 --json
cp stdout tiny.json
is "runs" 3 tiny.json runs
is "calls" 2 tiny.json calls
for pair in gemm:24:16:24 elementwise:16:16:0; do
    kernel=${pair%%:*}
    "$json" tiny.json kernels '*' kernel | grep -n . | sed -n "s/^\([0-9]*\):$kernel\$/\1/p" >at
    at=$(($(cat at) - 1))
    is "$kernel reads" "$(echo "$pair" | cut -d: -f2)" tiny.json kernels $at read_bytes
    is "$kernel writes" "$(echo "$pair" | cut -d: -f3)" tiny.json kernels $at written_bytes
    is "$kernel FLOPs" "$(echo "$pair" | cut -d: -f4)" tiny.json kernels $at flops
done
[ "$(sum tiny.json calls '*' weights_bytes)" -ge 24 ] || fail "the weights are not read"

check "compile" "$sdc" compile "$encoder" -o encode --shape input_ids=1x32 -q
for threads in 1 2; do
    expect 0 '' ./encode --profile=2 --threads $threads --json
    cp stdout encode.json
    is "threads" $threads encode.json threads
    for list in calls kernels; do
        [ "$(sum encode.json $list '*' share)" = 1 ] || fail "shares of $list: $(sum encode.json $list '*' share)"
        sum encode.json $list '*' ms >a
        "$json" encode.json calls_ms >b
        paste a b | awk '{ exit !($1 > $2 * 0.999 && $1 < $2 * 1.001) }' || fail "times of $list: $(cat a b)"
    done
    for figure in flops read_bytes written_bytes weights_bytes; do
        [ "$(sum encode.json calls '*' $figure)" = "$(sum encode.json kernels '*' $figure)" ] || fail "$figure differ"
    done
    "$json" encode.json calls '*' idle | awk '$1 < -0.2 || $1 > 1 { exit 1 }' || fail "idle is no share"
    "$json" encode.json calls '*' serial | awk '$1 < -0.01 || $1 > 1 { exit 1 }' || fail "serial is no share"
    "$json" encode.json serial_ms >a
    "$json" encode.json calls_ms | paste a - | awk '{ exit !($1 >= 0 && $1 <= $2) }' || fail "serial time: $(cat a)"
    for list in calls kernels; do
        "$json" encode.json $list '*' useful_threads | awk '$1 < 1 || $1 > 256 { exit 1 }' || fail "useful threads of $list"
    done
    for ceiling in ceiling_gflops ceiling_read_gbs ceiling_copy_gbs; do
        "$json" encode.json $ceiling | awk '{ exit !($1 > 0.1 && $1 < 1e5) }' || fail "$ceiling: $("$json" encode.json $ceiling)"
    done
done
"$json" encode.json calls '*' ms | sort -rgc || fail "the longest call does not come first"
expect 0 '' ./encode --profile --threads 1
grep -qE '^threads idle .*; serial .* ms .*; on paper useful up to [0-9]+ threads?: [0-9.]+ times as fast as one$' stdout || fail "no line about threads"
grep -q '^10 runs, 1 thread: median ' stdout && grep -qE '^ceiling measured here: .* GB/s copied$' stdout || fail "text: $(tail -2 stdout)"

# A result is the same with and without the clock.
./encode --seed 4 --output last_hidden_state=a.npy >/dev/null && ./encode --seed 4 --profile=1 --output last_hidden_state=b.npy >/dev/null
cmp -s a.npy b.npy || fail "--profile changes the result"

# Executables from emitted source have it too; pipelines do not.
check "compile --emit source" "$sdc" compile tiny.onnx -o source --dim batch=2 --emit source --no-fuse -q
check "make" make -s -C source
expect 0 '' source/source --profile=1 --json

expect 1 'option --profile' ./tiny --profile=0
expect 1 'option --profile' ./tiny --profile=many
expect 1 'give one of them' ./tiny --profile --bench 2
expect 2 'none.npy' ./tiny --profile --input x=none.npy
finish
