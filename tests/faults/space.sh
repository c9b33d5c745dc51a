#!/bin/sh
# No room: file-size limits, address-space limits and folders that can not be written, at many sizes.  Every one ends in
# one line and a documented exit code, with nothing left behind; with room enough the output is made.
. "$2/tests/cli/common.sh"
export SDC_CACHE=                       # the compiler is to run
models
compile="$sdc compile tiny.onnx -o out/x --dim batch=2 --quiet"

# limited WHAT: a run under a limit succeeded, or said in one line that there is no room (4), or that the compiler found
# none (5); what it leaves is the finished output or nothing.
limited() {
    checks=$((checks + 1))
    [ "$got" = 0 ] || [ "$got" = 4 ] || [ "$got" = 5 ] || fail "$1: exit code $got: $(head -c 300 stderr)"
    [ "$got" = 0 ] || [ "$(wc -l <stderr)" = 1 ] || fail "$1: more or less than one line: $(head -c 300 stderr)"
    [ "$got" = 0 ] && { out/x --check >stdout 2>stderr || fail "$1: the output is damaged"; }
    rm -f out/x
    [ "$(entries out)" = 0 ] || { fail "$1: left $(ls -A out)"; rm -rf out/* out/.[!.]*; }
    [ "$(entries tmp)" = 0 ] || { fail "$1: left temporary files: $(ls -A tmp)"; rm -rf tmp/*; }
    seen="$seen $got"
}

seen=
for blocks in 1 2 4 8 16 32 64 128 256 512 1024 2048 4096 8192 65536; do
    (ulimit -f $blocks && exec $compile) >stdout 2>stderr
    got=$?
    limited "files of $blocks blocks"
done
case "$seen" in *4*0*) ;; *) fail "file sizes: not one run failed for room and one succeeded:$seen" ;; esac

seen=
for kilobytes in 2000 4000 6000 7000 8000 9000 10000 12000 16000 24000 64000; do
    (ulimit -v $kilobytes && exec "$sdc" inspect tiny.onnx --dim batch=2) >stdout 2>stderr
    got=$?
    checks=$((checks + 1))
    case $got in
        0 | 4) ;;
        # the program itself did not fit: the kernel or the loader says so
        126 | 127 | 134 | 137 | 139) [ $kilobytes -lt 12000 ] || fail "memory of $kilobytes kB: exit code $got" ;;
        *) fail "memory of $kilobytes kB: exit code $got: $(head -c 300 stderr)" ;;
    esac
    seen="$seen $got"
done
case "$seen" in *0) ;; *) fail "memory: no run succeeded:$seen" ;; esac

TMPDIR=$work/absent expect 4 'set TMPDIR to a folder' $compile
TMPDIR=$work/absent expect 4 'set TMPDIR to a folder' "$sdc" verify tiny.onnx --compiled --dim batch=2
expect 2 'absent/x' "$sdc" compile tiny.onnx -o absent/x --dim batch=2 --quiet
[ -c /dev/full ] && expect 4 'No space' sh -c "$sdc print tiny.onnx >/dev/full"

finish
