#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What binds a key, made by a TPM: credentials that tpm2_activatecredential recovered, with RSA and ECC EKs,
# tpm2_certify and tpm2_certifycreation; EK certificates of our captures (swtpm_localca's) and of authority.py.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/swtpm.sh
. "$(dirname "$0")/swtpm.sh"
unset ASSAY_DB
captures=$TOP/tests/vectors/captures

said() { jq -e --arg c "$1" --arg s "$2" --arg r "$3" '.bundles[0].checks | any(.check == $c and .subject == $s and .result == $r)' "$OUT" > /dev/null; }
found() { jq -e --arg c "$1" '.bundles[0].findings | any(.code == $c)' "$OUT" > /dev/null; }
lacking() { ! found "$1"; }

# --- the captures: from the certificate that swtpm_localca made for the EK ---------------------------
for scenario in sb-grub uki-sdboot efistub; do
    bundle=$captures/$scenario
    given=(--json --ca "$bundle/ca/root.pem" --credential-secret "$bundle/credential.secret" --at 2026-11-24)
    check_run "$scenario: one secret is known" 5 "$ASSAY" audit "${given[@]}" "$bundle"
    check "  its certificate chains" said key.certificate ek.crt pass
    check "  the RSA key is bound by its credential" said key.binding ak.pub pass
    check "  the ECC key by the certification of the other" said key.certify ak-ecc.certify.msg pass
    check "  and so in every file that has it" said key.binding ak-ecc-multi.pub pass
    check "  nothing is left unbound" lacking key.unbound
    check_run "$scenario: no secret is known" 5 "$ASSAY" audit --json --ca "$bundle/ca/root.pem" "$bundle"
    check "  nothing is bound" found key.unbound
    check_run "$scenario: before the certificate" 1 "$ASSAY" audit "${given[@]}" --at 2026-11-01 "$bundle"
    check "  is said" found key.certificate
done
check_run "the root of another machine fails" 1 "$ASSAY" audit --json --ca "$captures/efistub/ca/root.pem" "$captures/sb-grub"
check "  key.certificate" found key.certificate

# --- a TPM here -----------------------------------------------------------------------------------------
if ! command -v swtpm > /dev/null || ! command -v tpm2_makecredential > /dev/null || ! command -v python3 > /dev/null; then
    skip "a TPM of ours" "no swtpm, tpm2-tools or python3"
    finish
fi
check "a TPM starts" tpm_start "$SCRATCH/tpm"
printf 'a secret of the challenger' > "$SCRATCH/secret"

endorse() { # BUNDLE: its ek.pem becomes certified by a root of its own
    python3 - "$TOP/tests/tools" "$SCRATCH" "$1" << 'PYTHON'
import subprocess, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import authority
folder, bundle = sys.argv[2:]
root = authority.Authority("Maker", authority.Signer(folder, "maker"))
spki = subprocess.run(["openssl", "pkey", "-pubin", "-in", bundle + "/../ek.pem", "-outform", "DER"], check=True, capture_output=True).stdout
usage = authority.key_usage(authority.ENCIPHERMENT, authority.AGREEMENT)
ek = (authority.constraints(False), usage, authority.extended(authority.EK_USAGE), authority.tpm_names())
for path, data in ((bundle + "/ek.crt", root.issue("", spki, ek) + bytes(300)), (folder + "/maker.pem", authority.pem(root.certificate))):
    with open(path, "wb") as f:
        f.write(data)
PYTHON
}

clean() { "$@" && tpm2_flushcontext -t; } # a TPM has room for three objects

live() { # KIND: an EK of that kind, an AK below it, a credential for it that it recovers
    local kind=$1 folder=$SCRATCH/live-$1 bundle=$SCRATCH/live-$1/bundle
    mkdir -p "$bundle" && cd "$folder" || return 1
    clean tpm2_createek -Q -c ek.ctx -G "$kind" -u "$bundle/ek.pub" && clean tpm2_readpublic -Q -c ek.ctx -f pem -o ek.pem &&
        clean tpm2_createak -Q -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u "$bundle/ak.pub" -n "$bundle/ak.name" &&
        tpm2_makecredential -Q -T none -u ek.pem -G "$kind" -s "$SCRATCH/secret" -n "$(xxd -p -c 100 "$bundle/ak.name")" -o "$bundle/credential.blob" &&
        tpm2_startauthsession -Q --policy-session -S session.ctx && tpm2_policysecret -Q -S session.ctx -c e &&
        clean tpm2_activatecredential -Q -c ak.ctx -C ek.ctx -i "$bundle/credential.blob" -o "$bundle/credential.recovered" -P session:session.ctx &&
        tpm2_flushcontext session.ctx &&
        clean tpm2_quote -Q -c ak.ctx -l sha256:0,1,2,3,4,5,7 -q aabb --scheme=ecdsa -g sha256 -m "$bundle/quote.msg" -s "$bundle/quote.sig" -o "$bundle/quote.pcrs" &&
        endorse "$bundle"
}
for kind in rsa ecc; do
    check "$kind: a credential is made and recovered" live "$kind"
    bundle=$SCRATCH/live-$kind/bundle
    check_run "$kind: it binds" 5 "$ASSAY" audit --json --ca "$SCRATCH/maker.pem" --credential-secret "$SCRATCH/secret" "$bundle"
    check "  the certificate is the EK's" said key.certificate-key ek.crt pass
    check "  the key is bound" said key.binding ak.pub pass
    check "  nothing is left unbound" lacking key.unbound
    printf x >> "$bundle/credential.recovered"
    check_run "$kind: another secret fails" 1 "$ASSAY" audit --json --ca "$SCRATCH/maker.pem" --credential-secret "$SCRATCH/secret" "$bundle"
    check "  key.binding" found key.binding
done

created() { # an AK that another one says its TPM made
    local folder=$SCRATCH/created bundle=$SCRATCH/created/bundle
    mkdir -p "$bundle" && cd "$folder" || return 1
    clean tpm2_createprimary -Q -C o -G ecc256:ecdsa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' -c signer.ctx &&
        clean tpm2_readpublic -Q -c signer.ctx -o signer.pub &&
        clean tpm2_createprimary -Q -C o -G rsa2048:rsassa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' -c ak.ctx \
            --creation-hash creation.hash -t creation.ticket &&
        clean tpm2_readpublic -Q -c ak.ctx -o "$bundle/ak.pub" &&
        clean tpm2_certifycreation -Q -C signer.ctx -c ak.ctx -d creation.hash -t creation.ticket -g sha256 -s ecdsa -o "$bundle/ak.certify.sig" \
            --attestation "$bundle/ak.certify.msg" -f tss &&
        clean tpm2_quote -Q -c ak.ctx -l sha256:0,1,2,3,4,5,7 -q aabb -g sha256 -m "$bundle/quote.msg" -s "$bundle/quote.sig" -o "$bundle/quote.pcrs"
}
check "creation: one key certifies another's" created
check_run "creation: it binds" 5 "$ASSAY" audit --json --ak "$SCRATCH/created/signer.pub" "$SCRATCH/created/bundle"
check "  the attestation holds" said key.certify ak.certify.msg pass
check "  the key is bound" said key.binding ak.pub pass
finish
