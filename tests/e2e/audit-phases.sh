#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What user space extends after the boot log: a TPM that went through the captured boot of a UKI and then through
# systemd's boot phases is quoted at each of them, and judged by profiles that foresee them, and that do not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/e2e/swtpm.sh"
. "$TOP/tests/tools/captures.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors
LOG=$VECTORS/captures/uki-sdboot/binary_bios_measurements
NONCE=00112233445566778899
ALL=sha1:0,1,2,3,4,5,6,7,8,9,11,12,13,14,15+sha256:0,1,2,3,4,5,6,7,8,9,11,12,13,14,15

# profile RELEASE DB FACTS: of the captured machine, with those facts besides.
profile() {
    jq -s '.[0] * .[1]' "$SCRATCH/machine/facts.json" - > "$SCRATCH/machine/more.json" <<< "$3" &&
        (cd "$SCRATCH/machine" && run 0 "$ASSAY" refgen boot -q --release "$1" --db "$2" --firmware CODE.fd \
            --varstore VARS.fd --machine more.json --image disk.img)
}
# extend PCR TEXT: as systemd does, the text's hash into each bank.
extend() {
    local bank digests=''
    for bank in sha1 sha256 sha384 sha512; do
        digests+="${digests:+,}$bank=$(printf %s "$2" | "${bank}sum" | cut -d' ' -f1)"
    done
    tpm_extend <<< "$1 $digests"
}
# quoted NAME: a bundle of the boot log and what the TPM holds now.
quoted() {
    rm -rf "${SCRATCH:?}/$1" && mkdir -p "$SCRATCH/$1" && cp "$LOG" "$SCRATCH/$1/" &&
        tpm_quote "$SCRATCH/$1" ak "$ALL" "$NONCE"
}
booted() { tpm_reset "$SCRATCH/tpm" && tpm_log_extends "$LOG" | tpm_extend; }
# judged BUNDLE DB: the report in $OUT. What is missing (an IMA log) leaves it incomplete.
judged() { # STATUS BUNDLE DB
    run "$1" "$ASSAY" audit --json --db "$3" --ak "$SCRATCH/tpm/ak.pub" --nonce "$NONCE" "$SCRATCH/$2"
}
mismatches() { says '[.bundles[0].findings[] | select(.code == "pcr.mismatch" or .code == "boot.pcr") | .subject] | join(", ") == $want' --arg want "$1"; }
phase_is() {
    says '[.bundles[0].checks[] | select(.check == "boot.phase") | .detail] | length == 1 and (.[0] | contains($text))' \
        --arg text "$1"
}
no_phase() { says '[.bundles[0].checks[] | select(.check == "boot.phase")] == []'; }

check "the captured machine's disk and firmware" "$TOP/tests/tools/boot_disk.sh" uki-sdboot "$SCRATCH/machine"
check "a profile without user space" profile plain "$SCRATCH/plain.db" '{}'
check "a profile with it" profile phases "$SCRATCH/phases.db" \
    '{"userspace": ["enter-initrd", "leave-initrd", "machine-id", "sysinit", "ready"]}'
check_run "its values are printed" 0 "$ASSAY" db pcrs --json --db "$SCRATCH/phases.db"
cp "$OUT" "$SCRATCH/pcrs.json"
in_json "  and PCR 11 at the end of the boot log is what it was" \
    '.profiles[0] | (.banks.sha256["11"] != null) and (.userspace | length == 5)'
check_run "for people, too" 0 "$ASSAY" db pcrs --db "$SCRATCH/phases.db"
check "  with the phases" contains "$OUT" "after leave-initrd"

check "a TPM" tpm_start "$SCRATCH/tpm"
check "  and a key" tpm_ak ak rsa

# After each word PCR 11 is what tpm2_pcrread says, and the audit names the word.
check "the boot" booted
check "quoted at once" quoted none
check "  is judged" judged 5 none "$SCRATCH/phases.db"
check "  no phase was reached" no_phase
check "  no PCR is otherwise" mismatches ""
for word in enter-initrd leave-initrd sysinit ready; do
    check "$word is extended" extend 11 "$word"
    check "  and quoted" quoted "$word"
    check "  PCR 11 is the predicted one" [ "$(tpm2_pcrread sha256:11 | awk '/11:/ { print tolower(substr($2, 3)) }')" = \
        "$(jq -r --arg word "$word" '.profiles[0].userspace[] | select(.text == $word) | .banks.sha256' "$SCRATCH/pcrs.json")" ]
    check "  it is judged" judged 5 "$word" "$SCRATCH/phases.db"
    check "  by name" phase_is "PCR 11 up to \"$word\""
    check "  no PCR is otherwise" mismatches ""
    check "  a release without phases does not excuse it" judged 1 "$word" "$SCRATCH/plain.db"
    check "  PCR 11" mismatches "PCR 11"
    rm "$SCRATCH/$word/binary_bios_measurements"
    check "  without the log" judged 5 "$word" "$SCRATCH/phases.db"
    check "  the value is the profile's" mismatches ""
done

# What no profile says: other words, another order, a PCR that only an installation knows.
check "a word too much" extend 11 ready
check "  quoted" quoted twice
check "  is found" judged 1 twice "$SCRATCH/phases.db"
check "  in PCR 11" mismatches "PCR 11"
check "  and no phase is named" no_phase
check "another order" eval 'booted && extend 11 leave-initrd && extend 11 enter-initrd && quoted order'
check "  is found" judged 1 order "$SCRATCH/phases.db"
check "  in PCR 11" mismatches "PCR 11"
check "a machine's id" eval 'booted && extend 11 enter-initrd && extend 15 machine-id:0123456789abcdef0123456789abcdef && quoted id'
check "  is not excused by the profile, which does not know it" judged 1 id "$SCRATCH/phases.db"
check "  PCR 15" mismatches "PCR 15"
check "  the phase is known all the same" phase_is 'PCR 11 up to "enter-initrd"'
with_log() {
    cp -r "$SCRATCH/ready" "$SCRATCH/logged" && cp "$LOG" "$SCRATCH/logged/" &&
        printf '\036{"pcr":15,"digests":[]}\n' > "$SCRATCH/logged/tpm2-measure.log"
}
check "user space's own log, if there is one, is what counts" with_log
check "  a profile does not stand in for what it lacks" judged 1 logged "$SCRATCH/phases.db"
check "  PCR 11" mismatches "PCR 11"
check "a profile with the machine's id" profile id "$SCRATCH/id.db" \
    '{"userspace": ["enter-initrd", "machine-id:0123456789abcdef0123456789abcdef", "os-separator"]}'
check "  knows it" judged 5 id "$SCRATCH/id.db"
check "  all PCRs" mismatches ""
separated() {
    local pcr
    for pcr in 0 1 2 3 4 5 6 7 9 12 13 14; do extend "$pcr" os-separator || return 1; done
}
check "and the separator in twelve PCRs" separated
check "  quoted" quoted separated
check "  is as the profile says" judged 5 separated "$SCRATCH/id.db"
check "  in all PCRs" mismatches ""
check "  by name" phase_is 'PCR 7 up to "os-separator"'

# A machine's own log of user space, made by Debian 13's systemd-pcrextend: a TPM that is extended with its records
# holds what that machine's held, and the audit finds both logs right.
PHASES=$VECTORS/phases LOG=$PHASES/binary_bios_measurements
kept_pcr() { # FILE PCR: of the sha256 bank
    awk -v pcr="$2" '$1 ~ /^sha[0-9]+:$/ { here = $1 == "sha256:" } here && $1 == pcr { print tolower(substr($3, 3)) }' "$PHASES/$1"
}
tpm_pcr() { tpm2_pcrread "sha256:$1" | awk -v pcr="$1" '$1 == pcr || $1 == pcr ":" { print tolower(substr($NF, 3)) }'; }
measured() {
    tr -d '\036' < "$PHASES/tpm2-measure.log" |
        jq -r '"\(.pcr) " + ([.digests[] | "\(.hashAlg)=\(.digest)"] | join(","))' | tpm_extend
}
check "the boot of a machine with phases" booted
check "  its PCR 11 before them" [ "$(tpm_pcr 11)" = "$(kept_pcr pcrs.yaml 11)" ]
check "  its records" measured
for pcr in 7 11 12 15; do check "  give its PCR $pcr" [ "$(tpm_pcr $pcr)" = "$(kept_pcr pcrs-ready.yaml $pcr)" ]; done
check "  quoted" quoted own-log
cp "$PHASES/tpm2-measure.log" "$SCRATCH/own-log/"
check "  is audited by its logs" run 5 "$ASSAY" audit --json --ak "$SCRATCH/tpm/ak.pub" --nonce "$NONCE" "$SCRATCH/own-log"
check "  and no PCR is otherwise" mismatches ""
finish
