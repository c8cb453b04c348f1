# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Boots predicted and compared with what machines measured, event by event and in every bank. Sourced after
# tests/e2e/lib.sh.
#
#   boot_predicted NAME DIR BUNDLE [OPTION...]   tests: the boot of what is in DIR (as boot_disk.sh and vary.sh lay
#                    it out) is predicted, and is what BUNDLE's event log and PCRs say. OPTIONs are compare_boot.py's
#   boots_table      what was and was not predicted, as the documentation has it
#   boots_documented TABLE   the documentation's table has every line of that
export PATH=$PATH:/usr/sbin:/sbin

compare_boot() { python3 "$TOP/tests/tools/compare_boot.py" "$@"; }

boot_predict() {
    (cd "$1" && run 0 "$ASSAY" refgen boot --release vm --firmware CODE.fd --varstore VARS.fd \
        --machine facts.json --image disk.img --dry-run --json) && cp "$OUT" "$1/prediction.json"
}

boot_predicted() {
    local name=$1 dir=$2 bundle=$3
    shift 3
    check "$name: a boot is predicted" boot_predict "$dir"
    check "$name: it is the one that was measured" compare_boot "$dir/prediction.json" \
        "$bundle/binary_bios_measurements" "$bundle/pcrs.yaml" --name "$name" --table "$SCRATCH/boots.tsv" "$@"
}

boots_table() { compare_boot --markdown "$SCRATCH/boots.tsv"; }

boots_documented() {
    local line
    while read -r line; do
        contains "$TOP/docs/boot-prediction.md" "$line" || return 1
    done < "$1"
}
