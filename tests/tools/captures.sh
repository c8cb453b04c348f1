# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What must be found in captures of machines that were really booted, laid out as tests/vectors and
# made by tests/vm/capture.sh. Sourced after tests/e2e/lib.sh.
#
#   captures_golden DIR DB        tests: the packages and the initrd of DIR go into the database DB
#   capture_judged DIR NAME DB    tests: logs replay to the TPM's PCRs, and the audit finds exactly what
#                                 DIR/expected/NAME.json lists
#   in_json WHAT FILTER           a test: the last command's JSON makes the jq filter true

in_json() { check "$1" says "$2"; }
# says FILTER [JQ-OPTION...]: one document, and true of it
says() {
    local filter=$1
    shift
    [ "$(jq "$@" "$filter" "$OUT")" = true ] && return 0
    echo "# not so: $filter"
    head -c 3000 "$OUT" | sed 's/^/# | /'
    echo
    return 1
}

captures_golden() {
    check_run "the packages of the captured machines become golden values" 0 "$ASSAY" refgen rpm --release vm \
        --db "$2" --keyring "$1/keys/rpm-key.asc" "$1/rpms"
    check_run "and so does their initrd" 0 "$ASSAY" refgen initrd --release vm --db "$2" "$1/initrd.img"
}

# Of what matters, nothing but the unexplained entries, each with its index, path and kind.
explained() {
    says '.bundles | length == 1' || return 1
    jq -r '.bundles[].findings[] | select(.severity == "critical" or .severity == "high") |
        "\(.source.index) \(.subject) \(.code)"' "$OUT" | sort > "$SCRATCH/.found"
    jq -r '.unexplained[] | "\(.index) \(.path) " + ({ changed: "ima.digest-mismatch",
        unpackaged: "ima.unknown-file", tomtou: "ima.violation", "open-writers": "ima.violation" }[.kind])' "$1" |
        sort > "$SCRATCH/.expected"
    same "$SCRATCH/.expected" "$SCRATCH/.found"
}

# The last JSON against the values tpm2_pcrread gave in the machine. tpm2_eventlog counted the events, the Spec
# ID event among them.
boot_replays() {
    says '.event_count + 1 == $want[0].event_count and (.pcrs | keys) == ($want[0].pcrs | keys) and
        all(.pcrs | to_entries[] | .key as $bank | .value | to_entries[] | [$bank, .key, .value];
            $want[0].pcrs[.[0]][.[1]] == .[2])' --slurpfile want "$1"
}
# What the log does not extend, and nothing else does, is as it was at reset.
boot_leaves_nothing_out() {
    says '.pcrs as $have | all($want[0].pcrs | to_entries[] | .key as $bank | .value |
        to_entries[] | select((.key | tonumber) < 16 and .key != "10") | [$bank, .key, .value];
        ($have[.[0]][.[1]] // (.[2] | gsub("."; "0"))) == .[2])' --slurpfile want "$1"
}
# Debian's IMA starts without SHA-512, so two banks hold padded SHA-1.
ima_replays() {
    says '.entry_count == $want[0].ima_entry_count and
        .violation_count == $want[0].ima_violation_count and .template_hash_mismatches == 0 and
        .pcrs.sha1["10"] == $want[0].pcrs.sha1["10"] and .pcrs.sha256["10"] == $want[0].pcrs.sha256["10"] and
        .pcrs_padded.sha384["10"] == $want[0].pcrs.sha384["10"] and
        .pcrs_padded.sha512["10"] == $want[0].pcrs.sha512["10"]' --slurpfile want "$1"
}

capture_judged() {
    local expected=$1/expected/$2.json bundle=$1/captures/$2 db=$3 status=0 verdict=pass
    if [ "$(jq '.unexplained | length' "$expected")" != 0 ]; then status=1 verdict=fail; fi
    check_run "$2: $verdict" $status "$ASSAY" audit --json "$bundle" --db "$db" --ak "$bundle/ak.pub" \
        --ak "$bundle/ak-ecc.pub" --nonce "$(cat "$bundle/nonce")"
    in_json "$2: in the report, too" ".verdict == \"$verdict\" and .bundles[0].verdict == \"$verdict\""
    check "$2: what the machine ran is explained, entry by entry" explained "$expected"
    check_run "$2: the boot log is replayed" 0 "$ASSAY" replay tcg --json "$bundle/binary_bios_measurements"
    check "$2: to the TPM's PCRs in all banks" boot_replays "$expected"
    check "$2: which leaves no PCR unexplained" boot_leaves_nothing_out "$expected"
    check_run "$2: the IMA list is replayed" 0 "$ASSAY" replay ima --json --bank sha1,sha256,sha384,sha512 \
        "$bundle/binary_runtime_measurements"
    check "$2: to the TPM's PCR 10 in all banks" ima_replays "$expected"
    check_run "$2: so is the ascii list" 0 "$ASSAY" replay ima --json --bank sha1,sha256,sha384,sha512 \
        "$bundle/ascii_runtime_measurements"
    check "$2: to the TPM's PCR 10 in all banks" ima_replays "$expected"
}
