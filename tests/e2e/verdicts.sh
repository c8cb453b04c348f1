#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The rules of judgement, sentence by sentence: bundles made from an honest one by one change each,
# their quotes signed over what the change made of the PCRs (tests/tools/verdict_cases.py). Each has
# to get its verdict, and the findings that name the change.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v python3 > /dev/null || ! command -v openssl > /dev/null; then
    skip "the rules of judgement" "no python3 or no openssl"
    finish
fi

# Where Assay is known to differ: what it does instead.
declare -A differs=(
    [locality-3-unstated-no-pcrs-file]="tries other localities only with PCR values beside the quote"
    [selection-beyond-too]="refuses a PCR file that names PCRs no TPM has"
    [bank-nobody-knows]="fails, where a bank of an unknown algorithm is quoted alone"
    [boot-log-not-required]="incomplete, since quoted PCRs stay unexplained without a boot log"
    [boot-aggregate-of-an-unquoted-bank]="takes the bank from the replayed log, which its quoted banks vouch for"
    [boot-aggregate-spliced-in-an-unquoted-bank]="the same"
    [library-in-a-snapshot]="fails: a snapshot's prefix is not taken off"
    [signature-null-algorithm]="fails with quote.signature, not quote.malformed"
    [spec-id-with-digest]="passes over the digest of the log's header, which nothing extends"
    [locality-1]="fails with log.locality alone"
    [boot-log-spec-id-only]="fails, without a word of boot_aggregate"
    [sha256-list-not-extended-there]="fails with pcr.mismatch, not ima.unattested"
    [evidence-json-empty]="fails with bundle.mapping, not bundle.path"
    [no-release-of-this-name]="is a usage error, and no report"
    [entry-made-up-in-another-pcr-after-the-quote]="fails: what is past the quote in other PCRs is not told apart"
)

cases=$SCRATCH/cases.d
check "the cases are made" python3 "$TOP/tests/tools/verdict_cases.py" "$TOP/tests/vectors/captures/sb-grub" "$cases"
db=$SCRATCH/golden.db
check_run "golden values: packages" 0 "$ASSAY" refgen rpm -q -r mb-1 --algorithms sha1,sha256 --db "$db" "$TOP/tests/vectors/rpms"
check_run "golden values: initrd" 0 "$ASSAY" refgen initrd -q -r mb-1 --algorithms sha1,sha256 --db "$db" "$TOP/tests/vectors/initrd.img"
check_run "golden values: the test's own" 0 "$ASSAY" refgen tree -q -r mb-1 --algorithms sha1,sha256 --db "$db" "$cases/tree"

# All bundles that share their options in one run.
cd "$cases" || exit 1
mkdir reports
n=0
while read -r options; do
    n=$((n + 1))
    words=${options//@/}
    [ "$options" != - ] || words=
    # shellcheck disable=SC2046,SC2086 # words of the options, names of the cases
    "$ASSAY" audit --json --db "$db" $words $(awk -F'\t' -v o="$options" '$4 == o { print $1 }' cases) \
        > "reports/$n.json" 2> "reports/$n.err"
    lacks "reports/$n.err" "Sanitizer" > /dev/null || { check "no sanitizer speaks: $options" false; cat "reports/$n.err"; }
done < <(cut -f4 cases | sort -u)
jq -r '.bundles[] | [.name, .verdict, ([.findings[] | "\(.code):\(.severity)"] | unique | join(" "))] | @tsv' reports/*.json > got

judged() { # judged NAME VERDICTS FINDINGS: the verdict is one of them, the findings are among those made
    local name=$1 verdict=$2 findings=$3 is found one
    IFS=$'\t' read -r _ is found < <(awk -F'\t' -v n="$name" '$1 == n' got)
    [[ "|$verdict|" == *"|${is:-none}|"* ]] || { echo "# $name: ${is:-none}, not $verdict: ${found:-}"; return 1; }
    [ "$findings" != '?' ] && [ "$findings" != - ] || return 0
    [[ $findings != *"|"* ]] || return 0
    for one in $findings; do
        [[ " $found " == *" $one "* ]] || { echo "# $name: no $one: $found"; return 1; }
    done
}
while IFS=$'\t' read -r name verdict findings options rule; do
    [ -n "$options" ] || continue
    if [ -n "${differs[$name]:-}" ]; then skip "$name" "${differs[$name]}"; else check "$name ($rule)" judged "$name" "$verdict" "$findings"; fi
done < cases
finish
