# shellcheck shell=bash disable=SC2154 # variables and functions of tests/bench/run
# SPDX-License-Identifier: BSD-2-Clause
# L1: an ima-ng list of 1,000,000 entries, sha1 and sha256 banks, template hashes checked; L1g: the
# same number audited, each entry looked up in a golden database of 1,000,000 files. L2: L1 with signatures.

IMA_ENTRIES=1000000

# ima_list TEMPLATE: makes the list and, as evmctl reads them, the PCR values it ends in.
ima_list() {
    local list=$BENCH_DIR/$1.list alg
    [ -s "$list.sha256" ] && return
    "$BENCH_PROGRAMS/make_ima_list" "$IMA_ENTRIES" "$1" > "$list" || return
    for alg in sha1 sha256; do
        "$ASSAY" replay ima --bank "$alg" --json "$list" | awk '
            !value && /"10":/ { gsub(/[^0-9a-f]/, "", $2); value = $2 }
            END { zeros = value; gsub(/./, "0", zeros)
                  for (i = 0; i < 24; i++) printf "PCR-%02d: %s\n", i, i == 10 ? value : zeros }' > "$list.$alg"
    done
}

ima_load() { # ima_load LOAD TEMPLATE BYTES: BYTES of template data each entry has
    local list=$BENCH_DIR/$2.list size=$3
    ima_list "$2" || return
    ours() { measure ours "$ASSAY" replay ima --bank sha1,sha256 "$list"; }
    peer() { measure peer evmctl ima_measurement --pcrs "sha1,$list.sha1" --pcrs "sha256,$list.sha256" "$list"; }
    # A template hash and an extend in each bank, and the padded extend of sha256.
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" "$IMA_ENTRIES" "SHA1:$size" SHA1:40 "SHA256:$size" SHA256:64 SHA256:64; }
    if have evmctl; then turns ours peer bare; else turns ours '' bare; fi
    report "$1" "evmctl ima_measurement" ">= 12x"
}

load_L1() { ima_load L1 ima-ng 96; }
load_L2() { ima_load L2 ima-sig 365; }

# One machine: boot log, quote, a list of as many entries, a database of as many files. evmctl looks
# nothing up and verifies no quote.
load_L1g() {
    local dir=$BENCH_DIR/l1g list
    # Made anew, too, when Assay reads another version of databases.
    if [ ! -e "$dir/done" ] || ! "$ASSAY" db info --db "$dir/golden.db" > "$WORK/info" 2>&1; then
        rm -rf "$dir"
        "$BENCH_PROGRAMS/make_bundles" "$CAPTURE" "$dir" 1 "$IMA_ENTRIES" 1000000 || return
        touch "$dir/done"
    fi
    list=$dir/fleet/machine-0000/binary_runtime_measurements
    ours() { measure ours "$ASSAY" audit -q --db "$dir/golden.db" --ak "$dir/ak.pub" -o "$WORK/report" "$dir/fleet"; }
    peer() { measure peer evmctl ima_measurement --pcrs "sha256,$dir/pcrs/machine-0000" "$list"; }
    # The list's SHA-1 template hashes; of the quoted bank its own, and the extends of both kinds.
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" "$IMA_ENTRIES" SHA1:85 SHA256:85 SHA256:64 SHA256:64; }
    if have evmctl; then turns ours peer bare; else turns ours '' bare; fi
    report L1g "evmctl, without look-up" ">= 8x"
}
