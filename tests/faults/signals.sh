#!/bin/sh
# SIGINT, SIGTERM and SIGHUP at several moments of a compilation and of drawings that show previews: nothing is left, in
# the folder for temporary files neither.
. "$2/tests/cli/common.sh"
export SDC_CACHE=                       # the compiler is to run
emoji=$source/models/emoji

# interrupted SIGNAL SECONDS COMMAND...: it died of the signal, or it was done before.
interrupted() {
    signal=$1 seconds=$2
    shift 2
    checks=$((checks + 1))
    timeout -s "$signal" "$seconds" "$@" >stdout 2>stderr
    got=$?
    [ "$got" = 124 ] || [ "$got" = 0 ] || fail "$*: exit code $got at $signal after $seconds s: $(head -c 300 stderr)"
    ended=$((ended + (got == 124)))
    [ "$got" = 0 ] && rm -f out/*
    [ "$(entries out)" = 0 ] || { fail "$*: $signal after $seconds s left $(ls -A out)"; rm -rf out/* out/.[!.]*; }
    [ "$(entries tmp)" = 0 ] || { fail "$*: $signal after $seconds s left $(ls -A tmp)/$(ls -A tmp/*)"; rm -rf tmp/*; }
}

ended=0
for signal in INT TERM HUP; do
    for seconds in 0.4 0.9 1.4 1.9; do
        interrupted $signal $seconds "$sdc" compile "$emoji" -o out/x --no-cache --jobs 4 --quiet
    done
done
[ $ended -ge 6 ] || fail "only $ended of 12 compilations were interrupted"

# draws PROGRAM OPTION...: a preview was there when the signal came.
draws() {
    for signal in INT TERM HUP; do
        rm -f seen
        (while ! [ -e out/x.preview.png ]; do sleep 0.02; done; touch seen) &
        watch=$!
        interrupted $signal 2 "$@" --steps 900 --preview-every 2 --quiet -o out/x.png
        kill $watch 2>/dev/null
        [ -e seen ] || fail "$1: showed no preview in 2 s"
    done
}
check "compile the demo" "$sdc" compile "$emoji" -o emoji --quiet --cflag -O0
draws ./emoji "a crab"
ddpm=$source/../shared/data/models/tiny-ddpm
if [ -d "$ddpm" ]; then
    check "compile tiny-ddpm" "$sdc" compile "$ddpm" -o ddpm --quiet --cflag -O0
    draws ./ddpm
fi
finish
