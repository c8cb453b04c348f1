#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Makes tests/vectors/quote/ anew, with swtpm, tpm2-tools and openssl: other keys and clocks each
# time. tests/vectors/quote/README.md says what the files are; tests/unit/replay/quote/ what each
# must give.
#
# usage: tests/tools/make_quote_vectors.sh [DIR]
. "$(dirname "$0")/../e2e/lib.sh"
. "$TOP/tests/e2e/swtpm.sh"
set -e
out=${1:-$TOP/tests/vectors/quote}
nonce=a55a0123456789abcdef
mkdir -p "$out" && cd "$out"
find . -type f ! -name README.md -delete

tpm_start "$SCRATCH/tpm"
for pcr in 0 1 2 3 4 7 9 10 14 23; do
    for i in 1 2; do
        printf '%d ' "$pcr"
        for bank in sha1 sha256 sha384 sha512; do
            printf '%s=%s ' "$bank" "$(printf 'event %d of PCR %d' "$i" "$pcr" | openssl dgst "-$bank" -r | cut -d' ' -f1)"
        done
        echo
    done
done | tpm_extend
tpm2_pcrread > pcrs.yaml

# quote VECTOR KEY SELECTION [OPTIONS]: as tpm_quote, under the names of vectors.
quote() {
    local vector=$1 key=$2 selection=$3; shift 3
    tpm_quote "$SCRATCH/b" "$key" "$selection" "$nonce" x "$@"
    cp "$SCRATCH/b/quote-x.msg" "$vector.msg"
    cp "$SCRATCH/b/quote-x.sig" "$vector.sig"
    cp "$SCRATCH/b/quote-x.pcrs" "$vector.pcrs"
    cp "$TPM_DIR/$key.pub" "$vector.pub"
}

# TPMT_SIGNATURE to plain: RSA bytes, or r || s as tpm2_quote's ECDSA signatures of full length hold them.
plain_rsa() { tail -c +7 "$1.sig" > "$1.plain"; }
plain_rs() { # VECTOR SIZE
    { tail -c +7 "$1.sig" | head -c "$2"; tail -c "$2" "$1.sig"; } > "$1.rs"
}

selection=sha256:0,1,2,3,4,7,9,10,14
for kind in rsa:rsassa-sha256 rsapss:rsapss-sha256 ecc256:ecdsa-p256-sha256; do
    tpm_ak "${kind%%:*}" "${kind%%:*}"
    quote "good-${kind#*:}" "${kind%%:*}" "$selection"
done
tpm_ak ecc384 ecc384:sha384
tpm_ak ecc521 ecc521:sha512
quote good-ecdsa-p384-sha384 ecc384 "$selection"
quote good-ecdsa-p521-sha512 ecc521 "$selection"
plain_rsa good-rsassa-sha256
plain_rsa good-rsapss-sha256
plain_rs good-ecdsa-p256-sha256 32
plain_rs good-ecdsa-p384-sha384 48
plain_rs good-ecdsa-p521-sha512 66

# The DER form of an ECDSA signature, as tpm2_quote -f plain writes it, over a message of its own.
quote good-ecdsa-der ecc256 "$selection" -f plain

# Other forms of two keys.
for kind in rsa:rsassa-sha256 ecc256:ecdsa-p256-sha256; do
    cp "$TPM_DIR/${kind%%:*}.name" "good-${kind#*:}.name"
    tail -c +3 "good-${kind#*:}.pub" > "good-${kind#*:}.tpmt"
    for form in pem der; do
        tpm2_readpublic -Q -c "$TPM_DIR/${kind%%:*}.ctx" -f $form -o "good-${kind#*:}.$form"
    done
    tpm2_flushcontext -t
done
openssl rsa -pubin -in good-rsassa-sha256.pem -RSAPublicKey_out -out good-rsassa-sha256.pkcs1.pem 2> /dev/null

# All banks and PCRs, in three forms; the marshaled one by hand, since tpm2-tools 5.4 cannot write it.
all=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23
all=sha1:$all+sha256:$all+sha384:$all+sha512:$all
quote good-all-banks rsa "$all"
tpm2_pcrread -Q "$all" -o good-all-banks.values
hex() { printf '%b' "$(sed 's/../\\x&/g' <<< "$1")"; }
{
    hex 00000004; for alg in 0004 000b 000c 000d; do hex "${alg}03ffffff"; done
    hex 0000000c
    at=0
    for bank in 20 32 48 64; do
        for _ in 1 2 3; do
            hex 00000008
            for _ in {1..8}; do
                hex "$(printf %04x $bank)"
                tail -c +$((at + 1)) good-all-banks.values | head -c $bank
                at=$((at + bank))
            done
        done
    done
} > good-all-banks.marshaled
quote good-bank-twice rsa sha256:9+sha1:3+sha256:0,7

# A quote with the largest salt that fits, as TPMs before FIPS 186-4 make: OpenSSL signs for them.
openssl genrsa -out "$SCRATCH/max.pem" 2048 2> /dev/null
openssl rsa -in "$SCRATCH/max.pem" -pubout -out good-rsapss-max-salt.pem 2> /dev/null
cp good-rsapss-sha256.msg good-rsapss-max-salt.msg
openssl dgst -sha256 -sign "$SCRATCH/max.pem" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max \
    -out "$SCRATCH/max.sig" good-rsapss-max-salt.msg
{ hex 0016000b0100; cat "$SCRATCH/max.sig"; } > good-rsapss-max-salt.sig
openssl req -new -x509 -key "$SCRATCH/max.pem" -subj /CN=vector -days 36500 -out good-rsapss-max-salt.crt.pem
openssl x509 -in good-rsapss-max-salt.crt.pem -outform DER -out good-rsapss-max-salt.crt

# Attestations by good keys that are not quotes.
tpm2_certify -Q -c "$TPM_DIR/ecc256.ctx" -C "$TPM_DIR/rsa.ctx" -g sha256 -o bad-certify.msg -s bad-certify.sig
tpm2_flushcontext -t
cp good-rsassa-sha256.pub bad-certify.pub

# Keys that are no attestation keys.
key() { # NAME ALGORITHM ATTRIBUTES: a primary key, usable by tpm_quote
    tpm2_createprimary -Q -C o -G "$2" -a "$3" -c "$TPM_DIR/$1.ctx"
    tpm2_readpublic -Q -c "$TPM_DIR/$1.ctx" -o "$TPM_DIR/$1.pub"
    tpm2_flushcontext -t
    echo "--scheme=${4:-rsassa} -g sha256" > "$TPM_DIR/$1.scheme"
}
key unrestricted rsa2048:rsassa-sha256:null 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
key movable ecc256:ecdsa-sha256:null 'sensitivedataorigin|userwithauth|restricted|sign' ecdsa
key openscheme rsa2048:null:null 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt'
key short rsa1024:rsassa-sha256:null 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'
key p224 ecc224:ecdsa-sha256:null 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' ecdsa
quote bad-unrestricted unrestricted sha256:0
quote bad-movable movable sha256:0
quote bad-open-scheme openscheme sha256:0
plain_rsa bad-open-scheme
quote bad-rsa1024 short sha256:0
quote unsupported-p224 p224 sha256:0
cp "$TPM_DIR/ek.pub" bad-ek.pub

# Weak hashes: of the signature, of the bank; and a selection of nothing.
tpm_ak sha1 rsa:sha1
quote bad-sha1-signature sha1 sha256:0
quote good-sha1-bank rsa sha1:0,1
tpm2_quote -Q -c "$TPM_DIR/rsa.ctx" --scheme=rsassa -g sha256 -l sha256:none -q "$nonce" \
    -m bad-empty-selection.msg -s bad-empty-selection.sig
tpm2_flushcontext -t
ls -l
