#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# assay replay ima: on our captures, on made and damaged lists, on real-world lists.
. "$(dirname "$0")/lib.sh"

captures=$TOP/tests/vectors/captures

# --- what a TPM held ----------------------------------------------------------------------------

# pcr10 FILE BANK: what tpm2_pcrread said.
pcr10() {
    awk -v bank="$2:" '$1 == bank { on = 1; next } /:$/ { on = 0 } on && $1 == "10:" { print tolower(substr($2, 3)) }' "$1"
}

# holds FOLDER FORM: these kernels extend their own hash into sha1 and sha256, padded SHA-1 into the others.
holds() {
    local bank key
    run 0 "$ASSAY" replay ima --json --bank sha1,sha256,sha384,sha512 "$captures/$1/$2_runtime_measurements" || return 1
    for bank in sha1 sha256 sha384 sha512; do
        key=pcrs
        case $bank in sha384 | sha512) key=pcrs_padded ;; esac
        [ "$(jq -r ".$key.$bank.\"10\"" "$OUT")" = "$(pcr10 "$captures/$1/pcrs.yaml" "$bank")" ] || return 1
    done
    [ "$(jq .template_hash_mismatches "$OUT")" = 0 ]
}

for folder in "$captures"/*/; do
    folder=$(basename "$folder")
    check "$folder, binary list: the TPM's PCR 10 in four banks" holds "$folder" binary
    check "$folder, text list: the same" holds "$folder" ascii
done

# --- output ---------------------------------------------------------------------------------------

attack=$captures/sb-grub-ima-attack
events() {
    run 0 "$ASSAY" replay ima --events "$attack/binary_runtime_measurements" || return 1
    grep -qE '^ +37 +10  ima-sig +sha256:[0-9a-f]{16} +/usr/bin/uname  signed$' "$OUT" &&
        grep -qE '^ +48 +10  ima-sig +sha256:0{16} +/var/log/tomtou.txt  VIOLATION$' "$OUT" &&
        contains "$OUT" "binary list, 68 entries" && contains "$OUT" "2 violations"
}
check "text: a line for each entry, violations said" events

json_events() {
    run 0 "$ASSAY" replay ima --events --json "$attack/binary_runtime_measurements" || return 1
    jq -e '.format == "binary" and .entry_count == 68 and .violation_count == 2
        and (.events | length) == 68 and (.events | map(.index)) == [range(68)]
        and .events[48].template_hash_check == "violation" and .events[49].path == "/var/log/openwriter.txt"
        and .events[37].digest.algorithm == "sha256" and (.events[37].signature | startswith("0302"))
        and (.pcrs | keys) == ["sha1", "sha256"] and (.pcrs_padded | keys) == ["sha256"]' "$OUT" > "$SCRATCH/jq"
}
check "JSON: as documented" json_events

# The two forms of one list say the same, entry by entry.
both_forms() {
    local form
    for form in binary ascii; do
        run 0 "$ASSAY" replay ima --events --json "$1/${form}_runtime_measurements" || return 1
        jq -S 'del(.format, .events[].offset)' "$OUT" > "$SCRATCH/$form.json"
    done
    same "$SCRATCH/binary.json" "$SCRATCH/ascii.json"
}
for folder in "$captures"/*/; do
    check "$(basename "$folder"): binary and text list say the same" both_forms "$folder"
done

buffer() {
    run 0 "$ASSAY" replay ima --events --json "$captures/uki-sdboot/binary_runtime_measurements" &&
        [ "$(jq -r '.events[1] | .path, .buffer' "$OUT")" = "kernel_version
$(jq -r '.events[1].buffer' "$OUT" | xxd -r -p | xxd -p | tr -d '\n')" ] &&
        [ "$(jq -r '.events[1].buffer' "$OUT" | xxd -r -p | sha256sum | cut -d' ' -f1)" = \
            "$(jq -r '.events[1].digest.digest' "$OUT")" ]
}
check "a buffer entry shows its buffer, whose hash its digest is" buffer
check "  and what is in it" jq -e '.events[1] | .buffer_kind == "text" and (.buffer_text | length) > 0' "$OUT"

# --- from where -------------------------------------------------------------------------------------

list=$captures/efistub/binary_runtime_measurements
stdin() { "$ASSAY" replay ima --json - < "$list" > "$SCRATCH/stdin" && "$ASSAY" replay ima --json "$list" > "$SCRATCH/file" && same "$SCRATCH/stdin" "$SCRATCH/file"; }
check "standard input" stdin
pipe() { run 0 bash -c 'cat "$1" | "$2" replay ima --json /dev/stdin' - "$list" "$ASSAY" && same "$OUT" "$SCRATCH/file"; }
check "a pipe" pipe
# Files of the kernel say that they have 0 bytes.
size_0() { [ "$(stat -c %s /proc/version)" = 0 ] && run 3 "$ASSAY" replay ima /proc/version && contains "$ERR" "/proc/version: offset 0x0: not an IMA measurement list"; }
check "a file of size 0 is read to its end" size_0
reader_leaves() { # nothing is said when the reader has seen enough
    local status
    for _ in $(seq 60); do cat "$list"; done > "$SCRATCH/long"
    "$ASSAY" replay ima --events "$SCRATCH/long" 2> "$ERR" | head -n 1 > "$OUT"; status=${PIPESTATUS[0]}
    [ "$status" = 141 ] && [ -s "$OUT" ] && [ ! -s "$ERR" ] || { echo "# exit status $status"; return 1; }
}
check "a reader that leaves" reader_leaves
check "a full disk is an error" eval 'run 4 sh -c "\"$ASSAY\" replay ima \"$list\" > /dev/full" && contains "$ERR" "No space left on device"'
: > "$SCRATCH/empty"
empty() { run 0 "$ASSAY" replay ima --json "$SCRATCH/empty" && jq -e '.entry_count == 0 and .pcrs.sha256 == {}' "$OUT" > /dev/null; }
check "an empty list" empty
banks() { run 0 "$ASSAY" replay ima --json --bank sha512 "$list" && [ "$(jq -r '.pcrs | keys[]' "$OUT")" = sha512 ]; }
check "--bank: only these" banks

# --- what is wrong ----------------------------------------------------------------------------------

# changed OFFSET BYTE: the list with one byte changed.
changed() { cp "$list" "$SCRATCH/changed" && printf '%b' "$2" | dd of="$SCRATCH/changed" bs=1 seek="$1" conv=notrunc status=none; }
offset=$("$ASSAY" replay ima --events --json "$list" | jq '.events[7].offset')
mismatch() {
    changed $((offset + 60)) '\xff' || return 1
    run 1 "$ASSAY" replay ima "$SCRATCH/changed" || return 1
    contains "$OUT" "entry 7 at offset 0x$(printf %x "$offset"): its template hash is not the hash of its fields" || return 1
    run 1 "$ASSAY" replay ima --json "$SCRATCH/changed" &&
        jq -e --argjson offset "$offset" '.template_hash_mismatches == 1 and .mismatches == [{index: 7, offset: $offset}]' "$OUT" > /dev/null
}
check "a changed entry: its index and offset, status 1" mismatch

# The first bytes of a list are a list that ends inside an entry: all before it is reported.
truncated() {
    head -c $((offset + 30)) "$list" > "$SCRATCH/cut"
    run 3 "$ASSAY" replay ima --json "$SCRATCH/cut" || return 1
    contains "$ERR" "$SCRATCH/cut: offset 0x" && contains "$ERR" "entry 7: cut short" &&
        jq -e '.entry_count == 7 and (.pcrs.sha256."10" | length) == 64 and (.error.message | startswith("entry 7"))' "$OUT" > /dev/null || return 1
    run 3 "$ASSAY" replay ima --events "$SCRATCH/cut" && contains "$OUT" "7 entries" && [ "$(grep -cE '^ +[0-9]+ +10  ima-ng' "$OUT")" = 7 ]
}
check "a list cut short: what came before stays, status 3" truncated

printf 'hello\n' > "$SCRATCH/no-list"
check_run "no list" 3 "$ASSAY" replay ima "$SCRATCH/no-list"
check "... is said with its offset" contains "$ERR" "no-list: offset 0x0: not an IMA measurement list"
check_run "a missing file" 3 "$ASSAY" replay ima "$SCRATCH/missing"
check_run "no list named" 2 "$ASSAY" replay ima
check_run "two lists named" 2 "$ASSAY" replay ima "$list" "$list"
check_run "an unknown bank" 2 "$ASSAY" replay ima --bank sha0 "$list"
check_run "a hash that is no bank" 2 "$ASSAY" replay ima --bank md5 "$list"
full() { "$ASSAY" replay ima --events "$list" > /dev/full 2> "$ERR"; [ $? = 4 ]; }
check "a full disk" full

# A name of control characters cannot drive the terminal.
hostile() {
    printf '10 %s ima-ng sha256: /tmp/\033]0;x\007\342\200\256\n' 0000000000000000000000000000000000000000 > "$SCRATCH/hostile"
    run 0 "$ASSAY" replay ima --events "$SCRATCH/hostile" && ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae' "$OUT" && contains "$OUT" '\x1b]0;x\x07'
}
check "names are escaped" hostile

# --- evmctl agrees ----------------------------------------------------------------------------------

if command -v evmctl > /dev/null; then
    evmctl_agrees() {
        local bank
        run 0 "$ASSAY" replay ima --json "$list" || return 1
        for bank in sha1 sha256; do
            for i in $(seq 0 23); do
                jq -r --argjson i "$i" --arg bank $bank '"PCR-\(if $i < 10 then "0" else "" end)\($i): \(if $i == 10 then .pcrs[$bank]."10" else .pcrs[$bank]."10" | gsub("."; "0") end | ascii_upcase)"' "$OUT"
            done > "$SCRATCH/$bank.pcrs"
        done
        evmctl ima_measurement --pcrs "sha1,$SCRATCH/sha1.pcrs" --pcrs "sha256,$SCRATCH/sha256.pcrs" "$list" 2>&1 | grep -q 'Matched per TPM bank'
    }
    check "evmctl finds the same values" evmctl_agrees
else
    skip "evmctl finds the same values" "no evmctl"
fi

# --- real-world lists -------------------------------------------------------------------------------

# expected FILE JSON: banks and counts. A text entry whose hash does not come out is a mismatch here.
expected() {
    local status=0
    "$ASSAY" replay ima --json --bank sha1,sha256,sha384,sha512 "$1" > "$OUT" 2> "$ERR" || status=$?
    jq -n -e --slurpfile got "$OUT" --slurpfile want "$2" --argjson status "$status" '
        $got[0] as $g | $want[0] as $w
        | ($w.template_digest_mismatches + ($w.template_digest_not_reproduced // 0)) as $mismatches
        | [$w.pcrs | to_entries[] | (.key | split(":")) as [$bank, $way]
            | select($way == "own" or $bank != "sha1")
            | $g[if $way == "own" then "pcrs" else "pcrs_padded" end][$bank]
                == (.value | with_entries(select(.value != null)))]
            + [$g.entry_count == $w.records, $g.violation_count == $w.violations,
               $g.template_hash_mismatches == $mismatches, $status == (if $mismatches > 0 then 1 else 0 end)]
        | all' > /dev/null
}

# The manifest takes this list for one of sha256; its hashes are SM3, and come out so (openssl agrees).
sm3() {
    run 0 "$ASSAY" replay ima --json --bank sm3_256 "$1" &&
        jq -e '.template_hash_algorithm == "sm3_256" and .entry_count == 2 and .violation_count == 1
            and .template_hash_mismatches == 0' "$OUT" > /dev/null || return 1
    printf '\51\0\0\0sm3_256:\0%b\6\0\0\0/data\0' "$(sed -n '2s/.*sm3_256:\([0-9a-f]*\) .*/\1/p' "$1" | sed 's/../\\x&/g')" |
        openssl dgst -sm3 -r | cut -d' ' -f1 > "$SCRATCH/sm3"
    grep -q "$(cat "$SCRATCH/sm3")" "$1"
}

refused() { run 3 "$ASSAY" replay ima "$1" && contains "$ERR" ": offset 0x"; }

if [ -n "$CORPUS" ]; then
    for file in "$CORPUS"/ima/*; do
        name=$(basename "$file")
        want=$CORPUS/expected/ima/$name.pcrs.json
        case $name in
        *.b64) base64 -d "$file" > "$SCRATCH/${name%.b64}"; file=$SCRATCH/${name%.b64} ;;
        *imakvtpcr10.txt) continue ;; # PCR values
        esac
        case $name in
        *sm3_256) check "corpus: $name" sm3 "$file" ;;
        *) if [ -e "$want" ]; then check "corpus: $name" expected "$file" "$want"; else check "corpus: $name is refused" refused "$file"; fi ;;
        esac
    done
else
    skip "real-world lists" "no corpus"
fi
finish
