#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# assay replay tcg, on the captures and on logs made from them.
. "$(dirname "$0")/lib.sh"

CAPTURES=$TOP/tests/vectors/captures
LOG=$CAPTURES/sb-grub/binary_bios_measurements
SMALL=$CAPTURES/efistub/binary_bios_measurements

# jq_is FILTER TEXT: the filter on the JSON in $OUT gives the text.
jq_is() {
    local got
    got=$(jq -cr "$1" "$OUT") || return 1
    [ "$got" = "$2" ] || { echo "# $1 gives $got, expected $2"; return 1; }
}

# --- JSON

# pcrs_held CAPTURE: every PCR the log extends ends in what its TPM held.
pcrs_held() {
    local log=$1/binary_bios_measurements n=0 bank pcr value
    run 0 "$ASSAY" replay tcg --json "$log" || return 1
    while read -r bank pcr value; do
        awk -v b="  $bank:" -v p="$pcr" '$0 == b { on = 1; next } /^  [a-z]/ { on = 0 }
            on { n = $1; sub(":", "", n); if (n == p) print tolower($NF) }' "$1/pcrs.yaml" > "$SCRATCH/held"
        grep -qx "0x$value" "$SCRATCH/held" || { echo "# $bank PCR $pcr: $value"; return 1; }
        n=$((n + 1))
    done < <(jq -r '.pcrs | to_entries[] | .key as $b | .value | to_entries[] | "\($b) \(.key) \(.value)"' "$OUT")
    [ "$n" -ge 36 ]
}
for capture in efistub uki-sdboot sb-grub sb-grub-ima-attack; do
    check "$capture: the log gives the PCRs of its TPM in four banks" pcrs_held "$CAPTURES/$capture"
done

check_run "JSON" 0 "$ASSAY" replay tcg --json "$LOG"
check "... format" jq_is .format tcg2
check "... number of events" jq_is .event_count 57
check "... algorithms" jq_is .algorithms '["sha1","sha256","sha384","sha512"]'
check "... no events unless asked for" jq_is 'has("events")' false
check "... checks" jq_is .data_checks '{"match":44,"mismatch":0,"unchecked":13}'
check "... no error" jq_is 'has("error")' false

check_run "JSON with events" 0 "$ASSAY" replay tcg --json --events "$LOG"
check "... as many as counted" jq_is '(.events | length) == .event_count' true
check "... fields of an event" jq_is '.events[0] | del(.digests, .data)' \
    '{"index":0,"offset":77,"pcr":0,"type":"EV_S_CRTM_VERSION","type_id":8,"data_check":"match","digest_over":"event data","data_size":2}'
check "... digests" jq_is '.events[0].digests | map_values(length)' \
    '{"sha1":40,"sha256":64,"sha384":96,"sha512":128}'
check "... SecureBoot" jq_is '.events[3].data | [.kind, .name, .content, .value]' \
    '["variable","SecureBoot","flag",1]'
check "... certificates of db" jq_is '[.events[6].data.signatures[] | .subject | capture("CN = (?<cn>.*)").cn]' \
    '["Microsoft Windows Production PCA 2011","Microsoft Corporation UEFI CA 2011"]'
check "... boot order" jq_is '.events[9].data.boot_order' '["0001","0000","0002"]'
check "... load option" jq_is '.events[10].data.load_option.device_path' 'PciRoot(0x0)/Pci(0x1,0x0)'
check "... partitions" jq_is '[.events[22].data.partitions[].type_name]' \
    '["EFI system partition","Linux root (x86-64)"]'
check "... image" jq_is '.events[23] | [.data_check, .data.file]' '["unchecked","\\EFI\\BOOT\\BOOTX64.EFI"]'
check "... kernel command line" jq_is '[.events[].data | select(.use == "kernel-cmdline") | .text | startswith("/boot/vmlinuz")]' '[true]'
check "... every event has every field" jq_is \
    '[.events[] | has("index") and has("offset") and has("pcr") and has("type") and has("type_id") and has("digests") and has("data_check") and has("data")] | all' true

check_run "one bank, some PCRs" 0 "$ASSAY" replay tcg --json --events --bank sha256 --pcr 0-2,7 "$LOG"
check "... banks" jq_is '.pcrs | keys' '["sha256"]'
check "... PCRs" jq_is '.pcrs.sha256 | keys' '["0","1","2","7"]'
check "... events" jq_is '[.events[].pcr] | unique' '[0,1,2,7]'

"$ASSAY" replay tcg --json --events "$LOG" > "$SCRATCH/named"
check_run "standard input" 0 sh -c "\"$ASSAY\" replay tcg --json --events - < \"$LOG\""
check "... the same" same "$OUT" "$SCRATCH/named"
check_run "a pipe" 0 sh -c "cat \"$LOG\" | \"$ASSAY\" replay tcg --json --events -"
check "... the same" same "$OUT" "$SCRATCH/named"

check_run "another locality" 0 "$ASSAY" replay tcg --json --locality 3 "$LOG"
check "... PCR 0 differs" jq_is ".pcrs.sha256[\"0\"] != \"$(jq -r '.pcrs.sha256["0"]' "$SCRATCH/named")\"" true
check "... PCR 1 does not" jq_is ".pcrs.sha256[\"1\"] == \"$(jq -r '.pcrs.sha256["1"]' "$SCRATCH/named")\"" true
check "... it is told" jq_is .startup_locality.used 3

# --- for people

check_run "a listing" 0 sh -c "\"$ASSAY\" replay tcg - < \"$SMALL\""
check "... in its stored form" golden replay-tcg.txt
check_run "quiet" 0 "$ASSAY" replay tcg -q "$SMALL"
check "... lists no events" lacks "$OUT" EV_
check "... gives the PCRs" contains "$OUT" "$(jq -r '.pcrs.sha256["7"]' <("$ASSAY" replay tcg --json "$SMALL"))"
check_run "verbose" 0 "$ASSAY" replay tcg -v "$LOG"
check "... whole descriptions" contains "$OUT" '\x0ainitrd\x09/boot/initrd.img-6.1.0-56-amd64\x0a}'
check "... whole digests" contains "$OUT" "sha512  $(jq -r '.events[3].digests.sha512' "$SCRATCH/named")"

# --- logs that are not what they were

size=$(stat -c %s "$SMALL")
head -c $((size - 3)) "$SMALL" > "$SCRATCH/cut"
check_run "cut short" 3 "$ASSAY" replay tcg "$SCRATCH/cut"
check "... names file and offset" grep -q "$SCRATCH/cut: offset 0x[0-9a-f]*: .*cut short" "$ERR"
check "... says so in the listing" contains "$OUT" "THE LOG BREAKS OFF"
check "... lists the events before" contains "$OUT" "Exit Boot Services Invocation"
check_run "cut short, JSON" 3 "$ASSAY" replay tcg --json --events "$SCRATCH/cut"
check "... is a whole document with an error" jq_is '.error.offset > 0 and (.error.message | length) > 0' true
check "... and the events before" jq_is '(.events | length) == .event_count and .event_count == 26' true

: > "$SCRATCH/empty"
check_run "an empty file" 3 "$ASSAY" replay tcg "$SCRATCH/empty"
check "... prints no result" test ! -s "$OUT"
head -c 4096 /dev/zero > "$SCRATCH/zeros"
check_run "zeros" 3 "$ASSAY" replay tcg --json "$SCRATCH/zeros"
check "... print no result" test ! -s "$OUT"
check_run "no such file" 3 "$ASSAY" replay tcg "$SCRATCH/nowhere"
check_run "a folder" 3 "$ASSAY" replay tcg "$SCRATCH"
check_run "text" 3 "$ASSAY" replay tcg "$TOP/README.md"
# Files of the kernel say that they have 0 bytes: read to the end, this one is text, too.
check "a file of size 0" eval 'run 3 "$ASSAY" replay tcg /proc/self/status && contains "$ERR" "/proc/self/status: offset 0x20: "'
check "a full disk" eval 'run 4 sh -c "\"$ASSAY\" replay tcg \"$LOG\" > /dev/full" && contains "$ERR" "No space left on device"'

cat "$SMALL" "$SCRATCH/zeros" > "$SCRATCH/padded"
check_run "padding" 0 "$ASSAY" replay tcg --json "$SCRATCH/padded"
check "... is told" jq_is .padding 4096
check "... changes nothing else" test "$(jq -c .pcrs "$OUT")" = "$(jq -c .pcrs <("$ASSAY" replay tcg --json "$SMALL"))"

# The text of the first action changes, its digests do not: the PCRs stay, the check tells.
cp "$SMALL" "$SCRATCH/tampered"
offset=$(grep -abo 'Calling EFI Application' "$SMALL" | head -n 1 | cut -d: -f1)
printf X | dd of="$SCRATCH/tampered" bs=1 seek="$offset" conv=notrunc status=none
check_run "data that its digest is not over" 0 "$ASSAY" replay tcg --json --events "$SCRATCH/tampered"
check "... is a mismatch in every bank" jq_is '[.events[] | select(.data_check == "mismatch") | .mismatched]' \
    '[["sha1","sha256","sha384","sha512"]]'
check "... and does not change the PCRs" test "$(jq -c .pcrs "$OUT")" = "$(jq -c .pcrs <("$ASSAY" replay tcg --json "$SMALL"))"

# The sha256 digest of the first event changes: the check tells the bank.
cp "$SMALL" "$SCRATCH/bank"
printf '\377' | dd of="$SCRATCH/bank" bs=1 seek=$((77 + 12 + 22 + 2)) conv=notrunc status=none
check_run "one bank" 0 "$ASSAY" replay tcg --json --events "$SCRATCH/bank"
check "... is told" jq_is '.events[0] | [.data_check, .mismatched]' '["mismatch",["sha256"]]'
check "... changes PCR 0 of that bank only" test \
    "$(jq -c '.pcrs | map_values(.["0"])' "$OUT" | tr ',' '\n' | grep -cvxFf <(jq -c '.pcrs | map_values(.["0"])' <("$ASSAY" replay tcg --json "$SMALL") | tr ',' '\n'))" = 1

# --- the command line

check_run "help" 0 "$ASSAY" replay tcg --help
check "... tells the options" contains "$OUT" --locality
check_run "no log" 2 "$ASSAY" replay tcg
check_run "two logs" 2 "$ASSAY" replay tcg "$LOG" "$SMALL"
check_run "an unknown option" 2 "$ASSAY" replay tcg --nonsense "$LOG"
check_run "an unknown bank" 2 "$ASSAY" replay tcg --bank sha257 "$LOG"
check_run "no PCR" 2 "$ASSAY" replay tcg --pcr 24 "$LOG"
check_run "PCRs backwards" 2 "$ASSAY" replay tcg --pcr 7-0 "$LOG"
check_run "no list of PCRs" 2 "$ASSAY" replay tcg --pcr 1, "$LOG"
check_run "no locality" 2 "$ASSAY" replay tcg --locality 5 "$LOG"
check_run "events, and quiet" 2 "$ASSAY" replay tcg --events -q "$LOG"
if [ -w /dev/full ]; then
    check_run "a full disk" 4 sh -c "\"$ASSAY\" replay tcg --json --events \"$LOG\" > /dev/full"
else
    skip "a full disk" "no /dev/full"
fi

# --- the corpus: exit statuses; its values are compared by tests/unit/replay/eventlog

if [ -n "$CORPUS" ]; then
    for name in keylime-keylime__binary_bios_measurements-bogus keylime-keylime__binary_bios_measurements-empty \
        tpm2-software-tpm2-tools__specid-vendordata.bin; do
        check_run "corpus: $name" 3 "$ASSAY" replay tcg --json "$CORPUS/tcg-eventlog/$name"
        check "... names an offset" grep -q 'offset 0x' "$ERR"
    done
    check_run "corpus: a Windows log" 0 "$ASSAY" replay tcg "$CORPUS/tcg-eventlog/kgoldman-ibmtss__ideapad1.log"
    check "... passes over what Windows appends" contains "$OUT" "added by the system, extends nothing"
    check_run "corpus: registers" 0 "$ASSAY" replay tcg --json "$CORPUS/ccel/confidential-containers-trustee__CCEL_data_ovmf"
    check "... format" jq_is .format cc
    check "... registers" jq_is '.pcrs.sha384 | keys' '["1","2","3"]'
else
    skip "the corpus" "it is not here"
fi

finish
