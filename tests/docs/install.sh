#!/bin/sh
# cmake --install puts everything in place, and what it installs runs from there.
#
#   install.sh BUILD WORK
set -eu
build=$1 work=$2
rm -rf "$work"
cmake --install "$build" --prefix "$work" >/dev/null
cd "$work"
for file in bin/sdc share/man/man1/sdc.1 share/bash-completion/completions/sdc share/zsh/site-functions/_sdc \
    share/fish/vendor_completions.d/sdc.fish share/doc/sdc/LICENSE share/doc/sdc/NOTICE share/doc/sdc/docs/cli.md; do
    [ -s "$file" ] || { echo "$file was not installed"; exit 1; }
done
bin/sdc --version | grep -q '^sdc [0-9]'
