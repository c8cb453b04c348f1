#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every kept log of a real boot (tests/vectors/boot) against the profiles of all their machines: each is its own
# machine's, and where another counts, what makes the two differ is named: another kernel, menu entries, processors,
# the parts of a UKI, credentials beside it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/tools/captures.sh"
export LC_ALL=C
VECTORS=$TOP/tests/vectors
machine=$SCRATCH/machine db=$SCRATCH/golden.db
cd "$SCRATCH" || exit 1

predict() { # SCENARIO RELEASE
    "$TOP/tests/tools/boot_disk.sh" "$1" "$machine" && (cd "$machine" && run 0 "$ASSAY" refgen boot -q --release "$2" \
        --db "$db" --firmware CODE.fd --varstore VARS.fd --machine facts.json --image disk.img)
}
judged() { # SCENARIO OPTION...: its log alone, so the bundle is incomplete and findings are medium
    local scenario=$1
    shift
    check_run "the log of $scenario ${*:-with all profiles}" 5 "$ASSAY" audit --json --db "$db" "$@" "$scenario"
}
profile_is() { # RESULT TEXT
    says '[.bundles[0].checks[] | select(.check == "boot.profile") | .result == $is and (.detail | contains($text))] == [true]' \
        --arg is "$1" --arg text "$2"
}
found() { # CODE SUBJECT TEXT
    says 'any(.bundles[0].findings[]; .code == $code and .subject == $subject and (.message | contains($text)))' \
        --arg code "$1" --arg subject "$2" --arg text "$3"
}
subjects_are() { # SUBJECT...: of the findings about what booted, each once
    says '[.bundles[0].findings[] | select(.code | startswith("boot.")) | .subject] | unique == ($want | split("\n") | unique)' \
        --arg want "$(printf '%s\n' "$@" | sed '/^$/d')"
}

# tests/e2e/refgen-boot.sh has every log judged by its own profile; here those that others are held against.
for scenario in sb-grub sb-grub-big sb-grub-mkconfig sb-grub-mok uki-sdboot uki-loader-conf uki-sections entry efistub; do
    check "$scenario: its profile" predict "$scenario" "$scenario"
    [ ! -d "$VECTORS/boot/$scenario" ] || cp "$VECTORS/boot/$scenario/binary_bios_measurements" log 2> .cp
    [ ! -s log ] || { mkdir "$scenario" && mv log "$scenario/binary_bios_measurements"; }
    [ ! -d "$scenario" ] || judged "$scenario"
    [ ! -d "$scenario" ] || check "  is that of its own profile" profile_is pass "of release $scenario: "
done

# --- as another machine -------------------------------------------------------------------------------

judged sb-grub-big --release sb-grub
check "  2 processors and 3 GiB show in the firmware's own measurement" found boot.other-release "PCR 0, firmware" \
    "but firmware of release sb-grub-big"
check "  another command line is told once" says '[.bundles[0].findings[] | select(.code == "boot.command-line") | .subject] ==
    ["PCR 8, command line"]'
check "  with where else it shows" found boot.command-line "PCR 8, command line" \
    "it lacks ima_hash=sha256 (IMA hashes with its default), ima_policy=tcb (IMA measures less without it); so do PCR 8, grub.cfg"
judged sb-grub-mkconfig --release sb-grub
check "  another menu is named" found boot.other-release "PCR 9, grub.cfg" "but grub.cfg of release sb-grub-mkconfig"
check "  what it has beyond the release's is extra" says 'any(.bundles[0].findings[]; .code == "boot.extra" and .subject == "PCR 8, grub.cfg")'
judged uki-loader-conf --release uki-sdboot
check "  another UKI" found boot.other-release "PCR 4, uki" "but uki of release uki-loader-conf"
check "  its parts" found boot.other-release "PCR 11, UKI .cmdline" "section .cmdline of /EFI/Linux/mbtest.efi"
check "  a second credential" found boot.other-release "PCR 12, Credentials initrd" "of release uki-loader-conf"
check "  and a global one" found boot.extra "PCR 12, Global credentials initrd" "was measured"
judged uki-sections --release uki-sdboot
check "  sections that were added are extra" found boot.extra "PCR 11, UKI .splash" "was measured"
check "  each of them" found boot.extra "PCR 11, UKI .pcrpkey" "was measured"
judged entry --release uki-sdboot
check "  no UKI" found boot.missing "PCR 4, uki" "was not measured"
check "  and none of its sections" found boot.missing "PCR 11, UKI .linux" "was not measured"
check "  with the entry's command line" found boot.command-line "PCR 12, command line" "(names another initrd)"
judged sb-grub-mok --release sb-grub
check "  GRUB by another key" found boot.authority "PCR 7, MokListRT" "by 'Assay test machine owner' of MokListRT"
check "  that was enrolled" found boot.other-release "PCR 14, MokList" "of release sb-grub-mok"

# --- another kernel -----------------------------------------------------------------------------------

# The kernel of efistub with one byte of its message changed: no Secure Boot there that would refuse it.
mkdir -p vectors/boot
ln -s "$VECTORS"/* vectors/ 2> .ln
ln -s "$VECTORS"/boot/* vectors/boot/
rm vectors/boot/efistub-big
cp -r "$VECTORS/boot/efistub-big" vectors/boot/
kernel=$(sed -n 's/.* files\/\(vmlinuz[^ ]*\)$/\1/p' vectors/boot/efistub-big/disk.list)
cp "$machine/files/$kernel" vectors/boot/efistub-big/kernel
printf 'X' | dd of=vectors/boot/efistub-big/kernel bs=1 seek=4096 conv=notrunc status=none
sed -i "s| files/$kernel\$| efistub-big/kernel|" vectors/boot/efistub-big/disk.list
export VECTORS=$SCRATCH/vectors
check "a profile of another kernel" predict efistub-big other-kernel
mkdir efistub-big && cp "$TOP/tests/vectors/boot/efistub-big/binary_bios_measurements" efistub-big
judged efistub-big --release other-kernel
check "  is named, with whose it is" found boot.other-release "PCR 4, kernel" "but kernel of release efistub"
check "  and nothing else differs" subjects_are "PCR 4, kernel"

# --- without firmware and variable store: Secure Boot on, or off ----------------------------------------

export VECTORS=$TOP/tests/vectors
check "the disk alone" "$TOP/tests/tools/boot_disk.sh" sb-grub "$machine"
check_run "  boots with Secure Boot on, and with it off" 0 "$ASSAY" refgen boot -q --release disk --db disk.db --image "$machine/disk.img"
check_run "  as its profiles say" 0 "$ASSAY" db pcrs --db disk.db --json
check "  by their names" says '[.. | .profile? // empty] | unique == ["Secure Boot off", "Secure Boot on"]'
honest=$VECTORS/captures/sb-grub
check_run "the captured machine, which has it on" 1 "$ASSAY" audit --json --db disk.db --ak "$honest/ak.pub" --ak "$honest/ak-ecc.pub" "$honest"
check "  fits that" profile_is pass "the profile 'Secure Boot on' of release disk: 45 events as predicted, 12 not predicted"
check "  each event that nobody predicts is listed" says '[.bundles[0].checks[] | select(.check == "boot.event" and .result == "skip")] | length == 12'
check "  with what stood there" says 'any(.bundles[0].checks[]; .subject == "PCR 7, event 6" and
    (.detail | contains("PK, KEK, db and dbx")) and (.detail | contains("Microsoft Corporation UEFI CA 2011")))'
printf '[boot]\npredicted = 7\nsecure-boot = yes\n' > policy
check_run "a policy that asks for PCR 7" 1 "$ASSAY" audit --json --policy policy --db disk.db --ak "$honest/ak.pub" \
    --ak "$honest/ak-ecc.pub" "$honest"
check "  makes these checks needed" says '[.bundles[0].checks[] | select(.check == "boot.event" and .required)] | length == 5'
check "the disk of a UKI alone" "$TOP/tests/tools/boot_disk.sh" uki-sdboot "$machine"
check_run "  nothing is signed, so Secure Boot is off" 0 "$ASSAY" refgen boot -q --release disk --db uki.db --image "$machine/disk.img"
honest=$VECTORS/captures/uki-sdboot
check_run "its machine" 1 "$ASSAY" audit --json --policy policy --db uki.db --ak "$honest/ak.pub" --ak "$honest/ak-ecc.pub" "$honest"
check "  is not as the policy wants it" found boot.secure-boot "PCR 7, SecureBoot" "Secure Boot is off, which the policy does not allow"

# An old shim where removable media have theirs, with fallback beside it, a new one in the vendor's folder.
files=$machine/files
mkdir -p esp/EFI/BOOT esp/EFI/debian
cp "$files/shimx64.efi.signed" esp/EFI/BOOT/BOOTX64.EFI
cp "$files/fbx64.efi.signed" esp/EFI/BOOT/fbx64.efi
cp "$files/shimx64.efi.signed" esp/EFI/debian/shimx64.efi
cp "$files/grubx64.efi.signed" esp/EFI/debian/grubx64.efi
check_run "two shims" 0 "$ASSAY" refgen boot --dry-run --json esp
check "  are profiles of their own" says '[.profiles[].profile | select(contains("shimx64.efi"))] | length == 2'
check "  the one for removable media ends in fallback" says 'any(.profiles[]; (.profile | contains("BOOTX64.EFI")) and
    (.ending | contains("makes boot options")))'
rm esp/EFI/BOOT/fbx64.efi && cp "$files/grubx64.efi.signed" esp/EFI/BOOT/grubx64.efi
check_run "the same shim and GRUB twice" 0 "$ASSAY" refgen boot --dry-run --json esp
check "  are one boot" says '[.profiles[].profile | select(contains("shimx64.efi"))] | length == 0'
finish
