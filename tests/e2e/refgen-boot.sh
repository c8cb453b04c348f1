#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Boots predicted from what they were booted from, against the captured boots: every event and every PCR, in
# four banks. What they were booted from, and the expected values, are in tests/vectors (see its README).
. "$(dirname "$0")/lib.sh"
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
VECTORS=$TOP/tests/vectors
SCENARIOS="sb-grub uki-sdboot efistub"
compare() { python3 "$TOP/tests/tools/compare_boot.py" "$@"; }
# compared SCENARIO PREDICTION [OPTION...]: with the capture.
compared() {
    local name=$1 prediction=$2; shift 2
    compare "$prediction" "$VECTORS/captures/$name/binary_bios_measurements" "$VECTORS/captures/$name/pcrs.yaml" \
        --name "$name" "$@"
}

# The comparer itself: it accepts what is right and finds each kind of mistake.
refused() { # TEXT JQ-FILTER: the right prediction changed so is refused, with that text
    jq "$2" "$SCRATCH/right.json" > "$SCRATCH/wrong.json"
    if compared uki-sdboot "$SCRATCH/wrong.json" > "$SCRATCH/compared"; then echo "# accepted"; return 1; fi
    contains "$SCRATCH/compared" "$1"
}
compare --as-prediction "$VECTORS/captures/uki-sdboot/binary_bios_measurements" > "$SCRATCH/right.json"
check "the right prediction is found right" compared uki-sdboot "$SCRATCH/right.json"
check "a digest of one bank" refused '[sha384]' \
    '(.profiles[0].events[] | select(.pcr == 11) | .digests.sha384) |= ("00" + .[2:])'
check "a type" refused 'predicted EV_ACTION' '(.profiles[0].events[] | select(.pcr == 12) | .type) = "EV_ACTION"'
check "an event left out" refused 'missing: event ' 'del(.profiles[0].events[40])'
check "an event too many" refused 'too many: ' '.profiles[0].events += [.profiles[0].events[40]]'
check "a bank's value" refused 'differs: sha1' '.profiles[0].banks.sha1["4"] |= ("00" + .[2:])'
check "events out of order" refused 'WRONG' '.profiles[0].events |= reverse'
check "an unknown event" refused 'partial' '.profiles[0].events[40] |= (.digests = {} | .origin = "unknown")'
check "coverage that says too much" refused 'coverage says baseline' '.profiles[0].coverage["4"] = "baseline"'

"$ASSAY" refgen boot --help > "$OUT" 2> "$ERR" || { skip "predictions" "there is no assay refgen boot"; finish; }

# predict SCENARIO: $SCRATCH/SCENARIO/ from the vectors, and $SCRATCH/SCENARIO.json.
predict() {
    "$TOP/tests/tools/boot_disk.sh" "$1" "$SCRATCH/$1" || return 1
    (cd "$SCRATCH/$1" && run 0 "$ASSAY" refgen boot --release vm --firmware CODE.fd --varstore VARS.fd \
        --machine facts.json --image disk.img --dry-run --json) || return 1
    cp "$OUT" "$SCRATCH/$1.json"
}
for scenario in $SCENARIOS; do
    check "$scenario: a boot is predicted" predict "$scenario"
    check "$scenario: event by event as captured, in four banks" compared "$scenario" "$SCRATCH/$scenario.json"
done
finish
