#!/bin/sh
# Compiles the demo pipeline and, where it is there, tiny-sd1, then runs sd_reference over them; and holds the
# memory that they take against the certificate.
#
#   pipelines.sh SDC SOURCE WORK SD_REFERENCE CHECK_CERTIFICATE
set -eu
sdc=$1 source=$2 work=$3 reference=$4 certificate=$5
rm -rf "$work"
mkdir -p "$work"
"$sdc" compile "$source/models/emoji" -o "$work/emoji" --quiet
"$certificate" "$work/emoji" --prompt "a crab" --steps 2
tiny=$source/../shared/data/models/tiny-sd1
if [ -d "$tiny" ]; then
    "$sdc" compile "$tiny" -o "$work/tiny" --quiet
    "$certificate" "$work/tiny" --prompt "a crab" --steps 2
    "$reference" "$source" "$work/emoji" "$work/tiny"
else
    "$reference" "$source" "$work/emoji"
fi
rm -rf "$work"
