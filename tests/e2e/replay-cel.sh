#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# replay cel: captured logs in every encoding end in the PCR values that the TPM held.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
json_has() { jq -e "$1" "$OUT" > /dev/null || { head -c 1500 "$OUT"; return 1; }; }
in_json() { check "$1" json_has "$2"; }

if ! command -v python3 > /dev/null; then
    skip "Canonical Event Logs" "no python3"
    finish
fi
encode() { python3 "$TOP/tests/tools/cel_encode.py" "$@"; }

# What tpm2_pcrread printed of PCRs that a log extends: "bank pcr value".
tpm_values() {
    awk '/^ *[a-z0-9]+:$/ { sub(":", "", $1); bank = $1; next }
         { split($0, part, ":"); print bank, part[1] + 0, tolower(substr($NF, 3)) }' "$1"
}
replayed() { jq -r '.pcrs | to_entries[] | .key as $bank | .value | to_entries[] | "\($bank) \(.key) \(.value)"' "$OUT" | sort; }
as_the_tpm() { # every value that was replayed is the TPM's
    replayed > got
    [ -s got ] || return 1
    tpm_values "$1" | sort > all
    comm -23 got all > wrong
    [ ! -s wrong ] || { sed 's/^/# /' wrong; return 1; }
}

for capture in sb-grub uki-sdboot efistub; do
    folder=$TOP/tests/vectors/captures/$capture
    for encoding in tlv json json-seq json-lines json-base64 cbor cbor-seq; do
        encode $encoding "$folder/binary_bios_measurements" "$folder/binary_runtime_measurements" log names padded=sha384,sha512 || { check "$encoding is made" false; continue; }
        check_run "$capture as $encoding" 0 "$ASSAY" replay cel --json log
        check "  ends in what the TPM held" as_the_tpm "$folder/pcrs.yaml"
        in_json "  of its encoding" '.format == "cel-'"${encoding%%-*}"'"'
    done
done
in_json "as many banks as the machine had" '.algorithms == ["sha1", "sha256", "sha384", "sha512"] and (.pcrs.sha512["10"] | length == 128)'

folder=$TOP/tests/vectors/captures/uki-sdboot
encode json-seq "$folder/binary_bios_measurements" "$folder/binary_runtime_measurements" log systemd=ready
check_run "with an event of user space" 0 "$ASSAY" replay cel --json --events log
in_json "  it is read, and its digest is over the string" '.events[-1] | .content_type == "systemd" and .string == "ready" and .pcr == 11 and .data_check == "match"'
in_json "  beside events" 'any(.events[]; .type == "EV_EFI_VARIABLE_DRIVER_CONFIG" and .data_check == "match" and .data.kind == "variable")'
in_json "  and IMA entries" 'any(.events[]; .content_type == "ima_template" and .data_check == "match")'
check_run "for people" 0 "$ASSAY" replay cel log
check "  a line for each" contains "$OUT" "phase  ready"
check "  and the PCRs" contains "$OUT" sha512
check_run "  or not a line" 0 "$ASSAY" replay cel -q log
check "  but the PCRs" lacks "$OUT" "phase  ready"
check_run "standard input" 0 "$ASSAY" replay cel --json - < log

encode tlv "$folder/binary_bios_measurements" "$folder/binary_runtime_measurements" log
head -c 1000 log > part
check_run "a log that breaks off" 3 "$ASSAY" replay cel --json part
in_json "  is read up to there" '.event_count > 3 and .broken.offset > 500'
check "  and where is said" contains "$ERR" "part: offset 0x"
check_run "an empty file" 3 "$ASSAY" replay cel /dev/null
check_run "no log of this kind" 3 "$ASSAY" replay cel "$folder/binary_bios_measurements"
check_run "two logs are a usage error" 2 "$ASSAY" replay cel log log

if [ -n "$CORPUS" ]; then
    for kind in cel_timestamp cel_version firmware_end ima_template pcclient_std state_trans; do
        base64 -d "$CORPUS/cel/whooo-eventlogs__tlv_$kind.b64" > log
        check_run "another project's $kind" 0 "$ASSAY" replay cel --json log
        in_json "  is one record" '.event_count == 1'
    done
    for kind in cel_bad_cel_version_type cel_version_extra_byte ima_template_extra_byte pcclient_std_extra_byte; do
        base64 -d "$CORPUS/cel/whooo-eventlogs__tlv_$kind.b64" > log
        check_run "its $kind is refused" 3 "$ASSAY" replay cel log
        check "  with the offset" contains "$ERR" "log: offset 0x"
    done
    # A machine whose TPM was started at locality 3, as its log says.
    log=$CORPUS/tcg-eventlog/keylime-keylime__binary_bios_measurements
    encode cbor "$log" "$folder/binary_runtime_measurements" log
    "$ASSAY" replay tcg --json "$log" | jq -c '.pcrs[] |= del(.["10"]) | .pcrs' > want
    check_run "a machine that was started at another locality" 0 "$ASSAY" replay cel --json log
    jq -c '.pcrs[] |= del(.["10"]) | .pcrs' "$OUT" > got
    check "  has the PCRs of its firmware's log" same want got
else
    skip "another project's records" "no corpus"
fi
finish
