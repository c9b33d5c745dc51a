#!/bin/sh
# --emit lib: builds two libraries and the executables of the same models, then runs test_library.c over them.
#
#   test.sh SDC CC SOURCE WORK RUNTIME_ARCHIVE      SOURCE: the project's folder, WORK: a folder that is made anew
set -eu
sdc=$1 cc=$2 source=$3 work=$4 archive=$5
failures=0
fail() { echo "$*"; failures=1; }

rm -rf "$work"
mkdir -p "$work/other"
cd "$work"
decode="$source/models/emoji/vae_decoder/model.onnx --shape latent_sample=1x16x4x4 --quiet --cc $cc"
encode="$source/models/emoji/text_encoder/model.onnx --shape input_ids=1x32 --quiet --cc $cc"
# shellcheck disable=SC2086
{
    "$sdc" compile $decode -o decode
    "$sdc" compile $decode -o decode --emit lib && [ -x decode.so ]
    "$sdc" compile $encode -o encoder
    "$sdc" compile $encode -o text --emit lib --prefix encode
}
mv text.weights encode.weights
mv text.h encode.h
for seed in 3 4; do ./decode --seed $seed --output sample=decode-$seed.npy; done
# input_ids 0, 100, 200 ...: a .npy by hand.
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 32), }"
    for k in $(seq 0 31); do
        v=$((k * 100))
        printf "\\$(printf %03o $((v % 256)))\\$(printf %03o $((v / 256)))\000\000\000\000\000\000"
    done
} >ids.npy
./encoder --input input_ids=ids.npy --output last_hidden_state=encode.npy

# The program: two libraries and the runtime itself in one.
"$cc" -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -I. -I"$source/runtime" "$source/tests/library/test_library.c" \
    decode.a text.a "$archive" -o program -rdynamic -ldl -lm -pthread
./program . 2>stderr || fail "the program failed"
[ ! -s stderr ] || { fail "the libraries printed:"; cat stderr; }

# What is visible, and what is asked of others.
for file in decode.a text.a; do
    prefix=decode
    [ $file = decode.a ] || prefix=encode
    nm -g --defined-only $file | grep -E ' [A-Z] ' | grep -v " ${prefix}_" && fail "$file: other symbols are visible"
    nm -u $file | grep -wE 'exit|_exit|abort|signal|sigaction|printf|puts|fprintf|stderr|stdout|fork|system|environ|getenv' &&
        fail "$file: does what a library must not"
done
nm -D --defined-only decode.so | grep -v ' decode_' && fail "decode.so: other symbols are visible"
nm -f sysv decode.a | grep -E '[|](\.data|\.bss|COMMON)' | grep -vF .data.rel.ro && fail "decode.a: has global state"

# The header by itself, as C and as C++.
printf '#include "decode.h"\nint main(void) { return decode_abi() != DECODE_ABI; }\n' >alone.c
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror alone.c decode.a -o alone -lm -pthread
./alone || fail "another ABI than the header's"
if command -v c++ >/dev/null; then
    cp alone.c alone.cc
    c++ -Wall -Wextra -Wpedantic -Werror alone.cc decode.a -o alone -lm -pthread && ./alone || fail "the header is no C++"
fi

# Where no archive fits, the runtime is compiled with the kernels: a compiler for "another machine".
printf '#!/bin/sh\nfor a; do [ "$a" = -dumpmachine ] && echo other-linux-gnu && exit; done\nexec %s "$@"\n' "$cc" >othercc
chmod +x othercc
# shellcheck disable=SC2086
"$sdc" compile $decode -o other/decode --emit lib --isa generic --cc ./othercc
"$cc" -Iother alone.c other/decode.a -o alone -lm -pthread
./alone || fail "the library for another machine does not work"

# Wrong usage leaves nothing.
mkdir none
# shellcheck disable=SC2086
for wrong in "--emit lib --prefix 9x" "--emit lib --prefix a-b" "--emit lib --static" "--prefix x"; do
    if "$sdc" compile $decode -o none/out $wrong 2>message; then fail "accepted: $wrong"; else code=$?; fi
    [ "$code" = 1 ] && [ "$(wc -l <message)" = 1 ] || fail "$wrong: exit $code: $(cat message)"
done
[ -z "$(ls -A none)" ] || fail "files were left: $(ls -A none)"
exit $failures
