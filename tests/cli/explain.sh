#!/bin/sh
# explain: what it says of a model of two nodes, and of a pipeline's folder; wrong use.
. "$2/tests/cli/common.sh"
models

# MatMul reads 24 bytes and writes 16, Relu reads 16 and writes 16; one product of 2 x 3 by 3 x 2.
check "explain" "$sdc" explain tiny.onnx --dim batch=2 --no-fuse
grep -qE '^nodes +2 +2$' stdout && grep -qE '^kernel calls +2 +2$' stdout || fail "explain: $(cat stdout)"
check "explain --json" "$sdc" explain tiny.onnx --dim batch=2 --json
cp stdout tiny.json
is "bytes" 72 tiny.json programs 0 no_fusion moved_bytes
is "FLOPs" 24 tiny.json programs 0 no_fusion flops
is "calls" 2 tiny.json programs 0 no_fusion calls
is "nodes" 2 tiny.json programs 0 no_fusion nodes
[ "$(sum tiny.json programs 0 kinds '*' found)" = "$("$json" tiny.json programs 0 candidates)" ] ||
    fail "kinds and candidates do not add up: $(cat tiny.json)"
is "model" tiny.onnx tiny.json model

cp tiny.onnx "$(printf 'tiny\377.onnx')"
check "explain of a name that is no UTF-8" "$sdc" explain "$(printf 'tiny\377.onnx')" --dim batch=2 --json
cp stdout odd.json
is "model" 'tiny?.onnx' odd.json model

check "inspect" "$sdc" inspect tiny.onnx --dim batch=2 --no-fuse
grep -q '^one run: 2 kernel calls, 0.000 GFLOP, 0.0 MB moved, arena' stdout || fail "inspect: $(cat stdout)"

check "explain FOLDER" "$sdc" explain "$source/models/emoji" --json
cp stdout folder.json
is "components" 4 folder.json programs
"$json" folder.json programs '*' name | cut -d@ -f1 | tr '\n' ' ' >names
[ "$(cat names)" = "text_encoder unet vae_decoder vae_encoder " ] || fail "components: $(cat names)"

expect 1 'free axes|--dim' "$sdc" explain tiny.onnx
expect 1 'no such fusion' "$sdc" explain tiny.onnx --dim batch=2 --no-fuse=all
expect 1 '--size is for pipelines' "$sdc" explain tiny.onnx --dim batch=2 --size 64x64
expect 1 '--dim, --shape, --bind and --grad are for single' "$sdc" explain "$source/models/emoji" --dim batch=2
expect 2 'none.onnx' "$sdc" explain none.onnx
finish
