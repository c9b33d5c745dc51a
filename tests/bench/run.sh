#!/bin/sh
# bench/run: fields of the results, the table, the document; a peer that fails; what is said about wrong use.
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
. "$2/tests/cli/common.sh"
run() { python3 "$source/bench/run" --sdc "$sdc" --rounds 1 --runs 2 --threads 1 "$@"; }
encoder=$source/models/emoji/text_encoder/model.onnx
results=results/host.json

mkdir -p models/encoder
ln -s "$encoder" models/encoder/
cat >models/encoder/spec.json <<'END'
{"name": "encoder", "tflop": 2e-5,
 "inputs": [{"name": "input_ids", "shape": [1, 8], "dtype": "int64", "kind": "ids", "max": 500, "bos": 0, "eos": 1}]}
END
printf '%s\n' before '<!-- results -->' old '<!-- end of results -->' '<!-- slowest -->' '<!-- end of slowest -->' after >document.md

check "a folder" run models --systems sdc --output $results --update document.md
cp stdout table
is "network" encoder $results measurements 0 model
list() { "$json" $results measurements '*' "$1" | tr '\n' ' '; }
[ "$(list dtype)" = "f32 bf16 " ] || fail "types: $(list dtype)"
is "work" 0.02 $results measurements 0 gflop
is "threads" 1 $results measurements 0 threads
for figure in median_ms best_ms gflops of_ceiling peak_rss_bytes beside_weights_bytes compile_s file_bytes; do
    "$json" $results measurements '*' systems 0 $figure | awk '!($1 > 0) { bad = 1 } END { exit bad || NR != 2 }' ||
        fail "$figure"
done
for ceiling in f32_gflops read_gbs copy_gbs; do
    "$json" $results measurements 0 ceilings $ceiling median | awk '!($1 > 0.1) { exit 1 }' || fail "$ceiling"
done
"$json" $results measurements 1 systems 0 difference | awk '!($1 > 1e-5 && $1 < 2e-2) { exit 1 }' ||
    fail "bf16 is as far from f32 as it may be"
is "f32 is the reference" 0 $results measurements 0 systems 0 difference
grep -q / $results && fail "the results have paths: $(grep / $results)"
[ "$(grep -c '^| encoder | \(f32\|bf16\) | sdc ' table)" = 2 ] || fail "the table: $(cat table)"
[ "$(awk -F'|' '/^\|/ { print NF }' table | sort -u)" = 16 ] || fail "columns: $(cat table)"
head -1 table | grep -q 'Ceilings: f32 [0-9.]* GF/s' || fail "no ceilings: $(head -1 table)"
[ "$(sed -n '1p;$p' document.md | tr '\n' ' ')" = "before after " ] || fail "the document: $(cat document.md)"
[ "$(grep -c '^| encoder | bf16 | gemm' document.md)" -gt 0 ] || fail "no kernels: $(cat document.md)"
"$json" $results measurements 0 profile slowest '*' share | awk '{ sum += $1 } END { exit !(sum > 0.3 && sum <= 1) }' ||
    fail "the slowest kernels' share"
grep -q '^| encoder | f32 ' document.md && ! grep -q old document.md || fail "the document: $(cat document.md)"

# A file with its inputs' shapes, twice its batch; earlier results of other networks stay.  A peer that can not be
# loaded is named.
mkdir broken
echo 'raise RuntimeError("not today: /here/and/there.so")' | tee broken/numpy.py broken/onnx.py >broken/onnxruntime.py
PYTHONPATH=broken
export PYTHONPATH
check "a file" run "$encoder:input_ids=1x8" --models emoji-text_encoder@2 --systems onnxruntime,sdc --dtype f32 \
    --output $results
grep -q 'onnxruntime: skipped: RuntimeError: not today' stderr || fail "stderr: $(cat stderr)"
[ "$(list batch)$(list model)" = "2 1 1 emoji-text_encoder encoder encoder " ] || fail "$(list batch)$(list model)"
is "the one that failed" "RuntimeError: not today: there.so" $results measurements 0 skipped onnxruntime

# Wrong use.
run models --models other >stdout 2>stderr && fail "a model that is not there: no error"
grep -q "no model 'other' there; there are: encoder" stderr || fail "stderr: $(cat stderr)"
run models --systems sdc,tvm >stdout 2>stderr && fail "a system that is not known: no error"
grep -q "'tvm' is none of sdc, onnxruntime" stderr || fail "stderr: $(cat stderr)"
sed -i 's/int64/int32/' models/encoder/spec.json
run models --systems sdc --output $results >stdout 2>stderr && fail "an input of the wrong type: no error"
grep -q "^encoder: .*holds i32, but i64 is wanted" stderr || fail "stderr: $(cat stderr)"
[ "$(entries tmp)" = 0 ] || fail "temporary files: $(ls tmp)"
[ -z "$(find "$source/bench" -name '__pycache__')" ] || fail "caches in the source"
finish
