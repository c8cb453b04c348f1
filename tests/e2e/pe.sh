#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Authenticode digests of every signed image at hand, against pesign and osslsigncode.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
: "${TEST_PROGRAMS:=$TOP/build/tests}"
info=$TEST_PROGRAMS/tools/pe_info

mapfile -t images < <(ls /usr/lib/shim/*.efi /usr/lib/shim/*.efi.signed /usr/lib/grub/*-signed/*.signed \
    /usr/lib/systemd/boot/efi/*.efi* /usr/lib/fwupd/efi/*.efi* /boot/vmlinuz-* \
    ${CORPUS:+"$CORPUS"/pe/*.efi "$CORPUS"/pe/*.signed* "$CORPUS"/pe/*.EFI} 2>/dev/null)
[ ${#images[@]} -gt 0 ] || { skip "images" "none are installed"; finish; }

# Both tools pad an image to 8 bytes before they hash it, firmware does not: those without a
# signature and of another size are left out (a signed one was padded when it was signed).
comparable() { [ $(($(stat -Lc %s "$1") % 8)) = 0 ]; }

if command -v pesign > /dev/null; then
    for image in "${images[@]}"; do
        comparable "$image" || continue
        theirs=$(pesign -h -i "$image" 2>/dev/null | awk '{ print $2 }')
        [ -n "$theirs" ] || { skip "pesign $(basename "$image")" "pesign does not read it"; continue; }
        check_run "pesign agrees: $(basename "$image")" 0 "$info" "$image"
        check "the digest of $(basename "$image") is pesign's" grep -q "^$theirs " "$OUT"
    done
else
    skip "pesign" "not installed"
fi
if command -v osslsigncode > /dev/null; then
    for image in "${images[@]}"; do
        "$info" "$image" > "$OUT" 2>/dev/null || continue
        theirs=$(osslsigncode verify -in "$image" 2>&1 | sed -n 's/^Calculated message digest *: *\([0-9A-F]*\).*/\1/p' | head -n 1)
        [ ${#theirs} = 64 ] || continue
        check "the digest of $(basename "$image") is osslsigncode's" grep -qi "^$theirs " "$OUT"
    done
else
    skip "osslsigncode" "not installed"
fi
finish
