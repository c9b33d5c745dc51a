# Less memory: a VAE decoder whose images are made in strips gives the bytes of --exact, which makes them whole.  The statistics
# of its norms are taken in double, so that they do not tell how the image was cut; emoji's has none.
. "$(dirname "$0")/common.sh"

#   strips MODEL EXTENT SWEEPS   latents of EXTENT x EXTENT; at least so many sweeps
strips() {
    compile() { "$sdc" compile "$@" --dim batch_size=1 --dim latent_height="$extent" --dim latent_width="$extent"; }
    model=$1 extent=$2 sweeps=$3
    check "$model" compile "$model" -o whole --exact --quiet
    check "whole" ./whole --seed 3 --output sample=whole.npy
    compile "$model" -o none --max-memory 1k > /dev/null 2> error && fail "1 kB is enough"
    least=$(sed 's/.*the least that would do is //' error)
    for limit in "$least" $((least * 8 / 7)); do
        check "compile for $limit" compile "$model" -o strips --max-memory "$limit"
        made=$(sed -n 's/.* in strips, \([0-9]*\) sweep.*/\1/p' stdout)
        [ "${made:-0}" -ge "$sweeps" ] || fail "$limit: ${made:-no} sweeps"
        check "strips" ./strips --seed 3 --threads 2 --output sample=strips.npy
        check "the same bytes at $limit" cmp whole.npy strips.npy
        echo "$limit: $made sweeps"
    done
}

strips "$source/models/emoji/vae_decoder/model.onnx" 8 1
recorded=$source/../shared/data/models/tiny-sd1/vae_decoder/model.onnx
[ ! -f "$recorded" ] || strips "$recorded" 32 3
finish
