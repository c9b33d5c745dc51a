#!/bin/sh
# Every option of every command is in docs/cli.md, in the man page and in the completions, and these name no other.
#
#   options.sh SDC SOURCE
set -eu
sdc=$1 source=$2
failures=0
fail() { echo "$*"; failures=1; }
need() { printf '%s\n' "$2" | grep -qE -e "(^|[^a-z0-9-])$1([^a-z0-9-]|\$)" || fail "$3 lacks $1"; }

# "--name" for each line that begins an option in a help text, "-x" for its letter.
options() { sed -nE 's/^  (-[a-zA-Z], |    )(--[a-z0-9-]+).*/\1\2/p' | tr ', ' '\n\n' | grep -E '^-'; }
# The rows of the tables of SdcOption in a source file.
rows() { sed -nE "s/^    \\{\"([a-z0-9-]+)\", ('.'|0), .*/--\\1/p" "$@"; }

man=$(sed 's/\\f[A-Z]//g; s/\\-/-/g; s/"//g; s/^\.\(TP\|BI\|BR\|B\) *//' "$source/man/sdc.1")
cli=$(cat "$source/docs/cli.md")
zsh=$(tr '+{}()' '     ' <"$source/completions/_sdc")
fish=$(grep '^complete' "$source/completions/sdc.fish" | sed -E 's/-s ([a-z]) -l/-\1 -l/; s/ -l ([a-z-]+)/ --\1/g')
known=$(
    for command in $("$sdc" --help | sed -nE 's/^  ([a-z]+) +[a-z].*/\1/p' | grep -v '^sdc$'); do "$sdc" "$command" --help | options; done
    rows "$source/runtime/model_main.c" "$source"/models/*.[ch]
    echo --version
)

for command in compile inspect verify print explain bench; do
    "$sdc" --help | grep -q "^  $command " || fail "sdc --help lacks $command"
    bash=$(bash -c '. "$1/completions/sdc.bash"; COMP_WORDS=(sdc '$command' --) COMP_CWORD=2; _sdc; echo "${COMPREPLY[@]}"' - "$source")
    for option in $("$sdc" $command --help | options); do
        need "$option" "$cli" "docs/cli.md"
        need "$option" "$man" "the man page"
        need "$option" "$zsh" "completions/_sdc"
        need "$option" "$fish" "completions/sdc.fish"
        case $option in --*) need "$option" "$bash" "completions/sdc.bash ($command)" ;; esac
    done
done
for option in $(rows "$source/runtime/model_main.c" "$source"/models/*.[ch]); do
    need "$option" "$cli" "docs/cli.md (executables)"
done

# No other options than those that exist.
for file in "$cli" "$man" "$fish" "$zsh" "$(cat "$source/README.md")"; do
    for option in $(printf '%s\n' "$file" | grep -oE -e '(^|[^a-zA-Z0-9-])--[a-z][a-z0-9-]*' | grep -oE -e '--.*' | sort -u); do
        case $option in --name | --install | --build) continue ;; esac
        need "$option" "$known" "sdc ($(printf '%s' "$file" | head -1))"
    done
done
count=$(printf '%s\n' "$known" | grep -c -e --)
[ "$count" -gt 60 ] || fail "only $count options found: the help texts are read wrongly"

# The man page has no mistakes, where there is a man to say so.
if command -v man >/dev/null; then
    [ -z "$(man --warnings -l "$source/man/sdc.1" 2>&1 >/dev/null)" ] || fail "man/sdc.1 has warnings"
fi
bash -n "$source/completions/sdc.bash"
for shell in zsh fish; do
    file=$source/completions/_sdc
    [ $shell = zsh ] || file=$source/completions/sdc.fish
    if command -v $shell >/dev/null; then $shell -n "$file" || fail "$file has mistakes"; fi
done
exit $failures
