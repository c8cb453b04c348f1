#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is said of a boot's Secure Boot state, keys, authorities and command lines: a captured boot with one change
# each, its quote signed over what the change makes of the PCRs (tests/tools/boot_cases.py), against the profile of
# the machine as it was.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/tools/captures.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors
machine=$SCRATCH/machine db=$SCRATCH/golden.db
cd "$SCRATCH" || exit 1

openssl req -x509 -newkey rsa:2048 -nodes -keyout nobody.key -outform DER -out nobody.der -subj /CN=Nobody -days 1 2> /dev/null
check "the cases are made" python3 "$TOP/tests/tools/boot_cases.py" "$VECTORS/captures/sb-grub" nobody.der cases.d
captures_golden "$VECTORS" "$db"
check "their machine" "$TOP/tests/tools/boot_disk.sh" sb-grub "$machine"
cd "$machine" || exit 1
inputs=(--machine facts.json --image disk.img)
check_run "its profile" 0 "$ASSAY" refgen boot -q --release vm --db "$db" --firmware CODE.fd --varstore VARS.fd "${inputs[@]}"
cd "$SCRATCH/cases.d" || exit 1

mapfile -t names < <(cut -f1 cases)
judge() { # DB OPTION...: all cases in one run
    local of=$1
    shift
    "$ASSAY" audit --json --db "$of" --ak keys/ak.pub "$@" "${names[@]}" > "$OUT" 2> "$ERR"
    [ $? = 1 ]
}
check "all are judged" judge "$db"

# The result of the check and the findings about the boot, of one case.
of_case() { # NAME FILTER [JQ-OPTION...]
    local name=$1 filter=$2
    shift 2
    says ".bundles[] | select(.name == \$name) | $filter" --arg name "$name" "$@"
}
result_is() { of_case "$1" '[.checks[] | select(.check == "boot.profile") | .result] == [$is]' --arg is "$2"; }
n_found() { of_case "$1" '[.findings[] | select(.code | startswith("boot."))] | length == $n' --argjson n "$2"; }
found() { # NAME CODE SEVERITY SUBJECT TEXT
    of_case "$1" 'any(.findings[]; .code == $code and .severity == $severity and .subject == $subject and
        (.message | contains($text)))' --arg code "$2" --arg severity "$3" --arg subject "$4" --arg text "$5"
}
while IFS= read -r line; do
    IFS=$'\t' read -r -a words <<< "$line"
    name=${words[0]}
    check "$name: ${words[1]}" result_is "$name" "${words[1]}"
    n_boot=0
    for ((i = 2; i < ${#words[@]}; i += 4)); do
        check "  ${words[i]} ${words[i + 1]}: ${words[i + 3]}" found "$name" "${words[@]:i:4}"
        [[ ${words[i]} != boot.* ]] || n_boot=$((n_boot + 1))
    done
    check "  and nothing else of the boot" n_found "$name" "$n_boot"
done < cases
finish
