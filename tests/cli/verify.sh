#!/bin/sh
# inspect, print and verify on a small model: what they print, and verify's verdicts, right and wrong.
. "$2/tests/cli/common.sh"
models

expect 0 '' "$sdc" inspect tiny.onnx
grep -q "^input *x *f32 *\[batch, 3\]" stdout && grep -q "free axis 'batch'" stdout && grep -q '1 MatMul' stdout || fail "inspect: $(cat stdout)"
expect 0 '' "$sdc" inspect tiny.onnx --dim batch=4
grep -q 'after the passes: 2 nodes' stdout || fail "inspect --dim: $(cat stdout)"
expect 0 '' "$sdc" print tiny.onnx
grep -q '= MatMul(v1, v0)' stdout || fail "print: $(cat stdout)"
expect 0 '' "$sdc" print tiny.onnx --after simplify --dim batch=2
grep -q 'f32\[2,2\] = Relu' stdout || fail "print --after: $(cat stdout)"

# Recorded data: x = [[1, 0, 1]], so y = [[1, 1]]; then y = [[1, 2]], which is wrong.
mkdir good bad
one='0000803f' two='00000040' zero='00000000'
for folder in good bad; do "$wire" "1=1 1=3 2=1 8'x'9#$one$zero$one" $folder/input_0.pb; done
"$wire" "1=1 1=2 2=1 8'y'9#$one$one" good/output_0.pb
"$wire" "1=1 1=2 2=1 8'y'9#$one$two" bad/output_0.pb
expect 0 '' "$sdc" verify tiny.onnx --data good
grep -q '^1 of 1 outputs agree' stdout || fail "verify: $(cat stdout)"
expect 2 '' "$sdc" verify tiny.onnx --data bad
grep -q 'FAILED' stdout && grep -q '^0 of 1 outputs agree' stdout || fail "verify on wrong data: $(cat stdout)"
expect 0 '' "$sdc" verify tiny.onnx --data good --compiled
expect 2 '' "$sdc" verify tiny.onnx --data bad --compiled
expect 2 '' "$sdc" verify tiny.onnx --data good --data bad
expect 0 '' "$sdc" verify tiny.onnx --data bad --rms 1
expect 0 '' "$sdc" verify tiny.onnx --dim batch=3 --compiled
expect 0 '' "$sdc" verify tiny.onnx --dim batch=3 --compiled --bisect
grep -q 'results agree' stdout || fail "verify --bisect: $(cat stdout)"
mkdir empty
expect 2 "empty.*'x'" "$sdc" verify tiny.onnx --data empty
cp good/input_0.pb empty
expect 2 'output_0.pb' "$sdc" verify tiny.onnx --data empty
finish
