#!/bin/sh
# --weights on recorded models: what compile prints and stores, how far the oracle is from the model's own weights, and that the
# executable computes what the oracle does (verify --compiled: within 5e-5).
#
# A code is half a step off at most, evenly spread: 1 / sqrt 12 of a step, which is a 127th, or a 7th, of a group's largest
# weight.  That is up to 2.5 times as large as the group's root mean square: an error of 5.7e-3 of a weight in int8, 0.1 in
# int4, and as much of a product's result.  Those of 12 layers, with nothing that takes it back: 2e-2 and 0.35; verify allows
# 2e-2 and 0.2.
. "$2/tests/cli/common.sh"
models=$source/../shared/data/models
[ -d "$models/tiny-sd1" ] || { echo "skipped: no $models"; finish; }

expect 1 'int8:GROUP' "$sdc" compile "$models/tiny-clip/model.onnx" -o out/x --weights int3
expect 1 'int8:GROUP' "$sdc" compile "$models/tiny-clip/model.onnx" -o out/x --weights int8:48
for model in tiny-clip tiny-sd1/unet; do
    data=$models/$model/test_data_set_0
    for weights in int8 int4; do
        check "$model, $weights" "$sdc" verify "$models/$model/model.onnx" --data "$data" --compiled --weights $weights
        check "$model, $weights, by the oracle" "$sdc" verify "$models/$model/model.onnx" --data "$data" --weights $weights
        cp stdout verified
        # A weight is off by what its step says, and its layer's result by about as much; the worst layer comes first.
        # Convolutions of several taps have 8 bits in either case.
        [ $weights = int4 ] && most=0.12 || most=0.01
        check "$model, $weights, the layers" awk -v most=$most '/^result/ { rows = 1; last = 9; next }
            rows {
                n++; m = $3 ~ /,.*,.*,/ && $3 !~ /,1,1]$/ ? 0.01 : most
                if ($1 > last || $2 > m || $1 > 2 * m || $2 < m / 10) bad = 1
                last = $1
            } END { exit bad || n < 6 }' verified
    done
    check "$model, int8 in bf16" "$sdc" verify "$models/$model/model.onnx" --data "$data" --compiled --weights int8 --dtype bf16
done

size() { sed -nE 's/.*weights ([0-9.]+) MB stored.*/\1/p' stdout; }
text=$models/tiny-sd3/text_encoder_3/model.onnx shape='--shape input_ids=1x16'
check "floats" "$sdc" compile "$text" -o out/floats $shape
floats=$(size)
check "int8" "$sdc" compile "$text" -o out/int8 $shape --weights int8
grep -qE '^  int8: [0-9]+ weights of products and convolutions, [0-9.]+ MB instead of [0-9.]+' stdout || fail "int8 is not reported: $(cat stdout)"
check "int8 in fewer bytes" awk "BEGIN { exit !($(size) < $floats) }"
finish
