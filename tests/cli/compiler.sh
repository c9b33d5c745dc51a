#!/bin/sh
# The C compiler missing, failing, killed, and ended with us: exit code 5, one line, nothing left behind.
. "$2/tests/cli/common.sh"
export SDC_CACHE=                       # the compiler is to run
models
compile() { "$sdc" compile tiny.onnx -o out/x --dim batch=2 "$@"; }
script() { printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod +x "$1"; }

expect 5 "'no-such-compiler' is not there" compile --cc no-such-compiler
expect 5 "'false' failed" compile --cc false
script fails 'for a; do [ "$a" = -c ] && { echo "x.c:1: error: told to fail" >&2; exit 1; }; done; exec cc "$@"'
expect 5 'told to fail' compile --cc ./fails
script links 'for a; do [ "$a" = -c ] && exec cc "$@"; done; case "$*" in *-o*) echo "ld: no room" >&2; exit 1;; esac; exec cc "$@"'
expect 5 'no room' compile --cc ./links
script killed 'for a; do [ "$a" = -c ] && kill -9 $$; done; exec cc "$@"'
expect 5 'signal 9' compile --cc ./killed

# TMPDIR that can not be written, and one that is not there.
ro=/proc
TMPDIR=$ro "$sdc" compile tiny.onnx -o out/x --dim batch=2 >stdout 2>stderr
[ $? = 4 ] || fail "TMPDIR=$ro: exit code $?"
[ "$(wc -l <stderr)" = 1 ] || fail "TMPDIR=$ro: $(cat stderr)"
TMPDIR=$work/none "$sdc" compile tiny.onnx -o out/x --dim batch=2 >stdout 2>stderr
[ $? = 4 ] || fail "TMPDIR that is not there: $(cat stderr)"
[ "$(entries out)" = 0 ] || fail "left $(ls -A out)"

# Files may not grow: the weights, or what is linked, do not fit.  153: ended by SIGXFSZ, as it would without us.
for blocks in 1 40; do
    sh -c 'ulimit -f '$blocks'; trap "" XFSZ; exec "$@"' - "$sdc" compile tiny.onnx -o out/x --dim batch=2 >stdout 2>stderr
    code=$?
    [ $code = 4 ] || [ $code = 5 ] || [ $code = 153 ] || fail "files of at most $blocks blocks: exit code $code: $(cat stderr)"
    [ "$(entries out)$(entries tmp)" = 00 ] || fail "files of at most $blocks blocks: left $(ls -A out tmp)"
done

# Signals while the compiler runs: it ends too, and nothing is left.
script slow 'for a; do [ "$a" = -c ] && { echo $$ >>'"$work"'/pids; exec sleep 60; }; done; exec cc "$@"'
for signal in INT TERM HUP; do
    : >pids
    # A shell's background process ignores INT; the timeout command does not.
    timeout --preserve-status -s $signal 1 "$sdc" compile tiny.onnx -o out/x --dim batch=2 --cc ./slow >stdout 2>stderr
    code=$?
    checks=$((checks + 1))
    case $code in 130 | 143 | 129) ;; *) fail "SIG$signal: exit code $code" ;; esac
    [ "$(entries out)$(entries tmp)" = 00 ] || fail "SIG$signal: left $(ls -A out tmp)"
    [ -s pids ] || fail "SIG$signal: the compiler was not reached"
    for pid in $(cat pids); do
        kill -0 "$pid" 2>/dev/null && { fail "SIG$signal: compiler $pid still runs"; kill -9 "$pid"; }
    done
done
finish
