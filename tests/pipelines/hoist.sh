#!/bin/sh
# Hoisting changes no bit: final latents of a pipeline compiled with and without it, with more evaluations than a block
# of timesteps holds, fewer, several pictures, no guidance, from a picture, and for every sampler where the model is small.
#
#   hoist.sh SDC SOURCE WORK
set -eu
sdc=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"

same()
{
    for build in hoisted plain; do
        "./$build" "a crab" --quiet --save-latents "$build.npy" -o "$build.png" "$@" > /dev/null
    done
    cmp hoisted.npy plain.npy || { echo "FAILED: $*"; exit 1; }
}

# FOLDER SAMPLER...
compare()
{
    folder=$1
    shift
    "$sdc" compile "$folder" -o hoisted --quiet
    "$sdc" compile "$folder" -o plain --quiet --no-fuse=hoist
    ./hoisted --info | grep -q "once in 16 timesteps" || { echo "FAILED: no tables in $folder"; exit 1; }
    ./plain --info | grep -q "once in" && { echo "FAILED: tables in $folder without hoisting"; exit 1; }
    others='^(Behind|flow_|edm_|consistency|ipndm|unclip)'      # not for SD1
    [ $# != 0 ] || set -- $(./hoisted --scheduler list | grep -Ev "$others" | cut -d ' ' -f 1)
    for sampler; do
        same --scheduler "$sampler" --steps 19
    done
}

compare "$source/models/emoji" euler heun
tiny=$source/../shared/data/models/tiny-sd1
if [ -d "$tiny" ]; then
    compare "$tiny"
fi
same --steps 1
same --steps 16
same --steps 40 --count 3 --guidance 1
same --steps 5 --count 2
for sampler in heun pndm dpmpp_2s; do
    same --steps 36 --scheduler "$sampler" --init-image plain.png --strength 0.7
done
rm -rf "$work"
