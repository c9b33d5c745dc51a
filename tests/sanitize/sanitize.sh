#!/bin/sh
# The address, undefined-behaviour and leak sanitizers on the compiler, and on what it emits.
#
#   sanitize.sh SOURCE BUILD FIXTURE_COMMANDS BAD_INPUT [--all]      BUILD: a build folder of its own, kept for the next time
#
# Every fixture is compiled to source and every damaged model refused by an sdc built with the sanitizers; a sample of the
# fixtures goes through its oracle, and is built and run as an executable with the sanitizers in it (all with --all).
set -eu
source=$1 build=$2 fixture_commands=$3 bad_input=$4 all=${5-}
jobs=$(nproc)
work=$build/sanitize.work
cmake -S "$source" -B "$build" -DSDC_SANITIZE=ON -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" -j "$jobs" --target sdc -- -s
rm -rf "$work"
mkdir -p "$work/bad"
sdc=$build/sdc
flag=--cflag=-fsanitize=address,undefined

# one NAME WHAT COMMAND...: its output is shown only when it fails.
cat >"$work/one" <<'EOF'
#!/bin/sh
name=$1 what=$2
shift 2
log=$(mktemp "$0.XXXXXX")
"$@" >"$log" 2>&1 || { echo "FAILED: $what $name"; head -40 "$log"; code=1; }
rm -f "$log"
exit ${code-0}
EOF
chmod +x "$work/one"

"$fixture_commands" "$source" 2>"$work/commands.log" >"$work/commands" || { cat "$work/commands.log"; exit 1; }
awk -v sdc="$sdc" -v work="$work" -v flag="$flag" -v all="$all" '{
    split($0, half, " \\| ")
    n = split(half[1], word, " ")
    name = word[1]
    options = substr(half[1], length(name) + 2)
    folder = work "/" NR
    print work "/one", name, "compile", sdc, "compile", options, "--emit", "source", "-q", "-o", folder
    sampled = all != "" || NR % 24 == 7
    if (sampled) {
        if (half[2] ~ /--data=/)
            print work "/one", name, "oracle", sdc, "verify", half[2], "--rms", "2e-3"
        print work "/one", name, "emitted", sdc, "verify", half[2], "--rms", "2e-3", "--compiled", "--cflag=-O1", flag, "--jobs", "1"
    }
    if (all != "" || NR % 72 == 7) {
        print work "/one", name, "emitted", sdc, "verify", half[2], "--dtype", "bf16", "--rms", "5e-2", "--compiled", "--cflag=-O1", flag, "--jobs", "1"
    }
}' "$work/commands" >"$work/list"
failed=0
xargs -P "$jobs" -L 1 env <"$work/list" >"$work/out" || failed=1
cat "$work/out"
"$bad_input" "$sdc" "$work/bad" >"$work/bad.log" 2>&1 || { failed=1; tail -60 "$work/bad.log"; }
tail -1 "$work/bad.log"
echo "$(grep -c ' compile ' "$work/list") fixtures compiled, $(grep -c ' oracle ' "$work/list") evaluated by the oracle, $(grep -c ' emitted ' "$work/list") run as executables, $(grep -c FAILED "$work/out") failed"
rm -rf "$work"
exit $failed
