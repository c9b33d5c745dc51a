#!/bin/sh
# --dtype int8 --calibrate: what is said of samples that do not fit, and what a recorded model and its layers lose.  That kernels
# compute what the oracle does is for tests/ir/programs.
#
# An operand's codes are 3e-2 of it off at most (cli/calibrate.c), its weights' 1e-2: so is a layer's result, or, where much
# of a sum cancels, somewhat more.
. "$2/tests/cli/common.sh"
models=$source/../shared/data/models
models
check "a model" "$sdc" compile tiny.onnx -o out/tiny --dim batch=2
check "its result" out/tiny --output y=out/y.npz
expect 1 'needs samples' "$sdc" compile tiny.onnx -o out/x --dim batch=2 --dtype int8
expect 1 'is for --dtype int8' "$sdc" compile tiny.onnx -o out/x --dim batch=2 --calibrate out/y.npz
expect 2 "out/y.npz: .*x" "$sdc" compile tiny.onnx -o out/x --dim batch=2 --dtype int8 --calibrate out/y.npz
expect 2 'absent.npz' "$sdc" compile tiny.onnx -o out/x --dim batch=2 --dtype int8 --calibrate absent.npz

unet=$models/tiny-sd1/unet
[ -d "$unet" ] || { echo "skipped: no $unet"; finish; }
data=$unet/test_data_set_0
check "a UNet" "$sdc" verify "$unet/model.onnx" --data "$data" --dtype int8 --calibrate "$data" --rms 5e-2
cp stdout verified
check "its layers" awk '/^result/ { rows = 1; last = 9; next }
    rows { n++; if ($1 > last || $2 > 1.5e-2 || $1 > 6e-2) bad = 1; last = $1 } END { exit bad || n < 6 }' verified
expect 2 'sample' "$sdc" verify "$unet/model.onnx" --data "$data" --dtype int8 --calibrate out/y.npz

# A denoiser that sees more than latents: what --trace writes of an inpainting model has its mask and masked picture, that of
# another model has not.
inpaint=$models/tiny-sd1-inpaint picture=$source/docs/crab.png
check "inpainting" "$sdc" compile "$inpaint" -o out/inpaint --size 64x64 -q
check "its trace" out/inpaint -q "a cat" --steps 2 --init-image "$picture" --mask "$picture" --trace out/t.npz -o out/f.png
check "inpainting in integers" "$sdc" compile "$inpaint" -o out/i8 --size 64x64 --dtype int8 --calibrate out/t.npz
cp stdout said
check "which it has" grep -q 'int8: [1-9][0-9]* products and convolutions' said
check "its picture" out/i8 -q "a cat" --steps 2 --init-image "$picture" --mask "$picture" -o out/i.png
check "text to image" "$sdc" compile "$models/tiny-sd1" -o out/sd --size 64x64 -q
check "its trace" out/sd -q "a cat" --steps 2 --trace out/t.npz -o out/i.png
expect 2 'out/t.npz: has no member sample_extra' "$sdc" compile "$inpaint" -o out/x --size 64x64 --dtype int8 --calibrate out/t.npz
mkdir -p steered
for part in "$models"/tiny-sd1/* "$source"/tests/pipelines/networks/tiny-lcm/*; do ln -sfn "$part" steered/; done
expect 3 "input 'down_block.*ControlNet" "$sdc" compile steered -o out/x --size 64x64 --dtype int8 --calibrate out/t.npz
finish
