# shellcheck shell=bash disable=SC2154 # variables and functions of tests/bench/run
# SPDX-License-Identifier: BSD-2-Clause
# L3: a TCG event log of 100,000 events in four banks.

load_L3() {
    local log=$BENCH_DIR/l3.log
    [ -s "$log" ] || "$BENCH_PROGRAMS/make_event_log" 100000 > "$log" || return
    ours() { measure ours "$ASSAY" replay tcg "$log"; }
    peer() { measure peer tpm2_eventlog "$log"; }
    # In each bank one hash of the data (checked against the digest) and one extend.
    bare() { measure bare "$BENCH_PROGRAMS/bare_hash" 100000 SHA1:22 SHA1:40 SHA256:22 SHA256:64 \
        SHA384:22 SHA384:96 SHA512:22 SHA512:128; }
    if have tpm2_eventlog; then turns ours peer bare; else turns ours '' bare; fi
    report L3 "tpm2_eventlog" ">= 20x"
}
