#!/bin/sh
# What docs/*.md quote is in the files that they name: an indented block behind a line that ends in `FILE`: must stand there
# line for line; a line of "..." alone leaves some out.
#
#   quotes.sh SOURCE
set -eu
cd "$1"
failures=0 quotes=0
for doc in docs/*.md README.md; do
    found=$(awk '
        function load(path,   line) {
            n = 0
            while ((getline line <path) > 0) text[++n] = line
            close(path)
            if (!n) { print FILENAME ": there is no " path; bad = 1 }
        }
        # Does the part begin at line `at` of the file?
        function stands(at,   k) {
            for (k = 1; k <= lines; k++) if (text[at + k - 1] != part[k]) return 0
            return 1
        }
        function check(   at) {
            if (!lines) return
            for (at = from; at + lines - 1 <= n; at++) if (stands(at)) { from = at + lines; lines = 0; return }
            print FILENAME ":" NR ": not in " path " as quoted: " part[1]
            bad = 1
            lines = 0
        }
        inside && /^    / {
            line = substr($0, 5)
            started = 1
            if (line ~ /^ *\.\.\.$/) check()
            else part[++lines] = line
            next
        }
        inside && started && /^$/ { check(); next }
        inside && started { check(); inside = 0 }
        /`[^ `]+`:$/ {
            path = $0
            sub(/`:$/, "", path); sub(/.*`/, "", path)
            load(path)
            inside = 1; started = 0; lines = 0; from = 1; count++
        }
        END { if (inside) check(); print "quotes " count; exit bad }' "$doc") || failures=1
    printf '%s\n' "$found" | grep -v '^quotes' || :
    quotes=$((quotes + $(printf '%s\n' "$found" | sed -n 's/^quotes \([0-9]*\)$/\1/p' | grep . || echo 0)))
done
[ "$quotes" -ge 8 ] || { echo "only $quotes quotes found"; failures=1; }

# Files that the documents name exist.
for name in $(cat docs/*.md README.md generated/README.md | grep -oE '`(frontend|ir|passes|codegen|runtime|models|tests|bench|docs|cli|cmake|generated|man|completions|tools)/[A-Za-z0-9_./*-]*`' | tr -d '`' | sort -u); do
    # shellcheck disable=SC2086
    ls -d $name >/dev/null 2>&1 || { echo "there is no $name"; failures=1; }
done
exit $failures
