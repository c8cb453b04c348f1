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

cases=$SCRATCH/cases.d
python3 "$TOP/tests/tools/verdict_cases.py" --catalogue > "$SCRATCH/catalogue"
check "docs/verdict-catalogue.md lists them" same "$TOP/docs/verdict-catalogue.md" "$SCRATCH/catalogue"
check "the cases are made" python3 "$TOP/tests/tools/verdict_cases.py" "$TOP/tests/vectors/captures/sb-grub" "$cases"
db=$SCRATCH/golden.db
check_run "golden values: packages" 0 "$ASSAY" refgen rpm -q -r mb-1 --algorithms sha1,sha256 --db "$db" "$TOP/tests/vectors/rpms"
check_run "golden values: initrd" 0 "$ASSAY" refgen initrd -q -r mb-1 --algorithms sha1,sha256 --db "$db" "$TOP/tests/vectors/initrd.img"
check_run "golden values: the test's own" 0 "$ASSAY" refgen tree -q -r mb-1 --algorithms sha1,sha256,verity-sha256 --db "$db" "$cases/tree"

cd "$cases" || exit 1
# The same with keyrings: mb-0 is another release.
cp "$db" rings.db
while read -r release keyring keys; do
    # shellcheck disable=SC2086 # several
    check_run "golden values: $keyring of $release" 0 "$ASSAY" refgen keys -q -r "$release" -k "$keyring" --db rings.db $keys
done << 'KEYS'
mb-1 .ima keys/capture.der keys/files-rsa.pem keys/revoked.pem
mb-1 .evm keys/metadata.pem
mb-1 .builtin_trusted_keys keys/modules.pem
mb-1 .blacklist keys/revoked.pem
mb-0 .ima keys/files-ec.pem
KEYS

# All bundles that share their options in one run.
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
    check "$name ($rule)" judged "$name" "$verdict" "$findings"
done < cases

# What buffers say is in the report, believed or not.
buffer_of() { jq -s -e --arg name "$1" "[.[].bundles[] | select(.name == \$name).buffers[]?] | any($2)" reports/*.json > /dev/null; }
check "a key that was put into a keyring is decoded" buffer_of keyring-was-given-a-strange-key \
    '.name == ".ima" and .kind == "key" and .attested and (.text | contains("CN = unknown, RSA 2048, key id "))'
check "what is no key is said to be none" buffer_of keyring-was-given-no-key '.name == ".ima" and (.text | contains("no certificate"))'
check "a buffer of another digest is decoded, and not attested" buffer_of learned-key-of-another-digest \
    '.name == ".ima" and (.attested | not) and (.text | contains("CN = unknown"))'

# --- what the operator names ----------------------------------------------------------------------

# A malformed or missing one is his mistake, not the machine's: exit 3 with the file, no verdict.
good=(--ak keys/ak.pub --nonce 00112233445566778899aabbccddeeff)
operator() { # WHAT STATUS TEXT OPTION...: nothing passes or fails, and standard error says why
    local what=$1 status=$2 text=$3
    shift 3
    check_run "$what" "$status" "$ASSAY" audit "$@" honest
    check "  is said" contains "$ERR" "$text"
    check "  with no verdict" lacks "$OUT" pass
}
operator "a release that the database lacks is a usage error" 2 "'nowhere'" --db "$db" "${good[@]}" --release nowhere
operator "beside one that it has, too" 2 "'nowhere'" --db "$db" "${good[@]}" --release mb-1 --release nowhere
printf '\001\030' > cut.pub
head -c -7 keys/ak.pub > shorter.pub
(cat keys/ak.pub; printf x) > longer.pub
: > empty
for file in cut.pub shorter.pub longer.pub empty nothing-there keys; do
    operator "a key that cannot be read: $file" 3 "$file" --db "$db" --ak $file
done
mkdir no-keys
for file in cut.pub empty nothing-there no-keys; do
    operator "a key that signs files and cannot be read: $file" 3 "$file" --db "$db" "${good[@]}" --ima-key $file
done
mkdir ima-keys
cp keys/capture.der keys/files-rsa.pem keys/files-ec.pem ima-keys
check_run "keys of a folder check all signatures of a capture" 0 "$ASSAY" audit --json --db "$db" "${good[@]}" --ima-key ima-keys honest
check "  and say how many hold" jq -e '.bundles[0].checks | any(.check == "ima.signatures" and .result == "pass" and
    (.detail | startswith("of 23 signatures 23 hold")))' "$OUT" > /dev/null
printf '[evidence]\nrequire-boot-log = perhaps\n' > value.policy
printf '[evidence]\nrequire-boots = yes\n' > key.policy
printf '[trust]\nak = nothing-there.pub\n' > anchor.policy
printf '[severity]\nquote.signature = low\n' > mild.policy
printf '[severity]\nquote.signatures = low\n' > code.policy
printf 'ak = keys/ak.pub\n' > bare.policy
for file in value.policy key.policy mild.policy code.policy bare.policy; do
    operator "a policy that says what no policy can: $file" 3 "$file" --db "$db" "${good[@]}" --policy $file
done
operator "a policy that is not there" 3 nothing-there --db "$db" "${good[@]}" --policy nothing-there
operator "a key that a policy names and that is not there" 3 nothing-there.pub --db "$db" "${good[@]}" --policy anchor.policy
operator "no database where one is named" 3 nothing-there --db nothing-there "${good[@]}"
operator "something else for a database" 3 cut.pub --db cut.pub "${good[@]}"
operator "an empty file for a database" 3 empty --db empty "${good[@]}"
operator "a nonce that is no hex" 2 --nonce --db "$db" --ak keys/ak.pub --nonce 0g
operator "a nonce of nothing" 2 --nonce --db "$db" --ak keys/ak.pub --nonce ""
operator "a nonce that a policy contradicts" 2 "differs from the nonce of" --db "$db" "${good[@]}" --policy <(printf '[trust]\nnonce = 00\n')
operator "two formats at once" 2 contradict --db "$db" "${good[@]}" --json --format text
operator "an unknown option" 2 --nothing --db "$db" --nothing
check_run "no bundle is a usage error" 2 "$ASSAY" audit --db "$db"
check_run "a database that cannot be used has a report" 3 "$ASSAY" audit --json --db empty "${good[@]}" honest
check "  with db.invalid and no bundle" jq -e '.findings[0].code == "db.invalid" and .bundles == [] and .verdict == "incomplete"' "$OUT" > /dev/null

# Exit status of a run over several bundles.
exits() { # STATUS BUNDLE...
    local status=$1
    shift
    check_run "exit status $status of $*" "$status" "$ASSAY" audit --json --db "$db" "${good[@]}" "$@"
}
exits 0 honest honest-three-banks
exits 5 honest no-quote
exits 3 honest no-quote nothing-there
exits 3 empty
exits 3 cut.pub honest
exits 1 honest no-quote nothing-there magic
check "  each has its place in the report" jq -e '(.bundles | map({(.name): .verdict}) | add) ==
    {"honest": "pass", "no-quote": "incomplete", "nothing-there": "incomplete", "magic": "fail"} and
    (.bundles[] | select(.name == "nothing-there").findings[0].code) == "bundle.unreadable"' "$OUT" > /dev/null
check_run "no database at all: incomplete" 5 "$ASSAY" audit --json "${good[@]}" honest
check "  which is said as a check that was skipped" jq -e '.bundles[0].checks | any(.check == "db.lookup" and .result == "skip")' "$OUT" > /dev/null
check_run "and a bad one fails without a database, too" 1 "$ASSAY" audit --json "${good[@]}" magic
check_run "a policy may require a signed database" 5 "$ASSAY" audit --json --db "$db" "${good[@]}" --policy <(printf '[database]\nrequire-signature = yes\n') honest
check_run "a report is written beside its name, then renamed" 0 "$ASSAY" audit --json --db "$db" "${good[@]}" -o report.json honest
check "  as a document" jq -e '.verdict == "pass"' report.json > /dev/null
check_run "a report that cannot be written is exit 4" 4 "$ASSAY" audit --db "$db" "${good[@]}" -o nowhere/report honest
finish
