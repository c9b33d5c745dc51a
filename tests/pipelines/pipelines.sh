#!/bin/sh
# The demo pipeline against its recorded runs by sd_reference, those of ../shared/data/models by trajectory; and the
# memory that the demo and tiny-sd1 take against the certificate.
#
#   pipelines.sh SDC SOURCE WORK SD_REFERENCE CHECK_CERTIFICATE TRAJECTORY
set -eu
sdc=$1 source=$2 work=$3 reference=$4 certificate=$5 trajectory=$6
rm -rf "$work"
mkdir -p "$work"
"$sdc" compile "$source/models/emoji" -o "$work/emoji" --quiet
"$certificate" "$work/emoji" --prompt "a crab" --steps 2
"$reference" "$source" "$work/emoji"
tiny=$source/../shared/data/models/tiny-sd1
if [ -d "$tiny" ]; then
    "$sdc" compile "$tiny" -o "$work/tiny-sd1" --quiet
    "$certificate" "$work/tiny-sd1" --prompt "a crab" --steps 2
fi
"$trajectory" "$sdc" "$source" "$work" || [ $? = 77 ]
rm -rf "$work"
