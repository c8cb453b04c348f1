#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Several logs, one quote, as a TPM makes it: a TPM is extended with a real boot log, then by systemd and
# by IMA in turns; its quotes are held against all three logs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/swtpm.sh
. "$TOP/tests/e2e/swtpm.sh"

for needed in swtpm tpm2_quote tpm2_eventlog python3; do
    command -v $needed > /dev/null || { skip "several logs, one quote" "no $needed"; finish; }
done
vectors=$TOP/tests/vectors
capture=$vectors/captures/uki-sdboot
extends=$TOP/tests/tools/extends.py
all=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
nonce=00112233445566778899aabbccddeeff
cd "$SCRATCH" || exit 1
db=golden.db
check_run "golden values: packages" 0 "$ASSAY" refgen rpm -q -r mb-1 --algorithms sha1,sha256 --db $db "$vectors/rpms"
check_run "golden values: initrd" 0 "$ASSAY" refgen initrd -q -r mb-1 --algorithms sha1,sha256 --db $db "$vectors/initrd.img"
tpm_start tpm && tpm_ak ak rsa || { check "a TPM" false; finish; }

list=$capture/binary_runtime_measurements
ima() { python3 "$extends" "${how:-ima}" "$list" "$1" "$2" | tpm_extend; }
systemd() { python3 "$extends" systemd tpm2-measure.log "$@" | tpm_extend; }
separators=$(printf 'os-separator=%d ' 0 1 2 3 4 5 6 7 9 12 13 14)

boot() { # the firmware, the kernel, systemd in the initrd, then the system
    rm -f tpm2-measure.log
    tpm_log_extends "$capture/binary_bios_measurements" | tpm_extend
    ima 0 5
    # shellcheck disable=SC2086 # words
    systemd $separators enter-initrd=11
    ima 5 20
    systemd leave-initrd=11 machine-id:0123456789abcdef0123456789abcdef=15
    ima 20 30
    systemd sysinit=11
}
bundle() { # BUNDLE: the logs as they are now
    mkdir -p "$1"
    cp "$capture/binary_bios_measurements" tpm2-measure.log "$1"
    cp "$list" "$1"
}
judge() { # VERDICT CODES BUNDLE [OPTION...]
    local verdict=$1 codes=$2 bundle=$3
    shift 3
    "$ASSAY" audit -q --json --db $db --ak tpm/ak.pub --nonce $nonce "$@" "$bundle" > report.json 2> report.err
    jq -e --arg v "$verdict" --arg c "$codes" '.verdict == $v and ([.bundles[].findings[] |
        select(.severity == "critical" or .severity == "high") | .code] | unique | join(" ")) == $c' report.json > /dev/null ||
        { jq -r '.verdict, (.bundles[] | (.findings[] | "\(.code) \(.subject): \(.message)"), (.checks[] | select(.result != "pass") | "\(.check): \(.detail)"))' report.json |
            sed 's/^/# /'; cat report.err; return 1; }
}
detail() { jq -e --arg c "$1" --arg d "$2" '.bundles[0].checks | any(.check == $c and (.detail | contains($d)))' report.json > /dev/null; }
message() { jq -e --arg c "$1" --arg d "$2" '.bundles[0].findings | any(.code == $c and (.message | contains($d)))' report.json > /dev/null; }

boot
tpm_quote one ak sha1:$all+sha256:$all+sha384:$all $nonce
bundle one
check "three banks, before the logs' ends" judge pass "" one
check "  IMA's entries that it covers" detail ima.attested "the first 30 of 46"
check "  user space's that it covers" detail userspace.attested "all 16 extends"
ima 30 46
systemd ready=11
tpm_quote one ak sha256:$all $nonce later
bundle one
check "a later quote beside it" judge pass "" one --state state
check "  IMA's entries that it covers" detail ima.attested "all 46"
check "  on one timeline" detail quote.timeline "46 entries"
check "  user space's that it covers" detail userspace.attested "all 17 extends"
check "  kept for the next audit" jq -e '.machines[].ima.entries == 46' state > /dev/null

cp -r one removed
python3 -c 'import sys; r = open("one/tpm2-measure.log", "rb").read().split(b"\x1e"); del r[14]; open("removed/tpm2-measure.log", "wb").write(b"\x1e".join(r))'
check "a record removed" judge fail pcr.mismatch removed
check "  is named" message pcr.mismatch "systemd's phase leave-initrd was measured before record"
cp -r one without && rm without/tpm2-measure.log
check "the log left out" judge fail "ima.boot-aggregate pcr.mismatch" without
check "  says what it would have to show" message pcr.mismatch "systemd's os-separator was extended"
cp -r one changed && sed -i 's/leave-initrd/enter-initrd/' changed/tpm2-measure.log
check "a string changed" judge fail log.data-mismatch changed

echo "11 sha256=$(printf evil | sha256sum | cut -d' ' -f1)" | tpm_extend
tpm_quote unlogged ak sha256:$all $nonce
bundle unlogged
check "an extend that no log has" judge fail pcr.mismatch unlogged

# A restart: PCRs begin anew, resetCount rises.
tpm_reset tpm
how=ima-padded boot
tpm_quote two ak sha256:$all $nonce
bundle two
check "after a restart, SHA-1 padded" judge pass "" two --state state
check "  the machine is known" detail state.machine "restarted since"
cp one/quote.msg two/quote-before.msg
cp one/quote.sig two/quote-before.sig
cp one/quote.pcrs two/quote-before.pcrs
cp one/ak.pub two/ak-before.pub
check "the quote of the boot before is no log's of this one" judge incomplete "" two
check "  as is said" detail quote.boot "of an earlier boot"
check "what was seen of the boot before is a rollback now" judge fail quote.rollback one --state state
finish
