#!/bin/sh
# generated/ is what this sdc emits.
#
#   generated.sh SDC SOURCE WORK [--update]      WORK: a folder that is made anew; --update: replaces generated/*.[ch]
set -eu
sdc=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
"$sdc" compile "$source/models/emoji/vae_decoder/model.onnx" -o "$work/vae_decoder" --emit source --isa x86-64-v3 \
    --shape latent_sample=1x16x4x4 --quiet
cp "$(ls "$work"/vae_decoder/conv_[0-9a-f]*.c | head -1)" "$work/vae_decoder/conv.c"     # its name has a hash
for file in program_0.c kernels.h conv.c; do
    if [ "${4-}" = --update ]; then
        cp "$work/vae_decoder/$file" "$source/generated/$file"
    else
        diff -u "$source/generated/$file" "$work/vae_decoder/$file"
    fi
done
bytes=$(cat "$source"/generated/* | wc -c)
[ "$bytes" -lt 60000 ] || { echo "generated/ holds $bytes bytes; it is meant to be read"; exit 1; }
