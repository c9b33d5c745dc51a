#!/bin/sh
# The cache of objects: the same bytes with and without, damaged and foreign entries, its bound, folders that can not be used,
# and compilations that share it or are killed.
. "$2/tests/cli/common.sh"
models
cache=$work/cache
export SDC_CACHE="$cache"
compile() { "$sdc" compile tiny.onnx --dim batch=2 "$@"; }
# cached N WHAT ARGUMENTS...: N objects come from the cache ("all": every one); the output is that without a cache.
cached() {
    wanted=$1 what=$2
    shift 2
    check "$what" compile -o out/x "$@"
    sed -nE 's/^C compilation: ([0-9]+) objects .* ([0-9]+) of them from the cache.*/\1 \2/p' stdout >counts
    read -r objects found <counts || fail "$what: no line about objects"
    [ "$wanted" != all ] || wanted=$objects
    [ "$found" = "$wanted" ] || fail "$what: $found of $objects objects from the cache, expected $wanted"
    cmp -s out/x plain || fail "$what: not the bytes of a compilation without cache"
}
check "without cache" compile -o out/x --no-cache
mv out/x plain
[ ! -e "$cache" ] || fail "--no-cache makes a cache"

cached 0 "empty"
entries=$(entries "$cache")
[ "$entries" -ge 4 ] || fail "only $entries entries"
cached all "full"
cached 0 "--no-cache" --no-cache
cached 0 "another name of the compiler" --cc "$(command -v cc)"
check "--cflag" compile -o out/other --cflag -DANYTHING
grep -q ' 0 of them from the cache' stdout || fail "--cflag: takes objects from the cache"
check "another instruction set" compile -o out/other --isa generic
grep -q ' 0 of them from the cache' stdout || fail "--isa generic takes native objects"

# Entries that are damaged, cut short, empty, or another's.
rm -rf "$cache"
cached 0 "afresh"
for file in "$cache"/*; do printf 'X' | dd of="$file" bs=1 seek=200 conv=notrunc 2>/dev/null; done
cached 0 "damaged entries"
cached all "entries made again"
for file in "$cache"/*; do truncate -s 100 "$file"; done
cached 0 "entries cut short"
for file in "$cache"/*; do : >"$file"; done
cached 0 "empty entries"
first=$(ls "$cache" | head -1)
for file in "$cache"/*; do [ "$file" = "$cache/$first" ] || cp "$cache/$first" "$file"; done
cached 1 "entries of another name"

# Its bound: what was not used for longest goes, and nothing else that lies there.
for k in 1 2 3; do
    truncate -s 100M "$cache/0000000000000000000000000000000$k.o"
    touch -d "2001-01-0$k" "$cache/0000000000000000000000000000000$k.o"
done
truncate -s 300M "$cache/mine.o"
rm "$cache/$first"
cached $((entries - 1)) "a cache that is too large"
[ ! -e "$cache/00000000000000000000000000000001.o" ] || fail "the oldest entry is still there"
[ -e "$cache/00000000000000000000000000000003.o" ] || fail "a newer entry is gone"
[ -e "$cache/mine.o" ] || fail "a file that is no entry was removed"
cached all "what is in use stays"

# No folder for it: no cache, and no word of it.
for folder in "" /proc/none "$work/tiny.onnx"; do
    SDC_CACHE=$folder cached 0 "SDC_CACHE=$folder"
    [ ! -s stderr ] || fail "SDC_CACHE=$folder: $(cat stderr)"
done
expect 0 '' env -u SDC_CACHE -u XDG_CACHE_HOME HOME=/proc/none "$sdc" compile tiny.onnx --dim batch=2 -o out/x
env -u SDC_CACHE -u XDG_CACHE_HOME HOME=/proc/none "$sdc" compile tiny.onnx --dim batch=2 -o out/x --verbose >stdout 2>stderr
grep -q '^no cache in /proc' stderr || fail "--verbose does not say that there is no cache"
chmod 777 "$cache"
cached 0 "a folder that others may write"
chmod 700 "$cache"
mkdir home
check "HOME" env -u SDC_CACHE -u XDG_CACHE_HOME HOME="$work/home" "$sdc" compile tiny.onnx --dim batch=2 -o out/x
[ "$(entries home/.cache/sdc)" = "$entries" ] || fail "HOME: no cache in ~/.cache/sdc"
check "XDG_CACHE_HOME" env -u SDC_CACHE XDG_CACHE_HOME="$work/xdg" "$sdc" compile tiny.onnx --dim batch=2 -o out/x
[ "$(entries xdg/sdc)" = "$entries" ] || fail "XDG_CACHE_HOME: no cache in it"

# Compilations at the same time, and killed ones, leave entries that are whole.
rm -rf "$cache"
for k in 1 2 3 4; do mkdir out/$k && compile -o out/$k/x --quiet & done
wait
for k in 1 2 3 4; do cmp -s out/$k/x plain || fail "compilation $k of several at once"; done
cached all "after several at once"
for delay in 0.1 0.2 0.3 0.4 0.6; do
    rm -rf "$cache"
    timeout -s KILL $delay "$sdc" compile tiny.onnx --dim batch=2 -o out/x --quiet 2>/dev/null
    check "after a kill at $delay s" compile -o out/x
    cmp -s out/x plain || fail "after a kill at $delay s"
done
rm -rf tmp/*
finish
