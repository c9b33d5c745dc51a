#!/bin/sh
# Pipelines that draw from noise alone, as executables, against recorded runs, from the seed alone; classes with guidance,
# grids, previews, and CLIP guidance, which has to bring the picture nearer to the text.
#
#   unconditional.sh SDC SOURCE WORK UNCONDITIONAL_REFERENCE
set -eu
sdc=$1 source=$2 work=$3 reference=$4
models=$source/../shared/data/models
if ! [ -d "$models/tiny-ddpm" ]; then
    echo "skipped: 5 recorded runs and CLIP guidance; $models is not there"
    exit 77
fi
rm -rf "$work"
mkdir -p "$work"
cd "$work"
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# The recorded picture of tiny-vq was decoded from the latents as they are; its config's scaling_factor, by which
# diffusers' LDMPipeline divides, is another.
mkdir vq-1
cp -r "$models/tiny-vq/model_index.json" "$models/tiny-vq/scheduler" "$models/tiny-vq/unet" "$models/tiny-vq/vae_decoder" vq-1
chmod -R u+w vq-1
sed -i 's/"scaling_factor": [0-9.]*/"scaling_factor": 1.0/' vq-1/vae_decoder/config.json

compile() { "$sdc" compile "$@" --quiet --cflag -O1; }      # to be quick
compile "$models/tiny-ddpm" -o ddpm --clip "$models/tiny-clip" --default steps=10
compile "$models/tiny-cond-mnist" -o mnist
compile "$models/tiny-afhq64" -o afhq
compile vq-1 -o vq
recorded=$source/tests/pipelines/recorded/learned
compile "$recorded" -o learned

# run NAME RECORD OPTION...
run() {
    name=$1 record=$2
    shift 2
    "./$name" -q --trace trace.npz -o picture.png --grid --columns 4 "$@" >/dev/null
    "$reference" trace.npz picture.png "$record.npz" || fail "$name against $record"
}
run ddpm "$models/tiny-ddpm/reference/ddpm" --seed 21
run ddpm "$models/tiny-ddpm/reference/ddim" --seed 21 --scheduler ddim
run mnist "$models/tiny-cond-mnist/reference/ddpm" --steps 10 --seed 21 --class 3,7,0,9 --guidance 2
run afhq "$models/tiny-afhq64/reference/ddim" --steps 6 --seed 21
run vq "$models/tiny-vq/reference/ddim" --steps 10 --seed 3
run learned "$recorded/ddpm" --steps 8 --seed 5

# Learned variances change pictures, are each picture's own, and are left out by samplers that have no use for them.
./learned -q --steps 8 --seed 5 -n 3 --scheduler ddpm,variance_type=fixed_small --save-latents a.npy -o fixed.png >/dev/null
./learned -q --steps 8 --seed 5 -n 3 --save-latents b.npy -o learned.png >/dev/null
if cmp -s a.npy b.npy; then fail "learned variances change nothing"; fi
compile "$recorded" -o pair --batch 2
./pair -q --steps 8 --seed 5 -n 3 --save-latents a.npy -o pair.png >/dev/null
cmp a.npy b.npy || fail "variances of two rows at once"
./learned -q --steps 8 --scheduler ddim -o ddim.png >/dev/null || fail "a sampler without variances"

# Files: one a picture, all named; the preview is gone; the same starting noise gives the same sample; previews change nothing.
[ "$(./ddpm -q -n 2 -o two.png --preview-every 3 --save-latents a.npy --steps 4)" = "$(printf 'two-1.png\ntwo-2.png')" ] || fail "names"
[ -f two-1.png ] && [ -f two-2.png ] && ! [ -e two.preview.png ] || fail "two pictures and no preview"
./ddpm -q -n 2 -o two.png --save-latents b.npy --steps 4 --threads 3 >/dev/null
cmp a.npy b.npy || fail "previews or threads change the sample"
./ddpm -q --clip-text "a red car" --clip-scale 0 --save-latents c.npy --steps 4 >/dev/null
./ddpm -q --save-latents d.npy --steps 4 >/dev/null
cmp c.npy d.npy || fail "a scale of 0 changes the sample"

# 16 bits a channel: of one picture, and of several of one channel in a grid.
deeper() {
    name=$1
    shift
    for bits in 8 16; do
        "./$name" -q --steps 2 --bit-depth $bits "$@" -o $bits.png >/dev/null
    done
    "$reference" --deeper 16.png 8.png || fail "16 bits of $name"
}
deeper ddpm
deeper mnist --class 3,7,0 --grid

# The loss behind the last step, as the next run's first would show it: with a large scale it is smaller.
loss() { ./ddpm -q --clip-text "a red car" --clip-scale "$1" --scheduler ddim --steps 10 --trace loss.npz >/dev/null; }
distance() { "$reference" --last-loss loss.npz "$1"; }
loss 0.001
weak=$(distance 0.001)
loss 200
strong=$(distance 200)
echo "CLIP's distance of picture and text: $weak, guided $strong"
[ "$(printf '%s\n%s\n' "$strong" "$weak" | sort -g | head -1)" = "$strong" ] && [ "$strong" != "$weak" ] || fail "guidance leads nowhere"

# By cutouts: it leads too, elsewhere, and by the seed alone.
cuts() { ./ddpm -q --clip-text "a red car" --clip-scale 200 --clip-cuts 4 --scheduler ddim --steps 10 "$@" >/dev/null; }
cuts --save-latents a.npy --threads 1 --trace loss.npz
cuts --save-latents b.npy --threads 3
cmp a.npy b.npy || fail "threads change the cutouts' sample"
cuts --clip-cuts 0 --save-latents c.npy
if cmp -s a.npy c.npy; then fail "cutouts lead as the whole picture"; fi
led=$(distance 200)
echo "by cutouts $led"
[ "$(printf '%s\n%s\n' "$led" "$weak" | sort -g | head -1)" = "$led" ] || fail "cutouts lead nowhere"

# --info adds what CLIP holds beside the denoiser; what is measured stays below it.
memory() { ./ddpm --info --json "$@" | sed 's/.*"arena_bytes":\([0-9]*\),"arena_bound_bytes":[0-9]*,"arrays.*/\1/'; }
alone=$(memory) led=$(memory --clip-text x)
clip=$(./ddpm --info --json | sed 's/.*"name":"clip_guide[^}]*"arena_bytes":\([0-9]*\),.*/\1/;s/}.*//')
[ "$led" = $((alone + clip)) ] || fail "--info with CLIP: $led, not $alone and $clip"
case $(./afhq --info) in *"what is kept for --trace:"*) ;; *) fail "--info names other options";; esac

expect() { code=$1 text=$2; shift 2; out=$("$@" 2>&1) && got=0 || got=$?; [ "$got" = "$code" ] && case $out in *"$text"*) ;; *) false ;; esac || fail "$*: $got $out"; }
expect 1 "no classes" ./ddpm --class 3
expect 1 "classes 0 to 10" ./mnist --class 11
expect 1 "not a class's number" ./mnist --class 3,x
expect 1 "compile with --clip" ./mnist --clip-text x
expect 1 "is not in here" ./ddpm --size 40x40
expect 2 "not float32" ./ddpm --latents "$models/tiny-vq/reference/ddim.npz:decoded"
expect 1 "samples are pictures" "$sdc" compile vq-1 -o no --clip "$models/tiny-clip"
expect 2 "vocab.json" "$sdc" compile "$models/tiny-ddpm" -o no --clip "$models/tiny-vit"

# Samplers of other trainings than the folder's, and one whose timesteps the network can not take.
expect 1 "predicts no variances" ./ddpm --scheduler ddpm,variance_type=learned_range
expect 1 "EDM's preconditioning" ./ddpm --scheduler edm_euler
expect 1 "makes noise of a picture" ./ddpm --scheduler DDIMInverseScheduler
mkdir edm-folder
cp -r "$models/tiny-ddpm/model_index.json" "$models/tiny-ddpm/scheduler" "$models/tiny-ddpm/unet" edm-folder
chmod -R u+w edm-folder
echo '{"_class_name": "EDMEulerScheduler"}' > edm-folder/scheduler/scheduler_config.json
compile edm-folder -o edm
expect 3 "whole timesteps, which EDMEulerScheduler" ./edm
