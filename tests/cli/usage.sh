#!/bin/sh
# Help, version, and what each command says when it is used wrongly: exit code and one line.
. "$2/tests/cli/common.sh"
models

# ---- help and version
expect 0 '' "$sdc" --version
grep -qE '^sdc [0-9]+\.[0-9]+\.[0-9]+$' stdout || fail "--version prints '$(cat stdout)'"
for help in "--help" "-h" "help" "compile --help" "inspect --help" "verify --help" "print --help" "explain --help" "bench --help"; do
    # shellcheck disable=SC2086
    expect 0 '' "$sdc" $help
    grep -q '^Usage: sdc' stdout && grep -q '^Examples:' stdout || fail "$help lacks usage or examples"
    [ "$(awk 'length > 130' stdout | wc -l)" = 0 ] || fail "$help has lines beyond 130 columns"
done
"$sdc" >stdout 2>stderr && fail "sdc without arguments succeeds"
grep -q '^Usage: sdc' stderr || fail "sdc without arguments does not show its usage"

# ---- wrong usage: 1
expect 1 "'compil' is not a command" "$sdc" compil
expect 1 'takes one model' "$sdc" compile
expect 1 'takes one model' "$sdc" compile tiny.onnx
expect 1 'takes one model' "$sdc" compile tiny.onnx tiny.onnx -o out/x
expect 1 'takes one model' "$sdc" inspect
expect 1 'takes one model' "$sdc" print
expect 1 'takes one model' "$sdc" verify
expect 1 'takes one model' "$sdc" explain
expect 1 'takes one model' "$sdc" bench
expect 1 'no-such-option' "$sdc" compile tiny.onnx -o out/x --no-such-option
expect 1 'static' "$sdc" compile tiny.onnx -o out/x --statik
expect 1 'dim' "$sdc" compile tiny.onnx -o out/x --dim
expect 1 "expected LOSS:INPUT, an output of 'y' and an input of 'x'" "$sdc" print tiny.onnx --dim batch=1 --grad z:x --after grad
expect 1 'must be one number' "$sdc" print tiny.onnx --dim batch=1 --grad y:x --after grad
expect 1 'is a single model' "$sdc" compile tiny.onnx -o out/x --clip .
expect 1 'NAME=VALUE' "$sdc" compile tiny.onnx -o out/x --dim batch
expect 1 'whole number' "$sdc" compile tiny.onnx -o out/x --dim batch=two
expect 1 'whole number' "$sdc" compile tiny.onnx -o out/x --dim batch=-1
expect 1 "no such axis.*'batch'" "$sdc" compile tiny.onnx -o out/x --dim bach=1
expect 1 "free axes: 'x' axis 0 is 'batch'.*--dim" "$sdc" compile tiny.onnx -o out/x
expect 1 'extents such as' "$sdc" compile tiny.onnx -o out/x --shape x=1,3
expect 1 "no such input.*'x'" "$sdc" compile tiny.onnx -o out/x --shape z=1x3
expect 1 'rank 2' "$sdc" compile tiny.onnx -o out/x --shape x=1x3x1
expect 1 'fixed at 3' "$sdc" compile tiny.onnx -o out/x --shape x=1x4
for n in 0 -1 M 1.M.5 6Q 6GG 1e9 nan 99999999T ' 5M'; do
    expect 1 'such as 6G' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --max-memory "$n"
done
expect 4 'the least that would do is [0-9]' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --max-memory 1k
expect 1 'exe, lib or source' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --emit exeutable
expect 1 'no such instruction set.*x86-64-v3' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --isa avx9
expect 1 'for pipelines' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --size 8x8
expect 1 'for pipelines' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --default steps=2
expect 1 'whole number' "$sdc" compile tiny.onnx -o out/x --dim batch=1 --jobs 0
expect 1 'no such pass.*simplify' "$sdc" print tiny.onnx --dim batch=1 --after simplfy
mkdir folder
expect 1 'is a folder' "$sdc" compile tiny.onnx -o folder --dim batch=1
rmdir folder

# ---- bad input: 2
expect 2 'none.onnx: .*No such file' "$sdc" compile none.onnx -o out/x
expect 2 'none.npy' "$sdc" compile tiny.onnx -o out/x --bind x=none.npy
expect 2 'none' "$sdc" verify tiny.onnx --data none
mkdir folder
expect 2 'model_index.json' "$sdc" compile folder -o out/x
expect 2 '.*' "$sdc" inspect folder
expect 2 'out/none/x' "$sdc" compile tiny.onnx -o out/none/x --dim batch=1

# ---- the executable's own
check "compiling tiny.onnx" "$sdc" compile tiny.onnx -o tiny --dim batch=2
for help in "--help" "--version" "--info" "--check"; do
    check "./tiny $help" ./tiny $help
done
expect 1 'no such input.*x|the model has no such input' ./tiny --input z=none.npy
expect 2 'none.npy' ./tiny --input x=none.npy
expect 1 'no such output|the model has no such output' ./tiny --output z=out/z.npy
expect 1 '.*' ./tiny --threads 0
expect 1 '.*' ./tiny --no-such-option
finish
