#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What `assay refgen boot` reads of single files and disks, against other programs: Authenticode digests against
# pesign and osslsigncode, sections against the files they were made of, GPT and file systems against sgdisk, mtools
# and debugfs.
. "$(dirname "$0")/lib.sh"
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
VECTORS=$TOP/tests/vectors
check "disk and firmware are made again" "$TOP/tests/tools/boot_disk.sh" uki-sdboot "$SCRATCH/machine"
FILES=$SCRATCH/machine/files

# artifact PATH-END FILTER: of the file whose path ends so, in the last JSON. What is inside a UKI has no path of its own.
artifact() { jq -r --arg tail "$1" ".artifacts[] | select((.path | startswith(\"/\")) and (.path | endswith(\$tail))) | $2" "$OUT"; }

# --- Authenticode
pe_files=()
for file in "$FILES"/*; do
    if [ "$(head -c 2 "$file" | tr -d "\0")" = MZ ]; then pe_files+=("$file"); fi
done
check_run "${#pe_files[@]} PE files are read" 0 "$ASSAY" refgen boot --release r --dry-run --json "${pe_files[@]}"
authenticode_agrees() { # FILE
    local algorithm
    for algorithm in sha1 sha256; do
        [ "hash: $(artifact "/$(basename "$1")" ".authenticode.$algorithm")" = "$(pesign -h -d $algorithm -i "$1")" ] || return 1
    done
}
for file in "${pe_files[@]}"; do
    check "$(basename "$file"): pesign computes the same SHA-1 and SHA-256" authenticode_agrees "$file"
done

# --- sections
section_is() { # SECTION FILE
    [ "$(artifact /mbtest.efi ".sections[] | select(.name == \"$1\") | .digests.sha256")" = "$(sha256sum < "$2" | cut -d' ' -f1)" ]
}
for section in osrel cmdline uname; do
    check "the UKI's .$section is the file it was made of" section_is ".$section" "$VECTORS/boot/uki-sdboot/sections/$section"
done
check "and so is its .linux" section_is .linux "$(echo "$FILES"/vmlinuz-*)"
check "and its .initrd" section_is .initrd "$VECTORS/initrd.img"

# --- other people's PE files; the expected digests are pesign's and an independent reader's
if [ -n "$CORPUS" ]; then
    for expected in "$CORPUS"/expected/pe/*.pe.json; do
        name=$(basename "${expected%.pe.json}")
        if [ "$name" = u-root-u-root__Image ]; then # only the beginning of a kernel
            check_run "$name: cut short, so it is refused" 3 "$ASSAY" refgen boot --release r --dry-run --json "$CORPUS/pe/$name"
            continue
        fi
        run 0 "$ASSAY" refgen boot --release r --dry-run --json "$CORPUS/pe/$name"
        check "$name: Authenticode, four algorithms" test "$(artifact "/$name" '.authenticode | [.sha1, .sha256, .sha384, .sha512]')" \
            = "$(jq -r '.authenticode | [.sha1, .sha256, .sha384, .sha512]' "$expected")"
    done
else
    skip "other people's PE files" "no corpus"
fi

# --- a disk: the same files that mtools and debugfs see
esp=$SCRATCH/esp.img root=$SCRATCH/root.img disk=$SCRATCH/machine/disk.img
part() { # NUMBER FILE: what sgdisk says the partition is
    local first last
    first=$(sgdisk -i "$1" "$disk" | sed -n 's/^First sector: \([0-9]*\).*/\1/p')
    last=$(sgdisk -i "$1" "$disk" | sed -n 's/^Last sector: \([0-9]*\).*/\1/p')
    dd if="$disk" of="$2" bs=512 skip="$first" count=$((last - first + 1)) status=none
}
part 1 "$esp"
check_run "a disk is read" 0 "$ASSAY" refgen boot --release r --dry-run --json --image "$disk"
on_disk() { # PATH SHA-256
    [ "$(artifact "$1" .digests.sha256)" = "$2" ] || { echo "# $1: $(artifact "$1" .digests.sha256), expected $2"; return 1; }
}
measured_paths() { jq -r '.artifacts[] | select((.path | startswith("/")) and .digests.sha256 != null) | .path' "$OUT" | sort -u; }
while read -r path; do
    check "$path: as mtools reads it" on_disk "$path" "$(mtype -i "$esp" "::$path" | sha256sum | cut -d' ' -f1)"
done < <(measured_paths)
check "the disk is made again" "$TOP/tests/tools/boot_disk.sh" sb-grub "$SCRATCH/machine"
part 2 "$root"
check_run "a disk with a root file system is read" 0 "$ASSAY" refgen boot --release r --dry-run --json --image "$disk"
for path in $(measured_paths | grep '^/boot/'); do
    check "$path: as debugfs reads it" on_disk "$path" "$(debugfs -R "cat $path" "$root" 2> /dev/null | sha256sum | cut -d' ' -f1)"
done
finish
