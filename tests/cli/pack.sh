#!/bin/sh
# --pack winograd: the same bits from a larger file.
. "$2/tests/cli/common.sh"
decoder=$source/models/emoji/vae_decoder/model.onnx
axes="--dim batch_size=1 --dim latent_height=12 --dim latent_width=14"
expect 1 'expected winograd' "$sdc" compile "$decoder" -o out/x $axes --pack all
check "compile" "$sdc" compile "$decoder" -o out/plain $axes
check "run" out/plain --seed 1 --output sample=plain.npy
check "compile --pack winograd" "$sdc" compile "$decoder" -o out/packed $axes --pack winograd
grew=$(sed -nE 's/^  Winograd: [1-9][0-9]* weights stored transformed, .*grows by ([0-9]+) bytes$/\1/p' stdout)
check "it says by how much" test "${grew:-0}" -gt 0
check "run it" out/packed --seed 1 --output sample=packed.npy --threads 3
check "the same bits" cmp plain.npy packed.npy
size() { wc -c <"$1"; }
check "the file grew by what is printed, but for code" sh -c '[ $(($1 - $2 - $3)) -lt 200000 ] && [ $(($2 + $3 - $1)) -lt 200000 ]' - "$(size out/packed)" "$(size out/plain)" "${grew:-0}"
finish
