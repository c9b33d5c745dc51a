#!/bin/sh
# bench/pictures without any peer: fields of the results, the table, the document; what is said about wrong use.
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
. "$2/tests/cli/common.sh"
run() { python3 "$source/bench/pictures" --sdc "$sdc" --rounds 1 --threads 1 --steps 2 --dtype f32 "$@"; }
results=results/host.json

# A network's results lie in the same file.
mkdir results
echo '{"host": {"name": "other"}, "measurements": [{"model": "network"}]}' >$results
printf 'before\n<!-- pictures -->\nold\n<!-- end of pictures -->\nafter\n' >document.md

check "a folder" run "$source/models/emoji" --systems sdc --output $results --update document.md
cp stdout table
is "a network's results stay" network $results measurements 0 model
is "pipeline" emoji $results pictures 0 model
is "size" 128x128 $results pictures 0 size
is "steps" 2 $results pictures 0 steps
is "scheduler" DDIMScheduler $results pictures 0 scheduler
is "latents" 16 $results pictures 0 inputs latents 1
is "f32 is the reference" 0 $results pictures 0 systems 0 difference
is "so is its picture" 0 $results pictures 0 systems 0 picture_difference
for figure in median_ms step_ms text_ms decode_ms gflops of_ceiling peak_rss_bytes beside_weights_bytes compile_s; do
    "$json" $results pictures 0 systems 0 $figure | awk '!($1 > 0) { exit 1 }' || fail "$figure"
done
# Two prompts, two steps of two rows and one picture, which take what --info says.
"$json" $results pictures 0 gflop | awk '!($1 > 12 && $1 < 13) { exit 1 }' || fail "work"
grep -q / $results && fail "the results have paths: $(grep / $results)"
[ "$(grep -c '^| emoji, 128x128, 2 steps | f32 | sdc ' table)" = 1 ] || fail "the table: $(cat table)"
[ "$(awk -F'|' '/^\|/ { print NF }' table | sort -u)" = 20 ] || fail "columns: $(cat table)"
[ "$(sed -n '1p;$p' document.md | tr '\n' ' ')" = "before after " ] || fail "the document: $(cat document.md)"
grep -q '^| emoji, ' document.md && ! grep -q old document.md || fail "the document: $(cat document.md)"

# Networks as bench/run takes them become a folder; a peer that can not be loaded is named.
mkdir -p networks tokenizer broken
for part in text_encoder=clip-l unet=sd15-unet vae_decoder=sd1-vae-decoder; do
    mkdir networks/${part#*=}
    ln -s "$source/models/emoji/${part%=*}/model.onnx" networks/${part#*=}/
    { printf '{"inputs": [], "torch": {"config": '; cat "$source/models/emoji/${part%=*}/config.json"; echo '}}'; } \
        >networks/${part#*=}/spec.json
done
cp "$source/models/emoji/tokenizer/vocab.json" "$source/models/emoji/tokenizer/merges.txt" tokenizer
for module in torch diffusers transformers onnx openvino; do
    echo 'raise RuntimeError("not today: /here/and/there.so")' >broken/$module.py
done
PYTHONPATH=broken
export PYTHONPATH
check "networks" run networks --tokenizer tokenizer --systems openvino,sdc --output $results
grep -q 'openvino: skipped: RuntimeError: not today' stderr || fail "stderr: $(cat stderr)"
is "the folder that is made" sd15 $results pictures 1 model
is "the one that failed" "RuntimeError: not today: there.so" $results pictures 1 skipped openvino
is "earlier pictures stay" emoji $results pictures 0 model

# Wrong use.
run models --systems sdc,tvm >stdout 2>stderr && fail "a system that is not known: no error"
grep -q "'tvm' is none of sdc, onnxruntime, openvino, torch" stderr || fail "stderr: $(cat stderr)"
run "$source/models/emoji" --size 128 >stdout 2>stderr && fail "no size: no error"
grep -q "'128' is not WIDTHxHEIGHT" stderr || fail "stderr: $(cat stderr)"
run tokenizer --systems sdc --output $results >stdout 2>stderr && fail "no networks: no error"
grep -q "tokenizer is no pipeline's folder (it has no model_index.json), and has no clip-l" stderr ||
    fail "stderr: $(cat stderr)"
run "$source/models/emoji" --systems sdc --size 100x100 --output $results >stdout 2>stderr && fail "a size: no error"
grep -q "must be multiples of 8" stderr || fail "stderr: $(cat stderr)"
[ "$(entries tmp)" = 0 ] || fail "temporary files: $(ls tmp)"
[ -z "$(find "$source/bench" -name '__pycache__')" ] || fail "caches in the source"
finish
