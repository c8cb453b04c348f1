#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The real quotes of the corpus, each as far as its material proves it, from a certificate to the PCRs: what the verdict
# is, what was found, what each check says. Where one stops, the row says why. Nothing of the corpus is copied; what
# stands for the operator's knowledge (a key, a policy) is made here.
. "$(dirname "$0")/lib.sh"

if [ -z "$CORPUS" ]; then
    skip "real quotes" "no corpus (ASSAY_CORPUS)"
    finish
fi
cd "$SCRATCH" || exit 1
quotes=$CORPUS/quotes certificates=$CORPUS/ek-certs/google-go-tpm-tools__
gce="--ca ${certificates}tpm_ek_root_1.cer --ca ${certificates}tpm_ek_intermediate_2.crt"

# Links, so that what has its name in a bundle lies where it was.
folder() { # folder NAME ROLE=FILE...: as evidence.json would name them, had the corpus that layout
    local name=$1 pair; shift
    mkdir -p "$name"
    for pair in "$@"; do ln "$quotes/${pair#*=}" "$name/${pair%%=*}" 2> /dev/null || cp "$quotes/${pair#*=}" "$name/${pair%%=*}"; done
}
folder keylime quote.msg=keylime-keylime__quote.out quote.sig=keylime-keylime__quotesig.out quote.pcrs=keylime-keylime__quotepcr.out \
    ak.pub=keylime-keylime__ak.pub ak.pem=keylime-keylime__akpub.pem ak.name=keylime-keylime__ak.name ek.pub=keylime-keylime__ek.pub
jq -r .AK.Public "$quotes/google-go-attestation__windows_gcp_shielded_vm.json" | base64 -d > windows.ak
for file in evidence-v1 evidence-v2 az-tdx-vtpm_evidence-v1; do
    # The key in Azure's report, as the operator may know it: a JWK named HCLAkPub after the report of the hardware.
    python3 - "$quotes/confidential-containers-trustee__$file.json" > "$file.pem" << 'PY'
import base64, json, re, subprocess, sys
text = open(sys.argv[1]).read()
report = json.loads(text)["hcl_report"]
raw = bytes(report) if isinstance(report, list) else base64.urlsafe_b64decode(report + "=" * (-len(report) % 4))
keys = json.loads(re.search(rb'\{"keys".*\}', raw, re.S).group(0).split(b"\0")[0])["keys"]
key = next(k for k in keys if k["kid"] == "HCLAkPub")
number = lambda t: base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
def der(tag, body):
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + body
integer = lambda b: der(2, (b"\0" if b[0] & 0x80 else b"") + b)
rsa = der(0x30, integer(number(key["n"])) + integer(number(key["e"])))
spki = der(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + der(3, b"\0" + rsa))
sys.stdout.write(subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], input=spki, stdout=subprocess.PIPE, check=True).stdout.decode())
PY
    check "the operator's key of Azure's $file" [ -s "$file.pem" ]
done
{ echo "-----BEGIN PUBLIC KEY-----"; jq -r .ak_public "$quotes/confidential-containers-trustee__tpm_evidence.json" | sed '/-----/d'; echo "-----END PUBLIC KEY-----"; } > plain.pem
openssl pkey -pubin -in plain.pem -out trustee.pem 2> /dev/null || { jq -r .ak_public "$quotes/confidential-containers-trustee__tpm_evidence.json" | tr -d '\n' | base64 -d | openssl pkey -pubin -inform DER -out trustee.pem; }
# What an operator with a fleet that old would allow, and say so in every report.
printf '[evidence]\nrequire-ima-log = no\n' > no-ima.policy
printf '[evidence]\nrequire-ima-log = no\nrequire-boot-log = no\n' > no-logs.policy
printf '[evidence]\nrequire-ima-log = no\n[severity]\nquote.weak-bank = medium\nquote.weak-hash = medium\n' > sha1.policy
printf '[evidence]\nrequire-ima-log = no\nrequire-boot-log = no\n[pcrs]\nrequired = 15,22\n' > keylime.policy

holds() { jq -e "$1" "$OUT" > /dev/null; }
# judged WHAT BUNDLE OPTIONS VERDICT FINDINGS CHECKS: findings are all there are; checks (check=result) are among those made.
judged() {
    local what=$1 bundle=$2 options=$3 verdict=$4 findings=$5 one; shift 5
    # shellcheck disable=SC2086 # words of the options
    "$ASSAY" audit --json $options "$bundle" > "$OUT" 2> "$ERR"
    jq -r '.bundles[0] | .verdict, ([.findings[] | "\(.code):\(.severity)"] | unique | join(" ")), ([.checks[] | "\(.check)=\(.result)"] | unique | join(" "))' "$OUT" > got || return 1
    check "$what: $verdict" [ "$(sed -n 1p got)" = "$verdict" ]
    check "  found: ${findings:-nothing}" [ "$(sed -n 2p got)" = "$findings" ]
    for one in "$@"; do check "  $one" contains <(sed -n 3p got) "$one"; done
}

# --- a cloud's vTPM, of Google: from the root of its EKs and AKs over the AK's certificate to every PCR --------------------
# It stops at the golden database, of which there is none for that image, and at PCR 10, whose IMA log the form lacks.
chain="key.certificate-key=pass key.certificate=pass key.attributes=pass key.binding=pass quote.structure=pass quote.signature=pass quote.pcr-digest=pass log.boot=pass log.data=pass boot.separators=pass pcr.replay=pass"
for row in "nonce9009:--nonce 9009:quote.nonce=pass" "no-nonce::quote.nonce=skip"; do
    IFS=: read -r name nonce answer <<< "$row"
    bundle=$quotes/google-go-tpm-tools__gce-cos-85-$name.pb
    # shellcheck disable=SC2086 # words
    judged "Google, COS 85, $name" "$bundle" "$nonce --at 2021-10-01 $gce --policy no-ima.policy" incomplete "" $chain $answer db.lookup=skip ima.log=skip
done
judged "  without an anchor nothing binds the key" "$bundle" "--at 2021-10-01" incomplete "key.unbound:medium" key.binding=skip quote.signature=pass pcr.replay=pass
bundle=$quotes/google-go-tpm-tools__gce-cos-85-nonce9009.pb
judged "  before the AK's certificate was made" "$bundle" "--nonce 9009 --at 2021-08-01 $gce" fail "key.certificate:high key.unbound:medium" key.certificate=fail
judged "  with the root of another of Google's authorities" "$bundle" "--nonce 9009 --at 2021-10-01 --ca ${certificates}gcp_ek_ak_ca_root.crt" fail "key.certificate:high key.unbound:medium" key.certificate=fail
judged "  with the root alone: nobody has the intermediate" "$bundle" "--nonce 9009 --at 2021-10-01 --ca ${certificates}tpm_ek_root_1.cer" fail "key.certificate:high key.unbound:medium" key.certificate=fail
judged "  for another challenge" "$bundle" "--nonce 9008 --at 2021-10-01 $gce" fail "quote.nonce:critical" quote.nonce=fail key.binding=pass
# Real EK certificates of both of Google's authorities, RSA and ECC: critical SAN with TPM attributes, no subject.
for authority in pca uca; do
    for kind in rsa ecc; do
        mkdir -p "ek-$authority-$kind" && cp "$bundle" "ek-$authority-$kind/attestation.pb" && cp "${certificates}${authority}_tpm_${kind}_enc_cert.pem" "ek-$authority-$kind/ek.crt"
        judged "an EK's certificate, $authority, $kind" "ek-$authority-$kind" \
            "--at 2023-01-01 $gce --ca ${certificates}tpm_ek_intermediate_3.crt --ca ${certificates}gcp_ek_ak_ca_root.crt --ca ${certificates}gcp_ek_ak_ca_intermediate_v3.crt" incomplete "" key.certificate=pass key.binding=pass
        check "  chains to the operator's" holds '[.bundles[0].checks[] | select(.check == "key.certificate" and .subject == "ek.crt" and .result == "pass")] != []'
    done
done

# --- Windows on Google's cloud: the AK by the operator's word, for the dump has no EK certificate (EKPem is null) and its
# creation is signed by the AK itself. SHA-1 throughout, which fails unless a policy takes it; the firmware measured no
# separators but that of PCR 7, which the quote confirms.
bundle=$quotes/google-go-attestation__windows_gcp_shielded_vm.json
judged "Windows, as it is" "$bundle" "" fail "boot.separator:medium key.unbound:medium quote.weak-bank:high quote.weak-hash:high" quote.signature=pass key.attributes=pass pcr.replay=pass log.data=pass
judged "Windows, SHA-1 allowed, the AK known" "$bundle" "--ak windows.ak --policy sha1.policy" incomplete \
    "boot.separator:medium quote.weak-bank:medium quote.weak-hash:medium" key.binding=pass quote.signature=pass quote.pcr-digest=pass pcr.replay=pass log.data=pass db.lookup=skip
for flip in Quote.Quote Quote.Signature Log.Raw; do
    # One byte of the middle, in whatever the form holds.
    python3 - "$bundle" "$flip" > "flipped.json" << 'PY'
import base64, json, sys
document = json.load(open(sys.argv[1]))
first, second = sys.argv[2].split(".")
raw = bytearray(base64.b64decode(document[first][second]))
raw[len(raw) // 2] ^= 1
document[first][second] = base64.b64encode(raw).decode()
json.dump(document, sys.stdout)
PY
    "$ASSAY" audit --json --ak windows.ak --policy sha1.policy flipped.json > "$OUT" 2> "$ERR"
    check "Windows, a byte of $flip changed: fail" holds '.bundles[0].verdict == "fail"'
done

# --- Azure's confidential machines: the AK is in the report of the hardware (SNP, TDX), which Assay does not verify, so it
# is bound only by the operator's word. The form has no logs, so the values of PCRs that were extended explain nothing.
for file in evidence-v1:6368616c6c656e6765 evidence-v2: az-tdx-vtpm_evidence-v1:6368616c6c656e6765; do
    bundle=$quotes/confidential-containers-trustee__${file%:*}.json
    nonce=${file#*:}
    judged "Azure, ${file%:*}" "$bundle" "${nonce:+--nonce $nonce}" incomplete "key.unbound:medium" quote.signature=pass quote.pcr-digest=pass bundle.form=skip key.attributes=skip key.binding=skip log.boot=skip pcr.replay=skip
    judged "  the AK known" "$bundle" "${nonce:+--nonce $nonce} --ak ${file%:*}.pem --policy no-logs.policy" incomplete "" quote.signature=pass key.binding=pass pcr.replay=skip
    judged "  another AK known" "$bundle" "--ak trustee.pem" incomplete "key.unbound:medium" key.binding=skip
done
judged "Azure, a quote without its key" "$quotes/confidential-containers-trustee__tpm-quote-v1.json" "" incomplete "" quote.structure=pass quote.signature=skip
judged "Azure, a quote of TDX without its key" "$quotes/confidential-containers-trustee__az-tdx-vtpm_tpm-quote-v1.json" "" incomplete "" quote.structure=pass quote.signature=skip
judged "Trustee's plain TPM, whose PCRs are all zero or ones" "$quotes/confidential-containers-trustee__tpm_evidence.json" "--ak trustee.pem --policy no-logs.policy" incomplete "" quote.signature=pass key.binding=pass pcr.replay=pass

# --- Keylime's: PCR 15, 16 and 22 of a test machine. No EK certificate and no activation is kept with it: the AK is the
# operator's; PCR 16 is extended with what only the agent knows.
judged "Keylime's quote" keylime "--nonce db1db298db6d60e6385b7231743e9c3056a18003" incomplete "key.unbound:medium pcr.unquoted:medium" key.name=pass quote.signature=pass quote.nonce=pass quote.pcr-digest=pass
judged "  the AK known, PCR 15 and 22 required" keylime "--nonce db1db298db6d60e6385b7231743e9c3056a18003 --ak keylime/ak.pub --policy keylime.policy" incomplete "" key.binding=pass quote.signature=pass pcr.replay=pass pcr.replay=skip
judged "Keylime's agent in Rust, a quote string without a key" "$quotes/keylime-rust-keylime__test-quote.txt" "--nonce 54455354" incomplete "" quote.structure=pass quote.signature=skip
finish
