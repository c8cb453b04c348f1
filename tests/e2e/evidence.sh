#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What is recognised as evidence, wherever it is: `replay evidence` over the forms of agents, and what an
# audit makes of them (tests/tools/verdict_cases.py has a case for each form).
. "$(dirname "$0")/lib.sh"

vectors=$TOP/tests/vectors
capture=$vectors/captures/sb-grub
cd "$SCRATCH" || exit 1

if ! command -v python3 > /dev/null; then
    skip "forms of agents" "no python3"
    finish
fi
wrap() { python3 "$TOP/tests/tools/wrap_evidence.py" "$1" "$capture" "$2"; }

evidence() { # evidence WHAT NAME PATH: what is shown is as stored
    check_run "$1" 0 "$ASSAY" replay evidence "$3"
    check "  it says what is what" golden "replay-evidence/$2.txt"
}

check "made: a series of replies" wrap keylime-folder replies
evidence "Keylime: a folder of replies, joined" keylime-folder replies
check "made: lines" wrap keylime-lines replies.jsonl
evidence "Keylime: one reply a line" keylime-lines replies.jsonl
check "made: a gap" wrap keylime-gap gap.json
evidence "Keylime: entries missing between two replies" keylime-gap gap.json
check "made: a broken part" wrap keylime-broken broken
evidence "Keylime: a part that is no base64" keylime-broken broken
check "made: push" wrap keylime-push push
evidence "Keylime: what an agent pushes" keylime-push push
capture_before=$SCRATCH/rebooted
cp -r "$capture" "$capture_before" && chmod -R u+w "$capture_before"
for end in msg sig pcrs; do cp "$capture/quote-multi.$end" "$capture_before/quote-before.$end"; done
# The same quote of another boot: its signature does not matter here. resetCount stands behind the clock.
python3 - "$capture_before" << 'PY'
import struct, sys
path = sys.argv[1] + "/quote-before.msg"
message = bytearray(open(path, "rb").read())
at = 6
for _ in range(2):  # the signer's name, the nonce
    at += 2 + struct.unpack(">H", message[at:at + 2])[0]
message[at:at + 12] = struct.pack(">QI", 1, 0)
open(path, "wb").write(message)
PY
head -5 "$capture/ascii_runtime_measurements" > "$capture_before/before.ima"
cp "$capture/binary_bios_measurements" "$capture_before/before.bios"
check "made: a series over two boots" python3 "$TOP/tests/tools/wrap_evidence.py" keylime-reboot "$capture_before" reboot
evidence "Keylime: two boots, each with its logs" keylime-reboot reboot
for form in go-tpm-tools go-attestation trustee fapi fapi-files other-names support-archive two-quotes; do
    check "made: $form" wrap "$form" "$form"
    evidence "$form" "$form" "$form"
done
cp -r "$vectors/fapi" vector
evidence "a quote, its log and its key as tss2_quote and tss2_exportkey wrote them" fapi-vector vector
check_run "  as JSON" 0 "$ASSAY" replay evidence --json vector
in_json() { check "$1" jq -e "$2" "$OUT" > /dev/null; }
in_json "  with each file's role and where it was" \
    '.bundles[0].files | any(.role == "quote.msg" and .path == "quoteInfo.json" and .inside == "attest" and .form == "FAPI quoteInfo")'
check_run "an audit verifies FAPI's quote with FAPI's key" 5 "$ASSAY" audit --json --nonce 30313233343536373839616263646566 vector
in_json "  its signature holds" '.bundles[0].checks | any(.check == "quote.signature" and .result == "pass")'
in_json "  so does its nonce" '.bundles[0].checks | any(.check == "quote.nonce" and .result == "pass")'
in_json "  and the attributes of its key" '.bundles[0].checks | any(.check == "key.attributes" and .result == "pass")'

mkdir case
tar cJf case/support.tar.xz support-archive && echo "case 17" > case/notes && tar czf case.tar.gz case
evidence "an archive in an archive" nested case.tar.gz

# Archives, one file, standard input; links and FIFOs are not followed.
tar cJf support.tar.xz support-archive
evidence "a support archive" support-tar support.tar.xz
"$ASSAY" replay evidence support.tar.xz | sed 1d > from-file
stdin_same() { "$ASSAY" replay evidence - < support.tar.xz | sed 1d > from-stdin && same from-stdin from-file; }
check "  the same from standard input" stdin_same
check_run "one reply alone is a bundle" 5 "$ASSAY" audit --json --ak "$capture/ak.pub" - < push/attestation.json
in_json "  whose quote is verified" '.bundles[0].checks | any(.check == "quote.signature" and .result == "pass")'
mkdir links && ln -s ../push/attestation.json links/reply.json && mkfifo links/fifo
check_run "links and FIFOs are no evidence" 3 "$ASSAY" replay evidence links
check "  it says so" contains "$ERR" "no evidence in this folder"
echo '{"quote": 1}' > other.json
check_run "JSON of another kind is no evidence" 0 "$ASSAY" replay evidence other.json
check "  it says so" contains "$OUT" "in no form that Assay reads"
check_run "nothing at all" 3 "$ASSAY" replay evidence "$TOP/LICENSE"
check_run "nothing named" 2 "$ASSAY" replay evidence

# A TDX machine: its quote and its firmware's log, by name, by content, in JSON.
tdx=$vectors/tdx
mkdir td && cp "$tdx/v5-1.5.quote" td/quote.tdx && cp "$tdx/ccel" td/CCEL
mkdir content && cp "$tdx/v4.quote" content/a && cp "$tdx/ccel" content/b
printf '{"quote":"%s","cc_eventlog":"%s"}' "$(base64 -w0 "$tdx/v4.quote")" "$(base64 -w0 "$tdx/ccel")" > td.json
for bundle in td content td.json; do
    check_run "a TDX machine: $bundle" 5 "$ASSAY" audit --json --ca "$tdx/root.pem" --nonce 00112233445566778899aabbccddeeff "$bundle"
    in_json "  each link holds, and so do the registers" \
        '[.bundles[0].checks[] | select(.result == "pass") | .check] | contains(["tdx.signature", "tdx.key", "tdx.qe-signature", "tdx.qe", "tdx.chain", "tdx.debug", "quote.nonce", "tdx.replay"])'
    in_json "  what nobody checks is said" '.bundles[0] | (.findings | length == 0) and any(.checks[]; .check == "tdx.tcb" and .result == "skip")'
done
if [ -n "$CORPUS" ]; then
    # Its kernel extended RTMR2 after the boot, and no log of that is there; the root is the one it brings along.
    mkdir real && cp "$CORPUS/ccel/cc-api-cc-trusted-api__quote.bin" real/quote.tdx
    cp "$CORPUS/ccel/cc-api-cc-trusted-api__ccel_data.bin" real/CCEL
    awk '/BEGIN CERT/ { n++ } n == 3 { print } /END CERT/ && n == 3 { exit }' <(strings -n 1 real/quote.tdx) > root.pem
    check_run "a real TDX machine" 1 "$ASSAY" audit --json --ca root.pem real
    in_json "  its signatures hold" '[.bundles[0].checks[] | select(.result == "pass") | .check] | contains(["tdx.signature", "tdx.key", "tdx.qe-signature", "tdx.chain"])'
    in_json "  one register alone has more than its firmware's log" '.bundles[0].findings | map(.code + " " + .subject) == ["pcr.mismatch RTMR 2"]'
else
    skip "a real TDX machine" "no corpus"
fi
finish
