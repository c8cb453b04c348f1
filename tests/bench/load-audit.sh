# shellcheck shell=bash disable=SC2154 # variables and functions of tests/bench/run
# SPDX-License-Identifier: BSD-2-Clause
# L6: 1,000 bundles (quote, boot log, 2,000 IMA entries each) audited against a database of 20,000 files.

L6_PEER=50 # the peers take so long that they judge this many bundles

load_L6() {
    local fleet=$BENCH_DIR/l6 wall
    # Made anew, too, when Assay reads another version of databases.
    if [ ! -e "$fleet/done" ] || ! "$ASSAY" db info --db "$fleet/golden.db" > "$WORK/info" 2>&1; then
        rm -rf "$fleet"
        "$BENCH_PROGRAMS/make_bundles" "$CAPTURE" "$fleet" 1000 2000 20000 || return
        touch "$fleet/done"
    fi
    ours() { measure ours "$ASSAY" audit -q --db "$fleet/golden.db" --ak "$fleet/ak.pub" -o "$WORK/report" "$fleet/fleet"; }
    peer() {
        # shellcheck disable=SC2016 # expanded by the inner shell
        measure peer bash -c 'cd "$1/fleet" && for m in $(ls | head -n "$2"); do
            tpm2_checkquote -u "$m/ak.pub" -m "$m/quote.msg" -s "$m/quote.sig" -f "$m/quote.pcrs" -q "$(cat "$m/nonce")" &&
            tpm2_eventlog "$m/binary_bios_measurements" &&
            evmctl ima_measurement --pcrs "sha256,../pcrs/$m" "$m/binary_runtime_measurements" || exit 1
        done' bash "$fleet" "$L6_PEER"
    }
    # The hashes of the IMA lists: template hashes of sha1 and sha256, extends of both kinds.
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" 2000000 SHA1:85 SHA256:85 SHA256:64 SHA256:64; }
    if have tpm2_checkquote && have tpm2_eventlog && have evmctl; then turns ours peer bare; else turns ours '' bare; fi
    wall=$(median "$WORK/ours" 2)
    # By CPU time it would be so many were both processors ours alone.
    awk -v w="$wall" -v c="$(median "$WORK/ours" 1)" 'BEGIN {
        printf "L6      %.0f bundles a second, %.0f by CPU time of 2 processors (target >= 1100)\n", 1000 / w, 2000 / c }'
    report L6 "checkquote + eventlog + evmctl" ">= 28x" "$((1000 / L6_PEER))"
}
