#!/bin/sh
# SIGKILL at 25 moments of a compilation: the output is absent, what it was before, or complete; a second run works.
. "$2/tests/cli/common.sh"
export SDC_CACHE=                       # the compiler is to run
models
"$sdc" compile tiny.onnx -o whole --dim batch=2 --quiet || fail "compile"
begin=$(date +%s%N)
"$sdc" compile tiny.onnx -o again --dim batch=2 --quiet || fail "compile"
span=$(($(date +%s%N) - begin))
for k in $(seq 1 25); do
    checks=$((checks + 1))
    [ $((k % 2)) = 0 ] || rm -f out/x
    [ $((k % 4)) = 0 ] && echo old >out/x
    delay=$(awk "BEGIN { print $span / 1e9 * $k / 24 }")
    timeout -s KILL "$delay" "$sdc" compile tiny.onnx -o out/x --dim batch=2 --quiet 2>/dev/null
    if [ -e out/x ] && [ "$(head -c 3 out/x)" != old ]; then
        out/x --check >stdout 2>stderr || fail "killed after $delay s: the output is damaged: $(cat stderr)"
    fi
done
rm -rf out/* tmp/*
check "a compilation afterwards" "$sdc" compile tiny.onnx -o out/x --dim batch=2
finish
