#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Boots predicted from what they were booted from, against the captured boots: every event and every PCR, in
# four banks. What they were booted from, and the expected values, are in tests/vectors (see its README).
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/tools/boots.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors

# The comparer itself: it accepts what is right and finds each kind of mistake.
compared() {
    compare_boot "$1" "$VECTORS"/captures/uki-sdboot/{binary_bios_measurements,pcrs.yaml}
}
refused() { # TEXT JQ-FILTER: the right prediction changed so is refused, with that text
    jq "$2" "$SCRATCH/right.json" > "$SCRATCH/wrong.json"
    if compared "$SCRATCH/wrong.json" > "$SCRATCH/compared"; then echo "# accepted"; return 1; fi
    contains "$SCRATCH/compared" "$1"
}
compare_boot --as-prediction "$VECTORS/captures/uki-sdboot/binary_bios_measurements" > "$SCRATCH/right.json"
check "the right prediction is found right" compared "$SCRATCH/right.json"
check "a digest of one bank" refused '[sha384]' \
    '(.profiles[0].events[] | select(.pcr == 11) | .digests.sha384) |= ("00" + .[2:])'
check "a type" refused 'predicted EV_ACTION' '(.profiles[0].events[] | select(.pcr == 12) | .type) = "EV_ACTION"'
check "an event left out" refused 'missing: event ' 'del(.profiles[0].events[40])'
check "an event too many" refused 'too many: ' '.profiles[0].events += [.profiles[0].events[40]]'
check "a bank's value" refused 'differs: sha1' '.profiles[0].banks.sha1["4"] |= ("00" + .[2:])'
check "events out of order" refused 'WRONG' '.profiles[0].events |= reverse'
check "an unknown event" refused 'partial' '.profiles[0].events[40] |= (.digests = {} | .origin = "unknown")'
check "coverage that says too much" refused 'coverage says baseline' '.profiles[0].coverage["4"] = "baseline"'

# The same log, judged by what was predicted: all of it as it says. Where Linux got no log there is none.
audited() { # BUNDLE
    rm -rf "$SCRATCH/log" "$SCRATCH/audit.db"
    (cd "$SCRATCH/machine" && run 0 "$ASSAY" refgen boot -q --release vm --db "$SCRATCH/audit.db" --firmware CODE.fd \
        --varstore VARS.fd --machine facts.json --image disk.img) || return 1
    mkdir "$SCRATCH/log" && cp "$1/binary_bios_measurements" "$SCRATCH/log"
    run 5 "$ASSAY" audit --json --db "$SCRATCH/audit.db" "$SCRATCH/log" &&
        [ "$(jq '[.bundles[0].checks[] | select(.check == "boot.profile") | .result == "pass" and
            (.detail | contains(", 0 not predicted by digest, 0 otherwise"))] == [true]' "$OUT")" = true ] &&
        [ "$(jq '[.bundles[0].findings[] | select(.code | startswith("boot."))] | length' "$OUT")" = 0 ]
}

# The captured machines, and those that vary from them in one thing each (tests/vm/variations.sh).
for scenario in sb-grub uki-sdboot efistub; do
    check "$scenario: disk and firmware are made again" "$TOP/tests/tools/boot_disk.sh" "$scenario" "$SCRATCH/machine"
    boot_predicted "$scenario" "$SCRATCH/machine" "$VECTORS/captures/$scenario"
done
for log in "$VECTORS"/boot/*/binary_bios_measurements; do
    bundle=$(dirname "$log") scenario=$(basename "$(dirname "$log")")
    check "$scenario: disk and firmware are made again" "$TOP/tests/tools/boot_disk.sh" "$scenario" "$SCRATCH/machine"
    boot_predicted "$scenario" "$SCRATCH/machine" "$bundle"
    [ ! -s "$log" ] || check "$scenario: an audit finds nothing" audited "$bundle"
done
boots_table | tee "$SCRATCH/table"
# What the documentation says is what was found; the machines whose kernel is too large to keep are in `make check-vm`.
check "the documentation's table says the same" boots_documented "$SCRATCH/table"
finish
