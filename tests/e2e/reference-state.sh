#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Keylime's reference states of measured boots: an audit says the same of each event as Keylime's policy
# "example", whose rule tests/tools/keylime_boot_rule.py has once more.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
umask 022

if ! command -v tpm2_eventlog > /dev/null || ! python3 -c 'import yaml' 2> /dev/null; then
    skip "reference states of measured boots" "no tpm2_eventlog, or no python3 with yaml"
    finish
fi
rule=$TOP/tests/tools/keylime_boot_rule.py
capture=$TOP/tests/vectors/captures/sb-grub
log=$capture/binary_bios_measurements

judged_as() { # judged_as STATE LOG: an audit and the rule say the same of each event
    rm -rf bundle state.db
    mkdir bundle
    cp "$2" bundle/binary_bios_measurements
    "$ASSAY" refgen allowlist -q --release state --db state.db "$1" || return 1
    "$ASSAY" audit --json --db state.db bundle > report.json 2> /dev/null
    python3 "$rule" compare "$1" "$2" report.json
}
has() { jq -e "$1" report.json > /dev/null || { jq '.bundles[0].checks[] | select(.check | startswith("boot."))' report.json | head -40; return 1; }; }

# --- one captured boot, and states that differ from its own by one thing ------------------------------
check "the reference state of a captured boot, as Keylime makes it" python3 "$rule" create "$log" own.json
check_run "is read" 0 "$ASSAY" refgen allowlist -n --json own.json
changes=$(python3 "$rule" change own.json)
for change in $changes; do
    python3 "$rule" change own.json "$change" changed.json
    check "the same judgement of every event: $change" judged_as changed.json "$log"
done
check "there were enough of them" [ "$(wc -w <<< "$changes")" -ge 30 ]

# Attested: what a quote covers counts, and what passes unseen is listed.
check_run "the state in a database" 0 "$ASSAY" refgen allowlist -q -r vm --db own.db own.json
"$ASSAY" audit --json --db own.db --ak "$capture/ak.pub" "$capture" > report.json
check "a boot that it accepts" has '.bundles[0] | all(.findings[]; .code | startswith("boot.") | not) and any(.checks[]; .check == "boot.reference-state" and .result == "pass")'
check "  with what it does not look at" has '[.bundles[0].checks[] | select(.check == "boot.event" and .result == "skip")] | length >= 5 and any(.[]; .subject == "PCR 8, EV_IPL")'
"$ASSAY" audit --db own.db --ak "$capture/ak.pub" "$capture" > "$OUT"
check "  in the text, too" contains "$OUT" "does not say what they measure"
python3 "$rule" change own.json kernel_authcode_sha256 changed.json
check_run "a state with another kernel" 0 "$ASSAY" refgen allowlist -q -r vm --db other.db changed.json
check "fails it" run 1 "$ASSAY" audit --db other.db --ak "$capture/ak.pub" "$capture"
check "  naming the kernel" contains "$OUT" "PCR 4, kernel"
check_run "both: one accepts it" 0 "$ASSAY" refgen allowlist -q -r other --db own.db changed.json
"$ASSAY" audit --json --db own.db --ak "$capture/ak.pub" "$capture" > report.json
check "  which is enough" has '.bundles[0] | all(.findings[]; .code | startswith("boot.") | not)'
"$ASSAY" audit --json --db own.db --release other --ak "$capture/ak.pub" "$capture" > report.json
check "  unless it does not count" has '.bundles[0] | any(.findings[]; .code == "boot.component" and .severity == "high" or .severity == "critical")'
printf '[boot]\npredicted = 8\n' > predicted.policy
"$ASSAY" audit --json --db own.db --policy predicted.policy --ak "$capture/ak.pub" "$capture" > report.json
check "a policy that requires prediction is not satisfied by what passes unseen" has '.bundles[0] | .verdict != "pass" and any(.checks[]; .check == "boot.event" and (.detail | contains("policy requires")))'

# --- written ------------------------------------------------------------------------------------------
same_json() { diff <(jq -S . "$1") <(jq -S . "$2"); }
check_run "a release that has the state is written as one" 0 "$ASSAY" db export --db state.db -f reference-state -o again.json
check_run "the own state again" 0 "$ASSAY" refgen allowlist -q -r vm --db own2.db own.json
check_run "  is written" 0 "$ASSAY" db export --db own2.db -f reference-state -o again.json
check "  the same as it was read" same_json own.json again.json
check_run "two states of one release" 0 "$ASSAY" refgen allowlist -q -r vm --db own2.db changed.json
check_run "  are one with both kernels" 0 "$ASSAY" db export --db own2.db -f reference-state -o both.json
check "  and everything else once" [ "$(jq -c '[.kernels, .scrtm_and_bios, .pk, .mokdig | length]' both.json)" = "[2,1,$(jq '.pk | length' own.json),1]" ]
check "  which accepts the boot" judged_as both.json "$log"
mkdir files
cp own.json files
check_run "a database without boots" 0 "$ASSAY" refgen tree -q -r none --db none.db files
check_run "  has none to write" 3 "$ASSAY" db export --db none.db -f reference-state
PATH=$PATH:/usr/sbin:/sbin
if "$TOP/tests/tools/boot_disk.sh" sb-grub machine > /dev/null 2>&1; then
    (cd machine && "$ASSAY" refgen boot -q --release vm --db ../predicted.db --firmware CODE.fd --varstore VARS.fd \
        --machine facts.json --image disk.img)
    check_run "a predicted boot is written as one" 0 "$ASSAY" db export --db predicted.db -f reference-state -o predicted.json
    check "  and is what Keylime makes of the boot that was measured" same_json <(jq 'del(.kernels[].kernel_cmdline)' own.json) <(jq 'del(.kernels[].kernel_cmdline)' predicted.json)
    check "  but for what only an installation knows" [ "$(jq -r '.kernels[0].kernel_cmdline' predicted.json | grep -c '/boot/vmlinuz\\-.*root=\[0-9A-Za-z._+:/-\]+.*ima_policy=tcb$')" = 1 ]
    check "  so it accepts it" judged_as predicted.json "$log"
    cp predicted.db both.db
    check_run "a profile and a state side by side" 0 "$ASSAY" refgen allowlist -q -r vm --db both.db changed.json
    "$ASSAY" audit --json --db both.db --ak "$capture/ak.pub" "$capture" > report.json
    check "  the profile fits, and the state is not asked" has '.bundles[0].checks | any(.check == "boot.profile" and .result == "pass") and any(.check == "boot.reference-state" and .result == "skip")'
else
    skip "predicted boots as reference states" "no disk could be made"
fi

# --- boots of other kinds -----------------------------------------------------------------------------
for boot in efistub uki-sdboot; do
    check "every event of a boot that the rules were not made for: $boot" judged_as own.json "$TOP/tests/vectors/captures/$boot/binary_bios_measurements"
done

# --- real ones ----------------------------------------------------------------------------------------
if [ -n "$CORPUS" ]; then
    check "Keylime's own example is judged as by Keylime" judged_as "$CORPUS/keylime/keylime-keylime__example_reference_state.json" "$log"
    n=0
    for one in "$CORPUS"/tcg-eventlog/*keylime*; do
        case $one in *.b64) base64 -d "$one" > real.log 2> /dev/null || continue ;; *) cp "$one" real.log ;; esac
        chmod u+w real.log
        python3 "$rule" create real.log real.json 2> /dev/null || continue
        "$ASSAY" refgen allowlist -q -n real.json > /dev/null 2>&1 || continue
        n=$((n + 1))
        check "a real log and its own state: ${one##*/}" judged_as real.json real.log
        check "  and another's" judged_as own.json real.log
    done
    check "there were several" [ "$n" -ge 3 ]
else
    skip "Keylime's own logs and reference state" "no corpus"
fi
finish
