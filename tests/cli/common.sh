# common.sh: sourced by the tests here, which are called as  NAME.sh SDC SOURCE WORK WIRE JSON  and run in WORK, a fresh folder.
#
#   expect CODE TEXT COMMAND...   the exit code; one line on stderr that holds TEXT (an extended regular expression; empty: no line);
#                                 nothing new in the folder `out`
#   check WHAT COMMAND...         the command succeeds
#   models                        writes tiny.onnx: y[batch,2] = Relu(x[batch,3] w)
#   is WHAT WANTED FILE KEY...    the JSON in FILE has WANTED there (see json.c)
#   sum FILE KEY...               the sum of what the JSON in FILE has there
set -u
sdc=$1 source=$2 work=$3 wire=$4 json=$5
failures=0 checks=0
rm -rf "$work"
mkdir -p "$work/out" "$work/tmp"
cd "$work" || exit 1
TMPDIR=$work/tmp
export TMPDIR

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

entries() { ls -A "$1" | wc -l; }

expect() {
    code=$1 text=$2
    shift 2
    checks=$((checks + 1))
    before=$(entries out)
    "$@" >stdout 2>stderr
    got=$?
    lines=$(wc -l <stderr)
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code: $(head -c 300 stderr)"
    if [ -n "$text" ]; then
        [ "$lines" = 1 ] || fail "$*: $lines lines on stderr, expected one: $(head -c 300 stderr)"
        grep -qE -e "$text" stderr || fail "$*: stderr lacks '$text': $(head -c 300 stderr)"
    else
        [ "$lines" = 0 ] || fail "$*: stderr is not empty: $(head -c 300 stderr)"
    fi
    [ "$(entries out)" = "$before" ] || { [ "$code" = 0 ] || fail "$*: left a file behind: $(ls -A out)"; }
    [ "$(entries tmp)" = 0 ] || { fail "$*: left temporary files: $(ls -A tmp)"; rm -rf tmp/*; }
}

check() {
    what=$1
    shift
    checks=$((checks + 1))
    "$@" >stdout 2>stderr || fail "$what: $(cat stdout stderr | head -c 500)"
}

is() {
    what=$1 wanted=$2
    shift 2
    checks=$((checks + 1))
    found=$("$json" "$@" 2>&1) || fail "$what: $found"
    [ "$found" = "$wanted" ] || fail "$what: $found, expected $wanted"
}

sum() { "$json" "$@" | awk '{ s += $1 } END { printf "%.6g\n", s }'; }

models() {
    "$wire" "1=8 8{2=17} 7{1{1'x'1'w'2'a'3'mm'4'MatMul'}1{1'a'2'y'3'r'4'Relu'}2'g'5{1=3 1=2 2=1 8'w'9#0000803f00000040000040400000804000000000000080bf}11{1'x'2{1{1=1 2{1{2'batch'}1{1=3}}}}}12{1'y'2{1{1=1 2{1{2'batch'}1{1=2}}}}}}" tiny.onnx
}

finish() {
    echo "$checks checks, $failures failed"
    cd /
    [ "$failures" = 0 ] && rm -rf "$work"
    exit $((failures != 0))
}
