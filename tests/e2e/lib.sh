# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Shared by the end-to-end tests: each sources this first.
#
#   $ASSAY      the built program           $TOP    the source tree
#   $SCRATCH    an empty folder, removed at the end      $CORPUS  real evidence, or empty
#
#   run STATUS COMMAND...          runs it, keeps $OUT and $ERR (files), fails unless it exits so
#   check "what" COMMAND...        a test: passes when COMMAND succeeds
#   check_run "what" STATUS COMMAND...   a test: passes when COMMAND exits with STATUS; $OUT, $ERR as run
#   golden NAME [FILE]             FILE ($OUT) is as stored in tests/e2e/expected/ (make update-golden)
#   skip "what" "why"              a test that cannot be made here
#   finish                         the last line of every test
set -u
set -o pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${ASSAY:=$TOP/build/assay}"
: "${ASSAY_CORPUS:=$TOP/../shared/corpus}"
CORPUS=
[ ! -r "$ASSAY_CORPUS/MANIFEST.tsv" ] || CORPUS=$ASSAY_CORPUS
export ASSAY TOP CORPUS
unset ASSAY_DB
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/assay-e2e.XXXXXX")
OUT=$SCRATCH/.out ERR=$SCRATCH/.err
E2E_PASSED=0 E2E_FAILED=0 E2E_SKIPPED=0
E2E_CLEANUP=()   # commands to run at the end, such as stopping a TPM

e2e_cleanup() {
    local c
    for c in "${E2E_CLEANUP[@]+"${E2E_CLEANUP[@]}"}"; do eval "$c"; done
    rm -rf "$SCRATCH"
}
trap e2e_cleanup EXIT

run() {
    local want=$1 got=0; shift
    "$@" > "$OUT" 2> "$ERR" || got=$?
    [ "$got" = "$want" ] && return 0
    echo "# exit status $got, expected $want: $*"
    head -c 2000 "$ERR" | sed 's/^/# stderr: /'
    return 1
}

check() {
    local what=$1; shift
    if "$@"; then
        E2E_PASSED=$((E2E_PASSED + 1)); echo "ok - $what"
    else
        E2E_FAILED=$((E2E_FAILED + 1)); echo "not ok - $what"
    fi
}

check_run() { local what=$1; shift; check "$what" run "$@"; }

skip() { E2E_SKIPPED=$((E2E_SKIPPED + 1)); echo "skip - $1: $2"; }

# contains FILE TEXT: FILE has TEXT in it, else shows FILE.
contains() {
    grep -qF -- "$2" "$1" && return 0
    echo "# not found: $2"; head -c 3000 "$1" | sed 's/^/# | /'
    return 1
}

# lacks FILE TEXT
lacks() { ! grep -qF -- "$2" "$1" || { echo "# found: $2"; return 1; }; }

# same FILE FILE
same() { diff -u "$1" "$2" | head -40 | sed 's/^/# /'; cmp -s "$1" "$2"; }

# golden NAME [FILE]: FILE (default $OUT) is tests/e2e/expected/NAME; UPDATE_GOLDEN=1 rewrites that.
golden() {
    local expected=$TOP/tests/e2e/expected/$1
    if [ -n "${UPDATE_GOLDEN:-}" ]; then mkdir -p "${expected%/*}" && cp "${2:-$OUT}" "$expected"; return; fi
    same "$expected" "${2:-$OUT}"
}

finish() {
    echo "$E2E_PASSED passed, $E2E_FAILED failed, $E2E_SKIPPED skipped"
    [ "$E2E_FAILED" = 0 ] && [ $((E2E_PASSED + E2E_SKIPPED)) -gt 0 ]
    exit
}
