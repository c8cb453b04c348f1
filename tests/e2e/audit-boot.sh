#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Captured boots against boot profiles: the honest one passes, and what differs is named. Profiles come from
# disks and firmware (tests/tools/boot_disk.sh), boots from machines: nothing here is made for the other.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/tools/captures.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors
GRUB=$VECTORS/captures/sb-grub STUB=$VECTORS/captures/efistub

profile() { # SCENARIO RELEASE DB...
    local scenario=$1 release=$2 db
    shift 2
    "$TOP/tests/tools/boot_disk.sh" "$scenario" "$SCRATCH/machine" || return 1
    for db in "$@"; do
        (cd "$SCRATCH/machine" && run 0 "$ASSAY" refgen boot -q --release "$release" --db "$db" --firmware CODE.fd \
            --varstore VARS.fd --machine facts.json --image disk.img) || return 1
    done
}
# What the check says, and the findings about what booted: CODE SEVERITY, each once.
check_is() {
    says '[.bundles[0].checks[] | select(.check == "boot.profile") | .result] == [$is]' --arg is "$1"
}
findings_are() {
    says '[.bundles[0].findings[] | select(.code | startswith("boot.")) | "\(.code) \(.severity)"] | unique |
        join(", ") == $want' --arg want "$1"
}
found() { # CODE SUBJECT TEXT: a finding whose message has the text
    says 'any(.bundles[0].findings[]; .code == $code and .subject == $subject and (.message | contains($text)))' \
        --arg code "$1" --arg subject "$2" --arg text "$3"
}
audit() { # WHAT STATUS OPTION...
    local what=$1 status=$2
    shift 2
    check_run "$what" "$status" "$ASSAY" audit --json --ak "$GRUB/ak.pub" --ak "$GRUB/ak-ecc.pub" \
        --ak "$STUB/ak.pub" --ak "$STUB/ak-ecc.pub" "$@"
}
log_of() { # SCENARIO: a bundle with its boot log only
    mkdir -p "$SCRATCH/$1" && cp "$VECTORS/boot/$1/binary_bios_measurements" "$SCRATCH/$1"
}

db=$SCRATCH/golden.db other=$SCRATCH/other.db both=$SCRATCH/both.db
captures_golden "$VECTORS" "$db"
check "a profile of the captured machine" profile sb-grub vm "$db"
cp "$db" "$both"
check "a profile of one with another command line" profile sb-grub-cmdline other "$other" "$both"
log_of sb-grub-cmdline
log_of sb-grub-mok

# --- the honest boot ------------------------------------------------------------------------------

audit "the captured machine passes" 0 --db "$db" "$GRUB"
check "  every event is as predicted" check_is pass
check "  nothing is found" findings_are ""
in_json "  and none is left open" '[.bundles[0].checks[] | select(.check == "boot.profile") | .detail][0] |
    test("57 events as predicted, 0 not predicted by digest, 0 otherwise")'
audit "a machine that was attacked later booted right" 1 --db "$db" "$VECTORS/captures/sb-grub-ima-attack"
check "  and that is said" check_is pass

# --- another boot ---------------------------------------------------------------------------------

audit "the captured machine is not the other one" 1 --db "$other" "$GRUB"
check "  what differs is a finding" findings_are "boot.command-line high, boot.component high"
check "  with the words it has" found boot.command-line "PCR 8, command line" \
    'it has root=/dev/vda2, ima_hash=sha256 (changes what IMA hashes with), ima_policy=tcb'
check "  and those it lacks" found boot.command-line "PCR 8, command line" 'module_blacklist=a,b, "quiet=no thing"'
check "  the menu's file is named" found boot.component "PCR 9, grub.cfg" "the whole file"
check "  the initrd, too" found boot.component "PCR 9, initrd" "no release in the database has what it is"
in_json "  with what is expected and what is there" 'any(.bundles[0].findings[]; .code == "boot.component" and
    (.source.index | type == "number") and any(.. | strings; startswith("sha384:")))'
audit "as a second release it passes" 0 --db "$both" "$GRUB"
check "  by its own profile" check_is pass
audit "the other log without a quote" 5 --db "$both" "$SCRATCH/sb-grub-cmdline"
check "  is the second release's" check_is pass
audit "unless only the first counts" 5 --db "$both" --release vm "$SCRATCH/sb-grub-cmdline"
check "  then it is wrong" check_is fail
check "  unattested, so not worse than medium" findings_are "boot.command-line medium, boot.other-release medium"
check "  and whose the menu is, is said" found boot.other-release "PCR 9, grub.cfg" "grub.cfg of release other"
audit "an enrolled key" 5 --db "$other" "$SCRATCH/sb-grub-mok"
check "  is seen in the list" found boot.component "PCR 14, MokList" "no release in the database has what it is"
check "  and in what it vouched for" found boot.authority "PCR 7, MokListRT" "which authorises none of the release's"
audit "a machine that runs no GRUB, with Secure Boot off" 1 --db "$db" "$STUB"
check "  Secure Boot is named" found boot.secure-boot "PCR 7, SecureBoot" "Secure Boot is off"
check "  what GRUB did not measure is missing" found boot.missing "PCR 8, command line" "was not measured"
in_json "  and that is no unattested claim" 'all(.bundles[0].findings[] | select(.code | startswith("boot."));
    .severity == "high")'

# --- what only the installation knows -------------------------------------------------------------

# The same machine, predicted from a menu that names another root.
mkdir -p "$SCRATCH/vectors/boot"
ln -s "$VECTORS"/* "$SCRATCH/vectors/" 2> "$SCRATCH/.ln"
ln -s "$VECTORS"/boot/* "$SCRATCH/vectors/boot/"
rm "$SCRATCH/vectors/boot/sb-grub-cmdline"
cp -r "$VECTORS/boot/sb-grub-cmdline" "$SCRATCH/vectors/boot/"
sed -i 's/root=UUID=[0-9a-f-]*/root=UUID=11111111-2222-3333-4444-555555555555/' \
    "$SCRATCH/vectors/boot/sb-grub-cmdline/grub.cfg"
export VECTORS=$SCRATCH/vectors
check "a profile of an installation with another root" profile sb-grub-cmdline image "$SCRATCH/image.db"
audit "this one's log against it" 5 --db "$SCRATCH/image.db" "$SCRATCH/sb-grub-cmdline"
check "  its own root is reported" found boot.template binary_bios_measurements \
    "root-uuid = 6d656173-7572-6564-2d62-6f6f740000f5"
check "  and the menu, hashed as a whole, is the profile's with that root" findings_are "boot.template info"

# --- without a log --------------------------------------------------------------------------------

mkdir "$SCRATCH/no-log"
cp "$GRUB"/quote.* "$GRUB/ak.pub" "$SCRATCH/no-log"
printf '[evidence]\nrequire-boot-log = no\nrequire-ima-log = no\n' > "$SCRATCH/policy"
audit "quoted values alone" 5 --db "$db" --policy "$SCRATCH/policy" "$SCRATCH/no-log"
check "  are the profile's" check_is pass
check "  nothing is found" findings_are ""
audit "quoted values of another boot" 1 --db "$both" --release other --policy "$SCRATCH/policy" "$SCRATCH/no-log"
check "  are not" check_is fail
check "  each is a finding" findings_are "boot.pcr high"
check "  and the change that explains it is named" found boot.pcr "PCR 9" \
    "initrd (/boot/initrd.img-6.1.0-56-amd64 of disk.img, partition 2) instead of initrd"
check "  or that none does" found boot.pcr "PCR 8" "no small change of it gives the quoted value"
finish
