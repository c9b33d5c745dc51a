#!/bin/sh
# The demo pipeline against its recorded runs by sd_reference, those of ../shared/data/models by trajectory; and the
# memory that the demo and tiny-sd1 take against the certificate.
#
#   pipelines.sh SDC SOURCE WORK SD_REFERENCE CHECK_CERTIFICATE TRAJECTORY DISTANCE
set -eu
sdc=$1 source=$2 work=$3 reference=$4 certificate=$5 trajectory=$6 distance=$7
rm -rf "$work"
mkdir -p "$work"
"$sdc" compile "$source/models/emoji" -o "$work/emoji" --quiet
# The networks for one picture and for two of guidance share their weights, halves there and floats here: 1.03 times those and 3 MB.
most=$(cat "$source"/models/emoji/*/model.onnx | wc -c | awk '{print int(2.06 * $1 + 3e6)}')
bytes=$(wc -c <"$work/emoji")
[ "$bytes" -le "$most" ] || { echo "the executable has $bytes bytes, more than $most"; exit 1; }
"$certificate" "$work/emoji" --prompt "a crab" --steps 2
"$reference" "$source" "$work/emoji"
tiny=$source/../shared/data/models/tiny-sd1
if [ -d "$tiny" ]; then
    "$sdc" compile "$tiny" -o "$work/tiny-sd1" --quiet
    "$certificate" "$work/tiny-sd1" --prompt "a crab" --steps 2
    # A picture as mask, and what diffusers made of it.
    for mask in depth/picture.png mask/mask.npz:mask; do
        "$work/tiny-sd1" "a house" --steps 4 --init-image "$source/tests/pipelines/depth/picture.png" --quiet \
            --mask "$source/tests/pipelines/$mask" --save-latents "$work/${mask%/*}.npy" -o "$work/picture.png"
    done
    "$distance" "$work/depth.npy" "$work/mask.npy" 1e-6
fi

# tiny-sd2-depth with a depth model beside it: what that says of a picture, and the same from a file.
depth=$source/../shared/data/models/tiny-sd2-depth
if [ -d "$depth" ]; then
    mkdir "$work/depth"
    ln -s "$(realpath "$depth")"/* "$work/depth"
    ln -s "$(realpath "$source")/tests/pipelines/depth" "$work/depth/depth_estimator"
    "$sdc" compile "$work/depth" -o "$work/tiny-sd2-depth" --quiet --isa generic --cflag -O0
    for map in "" npy png; do
        "$work/tiny-sd2-depth" "a house" --steps 4 --init-image "$source/tests/pipelines/depth/picture.png" --quiet \
            ${map:+"--depth-map=$source/tests/pipelines/depth/depth.$map"} --save-latents "$work/latents$map.npy" \
            -o "$work/picture.png"
    done
    "$distance" "$work/latents.npy" "$work/latentsnpy.npy" 1e-4
    "$distance" "$work/latentsnpy.npy" "$work/latentspng.npy" 2e-5         # of 8 bits it would be far above
fi
"$trajectory" "$sdc" "$source" "$work" || [ $? = 77 ]
rm -rf "$work"
