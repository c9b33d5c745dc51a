#!/bin/sh
# Where --max-memory leaves no room for guidance in one go, its halves go through the network one after the other: the
# same latents, from an executable that keeps to the limit.  Without --exact what does not fit whole has other roundings.
#
#   halves.sh SDC SOURCE WORK
set -eu
sdc=$1 source=$2 work=$3
limit=12600                         # kB: below what the network of batch 2 takes, above what all others do
rm -rf "$work"
mkdir -p "$work"
cd "$work"

"$sdc" compile "$source/models/emoji" -o whole --exact --quiet
"$sdc" compile "$source/models/emoji" -o halves --exact --max-memory "${limit}k" > report
grep -q "unet@b2.*left out" report || { echo "FAILED: guidance in one go fits"; cat report; exit 1; }
for build in whole halves; do
    "./$build" "a crab" --quiet --steps 9 --save-latents "$build.npy" -o "$build.png" > /dev/null
done
cmp whole.npy halves.npy || { echo "FAILED: other latents"; exit 1; }
./halves --info --threads 1 | awk -v limit="$limit" '
    $1 == "weights" && $3 == "MiB" { weights = $2 }
    $1 == "in" && $2 == "all"      { all = $3 }
    END { kilobytes = (all - weights) * 1048.576; print kilobytes " of " limit " kB"; exit all == 0 || kilobytes > limit }'
rm -rf "$work"
