#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Captured boots against revocations that are newer than the machines: digests, certificates, SBAT levels. The
# lists are made by tests/tools/make_dbx.py, of certificates that openssl finds in the booted programs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/tools/captures.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors
DBX=$TOP/tests/tools/make_dbx.py
machine=$SCRATCH/machine db=$SCRATCH/golden.db
cd "$SCRATCH" || exit 1

judged() { # WHAT STATUS BUNDLE OPTION...
    local what=$1 status=$2 bundle=$3
    shift 3
    check_run "$what" "$status" "$ASSAY" audit --json --db "$db" --ak "$VECTORS/captures/sb-grub/ak.pub" \
        --ak "$VECTORS/captures/sb-grub/ak-ecc.pub" "$@" "$bundle"
}
# The findings about revoked images, whole: one line each.
revoked_are() {
    says '[.bundles[0].findings[] | select(.code == "boot.revoked") | "\(.severity): \(.message)"] | join("\n") == $want' \
        --arg want "$(printf '%s\n' "$@")"
}
checked() { # CHECK RESULT TEXT
    says 'any(.bundles[0].checks[]; .check == $check and .result == $result and (.detail | contains($text)))' \
        --arg check "$1" --arg result "$2" --arg text "$3"
}
profile() { # SCENARIO RELEASE
    "$TOP/tests/tools/boot_disk.sh" "$1" "$machine" && (cd "$machine" && run 0 "$ASSAY" refgen boot -q --release "$2" \
        --db "$db" --firmware CODE.fd --varstore VARS.fd --machine facts.json --image disk.img)
}
captures_golden "$VECTORS" "$db"
check "a profile of the captured machine" profile sb-grub vm
honest=$VECTORS/captures/sb-grub

# --- digests and certificates -----------------------------------------------------------------------

mkdir shim grub
check "certificates of shim" "$DBX" --certificates "$machine/files/shimx64.efi.signed" shim
check "and of GRUB" "$DBX" --certificates "$machine/files/grubx64.efi.signed" grub
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=Other -days 1 2> /dev/null

judged "no list" 0 "$honest"
check "  is said" checked boot.revocations skip "no list of revocations was given (--dbx)"

"$DBX" other.dbx x509:other.pem tbs256:other.pem "digest:$(printf '%064d' 1)"
judged "a list of what did not boot" 0 "$honest" --dbx other.dbx
check "  says so" checked boot.revocations pass "0 of 4 images that were started are revoked, and 0 of 2 entries"

digest=$(pesign -h -i "$machine/files/grubx64.efi.signed" 2> /dev/null | grep -o '[0-9a-f]\{64\}') ||
    digest=$("$ASSAY" refgen boot -n --json "$machine/files/grubx64.efi.signed" | jq -r '.artifacts[0].authenticode.sha256')
"$DBX" digest.dbx "digest:$(printf '%064d' 1)" "digest:$digest"
judged "GRUB's digest" 1 "$honest" --dbx digest.dbx
check "  is found" revoked_are "critical: this image was started (PCR 4), and its digest is revoked (digest.dbx, offset 0x78)"
in_json "  with the release that has it" '[.bundles[0].findings[] | select(.code == "boot.revoked") |
    .elsewhere[0].release] == ["vm"] and
    ([.bundles[0].findings[] | select(.code == "boot.revoked") | .subject] == ["\\EFI\\BOOT\\grubx64.efi"])'

# Debian's CA is in no db: shim has it. GRUB's signature includes its signer's certificate only.
"$DBX" signer.dbx x509:grub/0.der
judged "GRUB's signer" 1 "$honest" --dbx signer.dbx
check "  is found in the stored signature" revoked_are "critical: this image was started (PCR 4), and its signature's \
certificate 'Debian Secure Boot Signer 2022 - grub2' is revoked (signer.dbx, offset 0x2c)"
for bits in 256 384 512; do
    "$DBX" --variable "tbs$bits.dbx" "tbs$bits:grub/0.der:2030-01-02T03:04:05"
    judged "the SHA-$bits of that certificate" 1 "$honest" --dbx "tbs$bits.dbx"
    check "  is found, with the time" revoked_are "critical: this image was started (PCR 4), and its signature's \
certificate 'Debian Secure Boot Signer 2022 - grub2' is revoked (tbs$bits.dbx, offset 0x30: from 2030-01-02 03:04:05 on, \
and timestamps of signatures are not verified)"
done

# Microsoft's CA is in the machine's db, and in shim's signature.
ca=$(grep -l "Microsoft Corporation UEFI CA 2011" shim/*.der | while read -r der; do
    openssl x509 -inform DER -in "$der" -noout -subject | grep -q 'CN = Microsoft Corporation UEFI CA 2011' && echo "$der"
done)
check "Microsoft's CA is in shim's signature" test -s "$ca"
for entry in "x509:$ca" "tbs256:$ca"; do
    "$DBX" ca.dbx "$entry"
    judged "${entry%%:*} of the CA in db" 1 "$honest" --dbx ca.dbx
    check "  forbids shim, and what authorised it" revoked_are \
        "critical: an image was authorised by the certificate 'Microsoft Corporation UEFI CA 2011', which is revoked (ca.dbx, offset 0x2c)" \
        "critical: this image was started (PCR 4), and its signature's certificate 'Microsoft Corporation UEFI CA 2011' is revoked (ca.dbx, offset 0x2c)"
done

"$DBX" unknown.dbx unknown:0011
judged "a list of a type that nobody knows" 0 "$honest" --dbx unknown.dbx
check "  is said to be not applied" checked boot.revocations skip "1 entries of the revocation list are of types"

# --- SBAT levels ------------------------------------------------------------------------------------

# shim 16.1 has generation 4; GRUB's is read by another program.
generation=$(objcopy -O binary --only-section=.sbat "$machine/files/grubx64.efi.signed" /dev/stdout 2> /dev/null |
    tr -d '\0' | sed -n 's/^grub,\([0-9]*\),.*/\1/p')
check "GRUB has a generation" test -n "$generation"
printf 'sbat,1,2030010100\nshim,4\ngrub,%d\ngrub.debian,1\n' "$generation" > met
judged "a level that the boot meets" 0 "$honest" --dbx met
check "  says so, and the machine's own" checked boot.sbat pass "0 of 4 programs that were started are below SBAT level \
2030010100, 1 carry no SBAT data; the machine's own is 2025021800"
printf 'sbat,1,2030010100\nshim,4\ngrub,%d\n' $((generation + 1)) > newer
judged "a newer one" 1 "$honest" --dbx newer --dbx other.dbx
check "  revokes GRUB" revoked_are "critical: this image was started (PCR 4), and its SBAT component grub has generation \
$generation: below $((generation + 1)) it is revoked (newer, offset 0x19)"
printf 'sbat,1,2030010100\nshim,5\n' > newer
judged "one for shim" 1 "$honest" --dbx newer
check "  revokes shim" checked boot.sbat fail "1 of 4 programs"

# --- what nobody knows ------------------------------------------------------------------------------

check_run "a database without boots" 0 "$ASSAY" refgen tree -q --release none --db none.db "$VECTORS/keys"
check_run "against it" 1 "$ASSAY" audit --json --db none.db --ak "$honest/ak.pub" --ak "$honest/ak-ecc.pub" \
    --dbx newer --dbx ca.dbx "$honest"
check "  the level is not compared" checked boot.sbat skip "4 of 4 programs that were started are in no release"
check "  nor the signers, which lowers the verdict" says 'any(.bundles[0].checks[]; .check == "boot.signers" and
    .result == "skip" and .required)'
check "  but what authorised shim is known" revoked_are \
    "critical: an image was authorised by the certificate 'Microsoft Corporation UEFI CA 2011', which is revoked (ca.dbx, offset 0x2c)"

mkdir log && cp "$honest/binary_bios_measurements" log
judged "a log that no quote attests" 5 log --dbx signer.dbx
check "  is believed less" says '[.bundles[0].findings[] | select(.code == "boot.revoked") | .severity] == ["medium"]'
printf 'sbat,1\nshim,x\n' > bad
judged "no level" 3 "$honest" --dbx bad
check "  and where it breaks is said" grep -q 'bad: offset 0x7: SBAT level: a line that is not' "$ERR"
finish
