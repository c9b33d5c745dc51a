#!/bin/sh
# The commands of README.md's sh blocks do what they say, in order, in a folder with models/, docs/ and build/sdc.
#
#   readme.sh SDC SOURCE WORK
set -eu
sdc=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work/build"
ln -s "$source/models" "$source/docs" "$work/"
ln -s "$sdc" "$work/build/sdc"
sed -n '/^```sh$/,/^```$/p' "$source/README.md" | grep -v '^```' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 15 ] || { echo "README.md: the examples were not found"; exit 1; }
cd "$work"
sh -eux ./commands
for file in owl.png apple.png ladybug.png pizza.npy graph.txt net.a net.so net.h net.weights bench.html; do
    [ -s $file ] || { echo "README.md: $file was not written"; exit 1; }
done
