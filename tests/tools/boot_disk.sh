#!/usr/bin/env bash
# shellcheck disable=SC2034,SC2154 # for and from tests/vm/settings.sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes again what a captured or varied machine was booted from, of what tests/vectors/boot keeps: no network, no
# root, a few seconds. The disk's root file system has nothing but /boot.
# usage: boot_disk.sh SCENARIO OUTDIR
#   OUTDIR gets disk.img, CODE.fd, VARS.fd, VARS-after.fd, facts.json and what that names; in files/ every
#   file of the disk and the firmware as it is.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022
[ $# = 2 ] || { sed -n '/^# usage/,/^#  *file/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$top/tests/vm
. "$here/settings.sh"
. "$here/image.sh"
scenario=$1
boot=${VECTORS:-$top/tests/vectors}/boot
mkdir -p "$2/files"
out=$(cd "$2" && pwd)
work=$out/.work
[ -e "$boot/$scenario/disk.list" ] || die "$boot/$scenario has no disk.list"

# Kept once, compressed; some as patches against others, which "bases" names.
unpack_files() {
    local packed name bases base
    rm -rf "$work"
    mkdir -p "$work/root"
    # There already, from the scenario before.
    ! (cd "$out/files" && sha256sum --status -c "$boot/files/SHA256SUMS" 2> /dev/null) || return 0
    rm -f "$out"/files/*
    for packed in "$boot"/files/*.zst; do
        name=$(basename "${packed%.zst}")
        [ "$name" != "${name%.patch}" ] || zstd -q -d "$packed" -o "$out/files/$name"
    done
    while read -r name bases; do
        for base in $bases; do
            if [ -e "$out/files/$base" ]; then cat "$out/files/$base"; else cat "$boot/../$base"; fi
        done > "$work/base"
        zstd -q -d --long=27 --patch-from="$work/base" "$boot/files/$name.patch.zst" -o "$out/files/$name"
    done < "$boot/files/bases"
    (cd "$out/files" && sha256sum --quiet -c "$boot/files/SHA256SUMS")
}

fill_partitions() {
    local partition path source
    format_esp
    while read -r partition path source; do
        case $source in
        -)       if [ "$partition" = esp ]; then mdel -i "$work/esp.img" "::$path"; else rm "$work/root$path"; fi
                 continue ;;
        files/*) source=$out/$source ;;
        *)       source=$boot/$source ;;
        esac
        case $partition in
        esp)  to_esp "$source" "$path" ;;
        root) mkdir -p "$work/root$(dirname "$path")" && cp "$source" "$work/root$path" ;;
        *)    die "$scenario/disk.list: no partition $partition" ;;
        esac
    done < "$boot/$scenario/disk.list"
    format_root "$work/root"
}

# The kept partition table at both ends, and file systems where it says.
put_partition_table() {
    local table=$out/files/gpt.bin size
    size=$(stat -c %s "$out/disk.img")
    dd if="$table" of="$out/disk.img" bs=512 count=34 conv=notrunc status=none
    dd if="$table" of="$out/disk.img" bs=512 skip=34 seek=$((size / 512 - 33)) conv=notrunc status=none
}

unpack_files
fill_partitions
lay_out "$out/disk.img"
put_partition_table
cp "$out/files/$(cat "$boot/$scenario/firmware")" "$out/CODE.fd"
xz -dc "$boot/$scenario/vars.fd.xz" > "$out/VARS.fd"
xz -dc "$boot/$scenario/vars-after.fd.xz" > "$out/VARS-after.fd"
cp "$boot/$scenario/facts.json" "$out/"
for rom in "$out"/files/*.rom; do [ ! -e "$rom" ] || cp "$rom" "$out/"; done
rm -rf "$work"
