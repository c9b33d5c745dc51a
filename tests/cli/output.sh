#!/bin/sh
# Every kind of output computes the same, wherever sdc runs: executable, static executable, library's source, cross build;
# from another folder with neither the source tree nor the build folder in sight.
. "$2/tests/cli/common.sh"
models
run() { "$@" --input x="$work/x.npy" --output y="$work/$name.npy"; }
same() { cmp -s "$work/y.npy" "$work/$name.npy" || fail "$name: its output is wrong"; }
# npy ROWS COLUMNS BYTES...: small whole numbers, so that every machine computes the same bits.
npy() {
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($1, $2), }"
    printf "$3"
}
zero='\000\000\000\000' one='\000\000\200\077' four='\000\000\200\100'
six='\000\000\300\100'
npy 2 3 "$one$zero$one$one$one$zero" >x.npy         # w = [1, 2] [3, 4] [0, -1]
npy 2 2 "$one$one$four$six" >y.npy

name=plain
check "compile" "$sdc" compile tiny.onnx -o out/plain --dim batch=2 --isa generic
check "run" run out/plain
same

name=static
check "compile --static" "$sdc" compile tiny.onnx -o out/static --dim batch=2 --isa generic --static
check "run it" run out/static && same
(ldd out/static 2>&1 || true) | grep -qE 'not a dynamic|statically' || fail "--static: is linked dynamically"

name=from_source
check "compile --emit source" "$sdc" compile tiny.onnx -o out/from_source --dim batch=2 --isa generic --emit source
check "make" make -s -C out/from_source
check "run it" run out/from_source/from_source && same

# The same command gives the same bytes.
mkdir again && check "compile in another folder" sh -c 'cd again && "$1" compile ../tiny.onnx -o plain --dim batch=2 --isa generic' - "$sdc"
cmp -s out/plain again/plain || fail "two compilations of the same model differ"

# A library or source tree that is not there must not matter.
name=elsewhere
cp "$sdc" sdc-alone
if unshare -rm true 2>/dev/null; then
    keep=$(mktemp -d /tmp/sdc-alone-XXXXXX)
    cp sdc-alone tiny.onnx x.npy "$keep"
    check "compile without source tree and build folder" unshare -rm sh -c '
        mount -t tmpfs none "$1" && cd "$2" && TMPDIR="$2" ./sdc-alone compile tiny.onnx -o elsewhere --dim batch=2 --isa generic &&
        ./elsewhere --input x=x.npy --output y=elsewhere.npy' - "$source" "$keep"
    cp "$keep/elsewhere.npy" . 2>/dev/null && same
    [ "$(entries "$keep")" = 5 ] || fail "compile left files: $(ls -A "$keep")"
    rm -rf "$keep"
else
    echo "skipped 1: no unprivileged mount namespaces here"
fi

# Cross build.
name=aarch64
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
    check "cross build" "$sdc" compile tiny.onnx -o out/aarch64 --dim batch=2 --isa aarch64 --cc aarch64-linux-gnu-gcc --static
    check "run it" run qemu-aarch64 out/aarch64 && same
    expect 1 'makes code for aarch64' "$sdc" compile tiny.onnx -o out/wrong --dim batch=2 --isa x86-64-v3 --cc aarch64-linux-gnu-gcc
else
    echo "skipped 1: no aarch64 compiler or no qemu-aarch64"
fi
finish
