#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# assay replay quote: on stored quotes, and on quotes that a TPM makes now.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/e2e/swtpm.sh"
cd "$TOP" || exit 1
V=tests/vectors/quote
nonce=a55a0123456789abcdef

quote() { "$ASSAY" replay quote "$@"; }

# says TEXT...: each is in $OUT.
says() { local text; for text; do contains "$OUT" "$text" || return 1; done; }

# flip FILE OFFSET: FILE with a bit of one byte changed.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    head -c "$2" "$1"
    printf '%b' "\\x$(printf %02x $((byte ^ 1)))"
    tail -c +$(($2 + 2)) "$1"
}

# --- stored quotes: whole reports -------------------------------------------------------------------

report() { # WHAT STATUS NAME ARGUMENTS...
    local what=$1 status=$2 name=$3; shift 3
    check "$what" eval "run $status quote $* && golden replay-quote/$name.txt &&
        run $status quote $* --json && golden replay-quote/$name.json"
}

# --- quotes of TDX machines ---------------------------------------------------------------------------

tdx=tests/vectors/tdx
report "a TDX quote, version 4" 0 tdx-4 -m $tdx/v4.quote -n 00112233445566778899aabbccddeeff
report "a TDX quote, version 5" 0 tdx-5 -m $tdx/v5-1.5.quote
check_run "another nonce" 1 "$ASSAY" replay quote -m $tdx/v5-1.0.quote -n 00
flip $tdx/v4.quote 500 > "$SCRATCH/changed"
check_run "a TDX quote with another RTMR" 1 "$ASSAY" replay quote -m "$SCRATCH/changed"
check "  its signature fails" contains "$OUT" "does not hold over the report"
head -c 2000 $tdx/v4.quote > "$SCRATCH/cut"
check_run "a TDX quote cut short" 3 "$ASSAY" replay quote -m "$SCRATCH/cut"
check "  with the offset" contains "$ERR" "offset 0x"
check_run "a TPM's quote alone" 2 "$ASSAY" replay quote -m "$TOP/tests/vectors/fapi/quote.sig"

report "a valid quote" 0 valid \
    "-m $V/good-rsassa-sha256.msg -s $V/good-rsassa-sha256.sig -k $V/good-rsassa-sha256.pub -n $nonce -p $V/good-rsassa-sha256.pcrs"
report "only what is needed given" 0 bare \
    "--message $V/good-ecdsa-p384-sha384.msg --signature $V/good-ecdsa-p384-sha384.sig --key $V/good-ecdsa-p384-sha384.pub"
report "a PEM key" 0 pem \
    "-m $V/good-ecdsa-p256-sha256.msg -s $V/good-ecdsa-p256-sha256.sig -k $V/good-ecdsa-p256-sha256.pem -n $nonce"
report "a plain signature and a PEM key" 1 unjudged \
    "-m $V/good-rsassa-sha256.msg -s $V/good-rsassa-sha256.plain -k $V/good-rsassa-sha256.pem"
report "one bank twice" 0 bank-twice \
    "-m $V/good-bank-twice.msg -s $V/good-bank-twice.sig -k $V/good-bank-twice.pub -p $V/good-bank-twice.pcrs"
report "everything wrong" 1 wrong \
    "-m $V/good-rsassa-sha256.msg -s $V/bad-sha1-signature.sig -k $V/bad-open-scheme.pub -n 00 -p $V/bad-movable.pcrs"
report "no quote" 1 certify "-m $V/bad-certify.msg -s $V/bad-certify.sig -k $V/bad-certify.pub"
report "no attestation" 1 not-generated \
    "-m $V/good-rsassa-sha256.pub -s $V/good-rsassa-sha256.sig -k $V/good-rsassa-sha256.pub"

# --- what cannot be read, and what cannot be asked ----------------------------------------------------

good="-m $V/good-rsassa-sha256.msg -s $V/good-rsassa-sha256.sig -k $V/good-rsassa-sha256.pub"
malformed() { # WHAT TEXT ARGUMENTS...: exit 3, nothing on standard output, the text on standard error
    local what=$1 text=$2; shift 2
    check "$what" eval "run 3 quote $* && [ ! -s \"\$OUT\" ] && contains \"\$ERR\" \"$text\" &&
        run 3 quote $* --json && [ ! -s \"\$OUT\" ]"
}
head -c 100 $V/good-rsassa-sha256.msg > "$SCRATCH/cut.msg"
head -c 100 $V/good-rsassa-sha256.sig > "$SCRATCH/cut.sig"
head -c 100 $V/good-rsassa-sha256.pub > "$SCRATCH/cut.pub"
head -c 900 $V/good-rsassa-sha256.pcrs > "$SCRATCH/cut.pcrs"
: > "$SCRATCH/empty"
malformed "message cut short" "$SCRATCH/cut.msg: offset 0x59: pcrDigest: cut short" "$good -m $SCRATCH/cut.msg"
malformed "signature cut short" "$SCRATCH/cut.sig: offset 0x0: TPMT_SIGNATURE: cut short" "$good -s $SCRATCH/cut.sig"
malformed "key cut short" "$SCRATCH/cut.pub: offset 0x0: TPM2B_PUBLIC: says 280 bytes follow, 98 do" "$good -k $SCRATCH/cut.pub"
malformed "values cut short" "$SCRATCH/cut.pcrs: offset 0x29c" "$good -p $SCRATCH/cut.pcrs"
malformed "empty message" "$SCRATCH/empty: offset 0x0: magic: cut short" "$good -m $SCRATCH/empty"
malformed "empty values" "$SCRATCH/empty: offset 0x0" "$good -p $SCRATCH/empty"
malformed "no such file" "$SCRATCH/none: cannot open" "$good -m $SCRATCH/none"
malformed "a folder" "$SCRATCH:" "$good -k $SCRATCH"
check "a name that drives a terminal is escaped" eval \
    'cp $V/good-rsassa-sha256.msg "$SCRATCH/"$'"'\\e[31m'"' && run 0 quote $good -m "$SCRATCH/"$'"'\\e[31m'"' && says "\\x1b[31m: valid quote"'

check_run "no arguments" 2 quote
check_run "no key" 2 quote -m $V/good-rsassa-sha256.msg -s $V/good-rsassa-sha256.sig
check_run "a nonce that is no hex" 2 quote $good -n xyz
check_run "a nonce longer than any" 2 quote $good -n "$(printf '%0134d' 0)"
check_run "standard input twice" 2 quote $good -m - -s -
check_run "an argument too many" 2 quote $good more
check "--help" eval 'run 0 quote --help && says "Usage: assay replay quote" "--signature FILE" "--nonce HEX"'
check "a file from standard input" eval 'run 0 quote $good -m - < $V/good-rsassa-sha256.msg && says "<stdin>: valid quote"'
check "full disk" run 4 bash -c "exec \"\$ASSAY\" replay quote $good > /dev/full"

# --- a TPM ---------------------------------------------------------------------------------------------

if ! command -v swtpm > /dev/null || ! command -v tpm2_quote > /dev/null; then
    skip "quotes by a TPM" "swtpm or tpm2-tools missing"
    finish
fi
tpm_start "$SCRATCH/tpm" || { check "swtpm starts" false; finish; }
T=$SCRATCH/t
mkdir -p "$T"
log=tests/vectors/captures/sb-grub/binary_bios_measurements
check "a boot log replayed into the TPM" eval "tpm_log_extends $log | tpm_extend"
tpm2_pcrread > "$T/pcrs.yaml"

# value BANK PCR: what the TPM says it is, as JSON would have it.
value() {
    awk -v bank="$1:" -v pcr="$2" '
        $1 ~ /^sha/ { in_bank = $1 == bank }
        in_bank { sub(/^ */, ""); sub(/ *: */, " "); if ($1 == pcr) print tolower(substr($2, 3)) }' "$T/pcrs.yaml"
}

banks=sha1:0,7+sha256:0,1,2,3,4,5,6,7,8,9,10,14+sha384:0,23+sha512:17
for kind in rsa rsa:sha384 rsapss rsapss:sha512 ecc256 ecc384:sha384 ecc384 ecc521:sha512; do
    check "$kind: a key" tpm_ak "$kind" "$kind"
    check "$kind: a quote" tpm_quote "$T" "$kind" "$banks" $nonce
    args="-m $T/quote.msg -s $T/quote.sig -k $T/ak.pub"
    check "$kind: holds" eval 'run 0 quote $args -n $nonce -p $T/quote.pcrs && says "valid quote"'
    check "$kind: JSON" eval 'run 0 quote $args -n $nonce -p $T/quote.pcrs --json &&
        says "\"valid\": true" "\"nonce\": \"$nonce\"" "\"sha1\": [0, 7]" "\"sha512\": [17]" \
            "\"0\": \"$(value sha1 0)\"" "\"14\": \"$(value sha256 14)\"" "\"23\": \"$(value sha384 23)\"" \
            "\"17\": \"$(value sha512 17)\"" "\"safe\": true" "\"reset_count\": 1"'
    check "$kind: as plain values" eval 'tpm2_pcrread -Q $banks -o $T/values && run 0 quote $args -p $T/values &&
        says "PCR values (values)"'
    check "$kind: with a nonce byte changed" eval 'run 1 quote $args -n a55a0123456789abcdee && says "NOT VALID: nonce"'
    printf 'X' | cat $T/quote.sig - > "$T/long.sig"
    check_run "$kind: signature a byte longer" 3 quote $args -s $T/long.sig
    flip $T/quote.sig 20 > "$T/flipped.sig"
    check "$kind: signature changed" eval 'run 1 quote $args -s $T/flipped.sig && says "NOT VALID: signature"'
    check "$kind: another quote's message" eval 'run 1 quote $args -m $V/good-rsassa-sha256.msg && says "signature       FAIL"'
    check "$kind: another key" eval 'run 1 quote $args -k $V/good-rsapss-sha256.pub && says "NOT VALID: signature"'
done

for kind in rsa rsapss ecc256 ecc384:sha384; do
    check "$kind: plain signature of tpm2_quote" eval 'tpm_quote $T/plain $kind $banks $nonce "" -f plain &&
        run 0 quote -m $T/plain/quote.msg -s $T/plain/quote.sig -k $T/plain/ak.pub -p $T/plain/quote.pcrs'
done
tpm_quote "$T" rsa $banks $nonce
for form in pem der tpmt; do
    check "a $form key of tpm2_readpublic" eval 'tpm2_readpublic -Q -c $TPM_DIR/rsa.ctx -f $form -o $T/ak.$form &&
        tpm2_flushcontext -t && run 0 quote -m $T/quote.msg -s $T/quote.sig -k $T/ak.$form'
done
check "a PCR fewer in the file than quoted" eval 'tpm_quote $T rsa sha256:0,1,2 $nonce &&
    tpm2_pcrread -Q sha256:0,1 -F serialized -o $T/fewer && run 1 quote -m $T/quote.msg -s $T/quote.sig -k $T/ak.pub -p $T/fewer &&
    says "NOT VALID: pcr-digest" "no value given for sha256 PCR 2"'
check "a PCR fewer in plain values" eval 'tpm2_pcrread -Q sha256:0,1 -o $T/fewer &&
    run 3 quote -m $T/quote.msg -s $T/quote.sig -k $T/ak.pub -p $T/fewer'
check "values of after an extend" eval 'echo "2 sha256=$(printf %064d 1)" | tpm_extend &&
    tpm2_pcrread -Q sha256:0,1,2 -o $T/later && run 1 quote -m $T/quote.msg -s $T/quote.sig -k $T/ak.pub -p $T/later &&
    says "NOT VALID: pcr-digest"'
check "a key that signs anything" eval 'tpm2_createprimary -Q -C o -G rsa2048:rsassa-sha256:null -c $T/free.ctx \
        -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign" &&
    tpm2_readpublic -Q -c $T/free.ctx -o $T/free.pub && tpm2_flushcontext -t &&
    printf "\xfe" | cat - $T/quote.msg > $T/forged.msg && tpm2_sign -Q -c $T/free.ctx -g sha256 -s rsassa -o $T/forged.sig $T/forged.msg &&
    tpm2_flushcontext -t && run 1 quote -m $T/forged.msg -s $T/forged.sig -k $T/free.pub &&
    says "NOT VALID: structure, key" "signature       pass" "not restricted"'
# pcr_of FILE BANK PCR: its value in the "pcrs" of a JSON report.
pcr_of() {
    awk -v bank="\"$2\":" -v pcr="\"$3\":" '
        $1 == "\"pcrs\":" { in_pcrs = 1 }
        $1 ~ /^"pcrs_padded/ { in_pcrs = 0 }
        in_pcrs && /\{$/ { in_bank = $1 == bank }
        in_pcrs && in_bank && $1 == pcr { gsub(/[",]/, "", $2); print $2; exit }' "$1"
}

ima_measure=${TEST_PROGRAMS:-$TOP/build/tests}/tools/ima_measure
whole_bundle() {
    local b=$SCRATCH/bundle pcr quoted
    tpm_start "$SCRATCH/other" && tpm_ak ak ecc256 || return 1
    "$ima_measure" -a "sha256:$(printf %064d 1)" -n /usr/bin/env=/usr/bin/env -v /tmp/x \
        > "$T/ima" 3> "$T/extends" || return 1
    tpm_bundle "$b" ak sha256:0,1,2,3,4,5,6,7,10 $nonce $log "$T/extends" "$T/ima" || return 1
    run 0 "$ASSAY" replay tcg "$b/binary_bios_measurements" --json && cp "$OUT" "$T/tcg.json" &&
        run 0 "$ASSAY" replay ima "$b/binary_runtime_measurements" --json && cp "$OUT" "$T/ima.json" &&
        run 0 quote -m "$b/quote.msg" -s "$b/quote.sig" -k "$b/ak.pub" -n "$(cat "$b/nonce")" \
            -p "$b/quote.pcrs" --json || return 1
    for pcr in 0 1 2 3 4 5 6 7 10; do
        quoted=$(pcr_of "$OUT" sha256 $pcr)
        [ ${#quoted} = 64 ] || return 1
        [ "$quoted" = "$(pcr_of "$T/tcg.json" sha256 $pcr)$(pcr_of "$T/ima.json" sha256 $pcr)" ] || return 1
    done
}
check "a bundle: what both logs replay to is what is quoted" whole_bundle
tpm_use "$SCRATCH/tpm"
check "after a reboot resetCount rises" eval 'tpm_reset $SCRATCH/tpm && tpm_quote $T rsa sha256:0,16 $nonce &&
    run 0 quote -m $T/quote.msg -s $T/quote.sig -k $T/ak.pub -p $T/quote.pcrs --json && says "\"reset_count\": 2"'
finish
