#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What core/disk sees of disk images, beside what mtools, debugfs, blkid and sgdisk see of them:
# names, bytes, order on disk, UUIDs, the GPT. Damaged images, and directories whose links lead out.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
VIEW=$TEST_PROGRAMS/tools/disk_view
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null
cd "$SCRATCH" || exit 1

# random SIZE: the same bytes in every run
random() { openssl enc -aes-128-ctr -K "$(printf '%032x' "$1")" -iv 0 -in /dev/zero 2> /dev/null | head -c "$1"; }

# --- FAT: 12, 16 and 32, against mtools ----------------------------------------------------------
fat_fill() { # IMAGE
    local i
    mmd -i "$1" ::/EFI ::/EFI/Linux ::/loader ::/loader/entries
    for i in 0 1 511 512 513 4096 70000 300001; do random "$i" > f; mcopy -i "$1" f "::/EFI/file-of-$i.bin"; done
    for i in 3 1 2 7 5 4 6; do echo "$i" > f; mcopy -i "$1" f "::/loader/entries/a-long-entry-name-$i+3.conf"; done
    mdel -i "$1" ::/loader/entries/a-long-entry-name-1+3.conf ::/loader/entries/a-long-entry-name-5+3.conf
    for i in 9 8; do echo "$i" > f; mcopy -i "$1" f "::/loader/entries/e$i.conf"; done
    # a file in pieces: what was deleted leaves holes in the table
    random 20000 > f; for i in a b c d; do mcopy -i "$1" f "::/EFI/Linux/$i"; done
    mdel -i "$1" ::/EFI/Linux/a ::/EFI/Linux/c
    random 90001 > f; mcopy -i "$1" f ::/EFI/Linux/PIECES.EFI
    echo umlaut > f; mcopy -i "$1" f '::/EFI/Ünïcode name.txt'
}
# Every file of an image: SHA-256 and path, as Assay lists them and as another program took them out.
ours() { sed -n 's/^f [0-9]* \([0-9a-f]*\) /\1  ./p' view.txt | sort; }
theirs() { (cd dump && find . -type f -exec sha256sum {} + | sort); }
# A directory's entries in Assay's order.
order() { sed 1d view.txt | cut -d' ' -f4- | awk -v d="${1%/}/" 'index($0, d) == 1 { n = substr($0, length(d) + 1); if (n !~ "/") print n }'; }
fat_same() { # IMAGE
    run 0 "$VIEW" list "$1" disk || return 1
    cp "$OUT" view.txt
    rm -rf dump; mkdir dump; mcopy -s -n -i "$1" ::/ dump/ || return 1
    theirs > mtools.txt; ours > ours.txt; same mtools.txt ours.txt
}
fat_order() { # IMAGE DIR: mdir gives its entries in the order of their slots
    mdir -b -i "$1" "::$2" | sed "s|^::$2/||; s|/\$||" > mtools.txt
    order "$2" > ours.txt; same mtools.txt ours.txt
}
for bits in 12 16 32; do
    case $bits in 12) kib=2048 cluster=1 ;; 16) kib=12288 cluster=2 ;; 32) kib=36864 cluster=1 ;; esac
    truncate -s ${kib}K fat$bits.img
    mkfs.vfat -F $bits -s $cluster -n "MB ESP" -i 1234abcd --invariant fat$bits.img > /dev/null 2>&1
    fat_fill fat$bits.img
    check "FAT$bits: the bytes of every file are mtools'" fat_same fat$bits.img
    for dir in /EFI /loader/entries /EFI/Linux; do check "FAT$bits: $dir in the order of its slots" fat_order fat$bits.img $dir; done
    check "FAT$bits: serial number and label" contains view.txt "fat uuid=1234-ABCD label=MB ESP"
    check "FAT$bits: a long name outside of ASCII" contains view.txt "/EFI/Ünïcode name.txt"
    check_run "FAT$bits: names in any case, short and long ones, both separators" 0 "$VIEW" cat fat$bits.img disk '\efi\LINUX\pieces.efi'
done
check "blkid has the same UUID" [ "$(blkid -p -s UUID -o value fat32.img)" = 1234-ABCD ]
check_run "a file that is not there" 3 "$VIEW" cat fat32.img disk /EFI/none

# --- ext2, ext3, ext4, against debugfs ------------------------------------------------------------
mkdir -p tree/boot/grub tree/loader/entries tree/many tree/l
for i in 0 1 1024 4095 4096 70000 300001 5000000; do random "$i" > "tree/boot/file-$i"; done
for i in $(seq 1 400); do echo "$i" > "tree/many/$(printf 'a-rather-long-name-of-an-entry-%04d.conf' $((i * 7919 % 10007)))"; done
truncate -s 3M tree/boot/sparse; random 100 | dd of=tree/boot/sparse bs=1 seek=2000000 conv=notrunc status=none
ln -s ../boot/file-1024 tree/l/relative
ln -s /boot/file-1024 tree/l/absolute
ln -s ../../../../../../boot/file-1024 tree/l/above
ln -s "/boot/$(printf './%.0s' $(seq 1 60))file-1024" tree/l/long
ln -s loop tree/l/loop
ln -s ../boot tree/l/dir
ext_same() { # IMAGE
    local path out=0
    run 0 "$VIEW" list "$1" disk || return 1
    cp "$OUT" view.txt
    rm -rf dump; mkdir dump; debugfs -R "rdump / dump" "$1" > /dev/null 2>&1
    theirs > debugfs.txt; ours > ours.txt; same debugfs.txt ours.txt || out=1
    for path in /many /boot /; do
        debugfs -R "ls -p $path" "$1" 2> /dev/null | awk -F/ '$6 != "." && $6 != ".." && $2 != 0 && NF > 5 { print $6 }' > debugfs.txt
        order "$path" > ours.txt; same debugfs.txt ours.txt || out=1
    done
    return $out
}
mv tree/l/loop loop.link
for what in "ext2 -b 1024" "ext3 -b 1024" "ext4 -b 4096" "ext4 -b 1024 -O ^64bit,^metadata_csum" "ext4 -b 2048 -O ^extent"; do
    # shellcheck disable=SC2086 # words
    mke2fs -q -t $what -L mbroot -U 01234567-89ab-cdef-0123-456789abcdef -d tree ext.img 24M > /dev/null 2>&1
    check "$what: bytes and order are debugfs'" ext_same ext.img
    check "$what: UUID and label" contains view.txt "ext uuid=01234567-89ab-cdef-0123-456789abcdef label=mbroot"
    for link in relative absolute above long; do
        check "$what: a $link link" [ "$("$VIEW" cat ext.img disk /l/$link | sha256sum)" = "$(sha256sum < tree/boot/file-1024)" ]
    done
    check_run "$what: through a directory's link" 0 "$VIEW" cat ext.img disk /l/dir/file-1
    cp ext.img "$(tr -c 'a-z0-9\n' _ <<< "$what").img"
done
cp ext3__b_1024.img changed.img
debugfs -w -R "rm /many/a-rather-long-name-of-an-entry-0019.conf" changed.img > /dev/null 2>&1
echo new > new; debugfs -w -R "write new /many/zz" changed.img > /dev/null 2>&1
check "ext3: deleted and added entries" ext_same changed.img
mv loop.link tree/l/loop
mke2fs -q -t ext4 -d tree loop.img 24M > /dev/null 2>&1
check_run "a link to itself ends" 3 "$VIEW" cat loop.img disk /l/loop
check "and is named" contains "$ERR" "more than 40 symbolic links"

# --- GPT ---------------------------------------------------------------------------------------
truncate -s 64M disk.img
sgdisk -U 11111111-2222-3333-4444-555555555555 -n 1:2048:+36M -t 1:EF00 -c '1:EFI System Partition' \
    -n 5:0:+24M -t 5:8304 -c 5:root disk.img > /dev/null
dd if=fat32.img of=disk.img bs=1M seek=1 conv=notrunc status=none
dd if=ext4__b_4096.img of=disk.img bs=1M seek=37 conv=notrunc status=none
# UEFI_GPT_DATA by hand: header, count, used entries
{ dd if=disk.img bs=1 skip=512 count=92; printf '\2\0\0\0\0\0\0\0'; dd if=disk.img bs=128 skip=8 count=1
  dd if=disk.img bs=128 skip=12 count=1; } 2> /dev/null | xxd -p | tr -d '\n' > event; echo >> event
event_same() { head -1 "$OUT" > ours.txt; same event ours.txt; }
check_run "a GPT" 0 "$VIEW" gpt disk.img
check "its event is header, count and used entries" event_same
printf '1 2048 75775 EFI System Partition\n5 75776 124927 root\n' > partitions; tail -2 "$OUT" > ours.txt
check "its partitions have numbers and names" same partitions ours.txt
check_run "sgdisk finds no fault in it" 0 sgdisk -v disk.img
check "and says so" contains "$OUT" "No problems found"
# Of the event alone, as hex: a GUID (its first three parts are little endian), a u64.
guid_at() { cut -c$((2 * $1 + 1))-$((2 * $1 + 32)) event | sed -E 's/^(..)(..)(..)(..)(..)(..)(..)(..)/\4\3\2\1-\6\5-\8\7-/; s/^(.{19})(....)/\1\2-/' | tr a-f A-F; }
u64_at() { echo $((16#$(cut -c$((2 * $1 + 1))-$((2 * $1 + 16)) event | sed -E 's/(..)(..)(..)(..)(..)(..)(..)(..)/\8\7\6\5\4\3\2\1/'))); }
entry_is() { # PARTITION ENTRY: what sgdisk -i says of the partition is in that entry of the event
    local at=$((100 + 128 * $2))
    sgdisk -i "$1" disk.img > info.txt
    contains info.txt "Partition GUID code: $(guid_at $at)" && contains info.txt "Partition unique GUID: $(guid_at $((at + 16)))" &&
        contains info.txt "First sector: $(u64_at $((at + 32))) " && contains info.txt "Last sector: $(u64_at $((at + 40))) "
}
"$VIEW" gpt disk.img | head -1 > event
check "the event has the disk's GUID" [ "$(guid_at 56)" = 11111111-2222-3333-4444-555555555555 ]
check "two partitions" [ "$(u64_at 92)" = 2 ]
check "the first as sgdisk -i shows it: GUIDs and sectors" entry_is 1 0
check "and the fifth" entry_is 5 1
check_run "FAT in a partition" 0 "$VIEW" list disk.img partition=1
check "is the FAT" contains "$OUT" "fat uuid=1234-ABCD"
check_run "ext4 in a partition" 0 "$VIEW" list disk.img partition=2
check "is the ext4" contains "$OUT" "ext uuid=01234567"
cp disk.img bad.img; printf xxxx | dd of=bad.img bs=1 seek=600 conv=notrunc status=none
check_run "a GPT header whose checksum does not hold" 3 "$VIEW" gpt bad.img
check "is named" contains "$ERR" "CRC-32"
check_run "no GPT, no event" 3 "$VIEW" gpt fat32.img
check "is said" contains "$ERR" "no GPT"
printf 'QFI\373rest of a qcow2 image' > q.img
check_run "half a qcow2 image is none" 3 "$VIEW" gpt q.img
check "and is called so" contains "$ERR" "qcow2: ends inside its header"

# --- a fixed VHD, which libtsk opens ------------------------------------------------------------------
python3 - disk.img disk.vhd << 'END'
import struct, sys
raw = open(sys.argv[1], "rb").read()
footer = bytearray(b"conectix" + struct.pack(">IIQI4sI4sQQHBBI", 2, 0x10000, 2**64 - 1, 0, b"test", 1, b"Wi2k",
                                             len(raw), len(raw), 1024, 4, 32, 2)).ljust(512, b"\0")
footer[64:68] = struct.pack(">I", ~sum(footer) & 0xFFFFFFFF)
open(sys.argv[2], "wb").write(raw + footer)
END
check_run "a VHD through libtsk" 0 "$VIEW" gpt disk.vhd
check "has the same GPT" event_same
check_run "and the same files" 0 "$VIEW" list disk.vhd partition=1
cp "$OUT" ours.txt; "$VIEW" list disk.img partition=1 > raw.txt
check "byte for byte" same raw.txt ours.txt
head -c 4000 disk.img > bad.vhd; tail -c 512 disk.vhd | tr '\2' '\7' >> bad.vhd
# Under the sanitizers: libvhdi leaks what it had when it finds the damage.
check_run "a damaged VHD" 3 env ASAN_OPTIONS=detect_leaks=0 "$VIEW" list bad.vhd disk

# --- ISO 9660 with Rock Ridge, and its El Torito image, against the tree it was made of ------------------
mkdir -p cd/boot/grub cd/EFI
echo 'menuentry x { true }' > cd/boot/grub/grub.cfg
ln -s boot/grub/grub.cfg cd/link
random 70001 > "cd/boot/a rather long name.with.dots and blanks"
truncate -s 2M cd/EFI/efi.img
mkfs.vfat -i feedbeef --invariant cd/EFI/efi.img > /dev/null 2>&1
mmd -i cd/EFI/efi.img ::/EFI ::/EFI/BOOT; mcopy -i cd/EFI/efi.img new ::/EFI/BOOT/BOOTX64.EFI
xorriso -as mkisofs -quiet -R -V MBISO -o cd.iso -e EFI/efi.img -no-emul-boot cd 2> /dev/null
iso_same() {
    run 0 "$VIEW" list cd.iso disk || return 1
    grep -v boot.catalog "$OUT" > view.txt
    (cd cd && find . -type f -exec sha256sum {} + | sort) > tree.txt; ours > ours.txt; same tree.txt ours.txt
}
check "ISO 9660: names and bytes" iso_same
check "its UUID is blkid's" contains view.txt "iso9660 uuid=$(blkid -p -s UUID -o value cd.iso) label=MBISO"
check "a Rock Ridge link" [ "$("$VIEW" cat cd.iso disk /link)" = 'menuentry x { true }' ]
check_run "the image firmware boots" 0 "$VIEW" cat cd.iso el-torito /efi/boot/bootx64.efi
check "is the FAT in it" same new "$OUT"
check_run "a CD that boots nothing" 3 "$VIEW" list fat32.img el-torito

# --- directories -----------------------------------------------------------------------------------
mkdir -p esp/EFI/BOOT
echo inside > esp/EFI/BOOT/BOOTX64.EFI
ln -s /etc/passwd esp/EFI/out
ln -s ../../../../../../../../../../etc/passwd esp/EFI/out2
ln -s / esp/EFI/top
check_run "a directory with EFI in it: any case" 0 "$VIEW" cat esp directory /efi/boot/bootx64.efi
check_run "an absolute link stays inside" 3 "$VIEW" cat esp directory /EFI/out
check_run "a relative one, too" 3 "$VIEW" cat esp directory /EFI/out2
check_run "/ is the directory itself" 0 "$VIEW" cat esp directory /EFI/top/EFI/BOOT/BOOTX64.EFI
check_run "case matters elsewhere" 3 "$VIEW" cat tree directory /BOOT/file-1

# --- damage: nothing crashes, nothing runs on ---------------------------------------------------------
truncate -s 256K small.img
mkfs.vfat -F 12 -s 1 --invariant small.img > /dev/null 2>&1
mmd -i small.img ::/EFI ::/loader; random 20000 > f
mcopy -i small.img f "::/EFI/a long name.efi"; mcopy -i small.img new ::/loader/x.conf
# damaged WHAT IMAGE ROUNDS: most of the damage must not be found on opening already.
damaged() {
    check_run "a damaged $1" 0 timeout 120 "$VIEW" damage "$2" disk "$3"
    check "which often can be opened still" awk -v n="$3" '{ exit !($1 > n / 4) }' "$OUT"
}
damaged FAT small.img 3000
rm -rf tree/boot/file-5000000 tree/boot/file-300001 tree/boot/sparse tree/many
mke2fs -q -t ext4 -b 1024 -I 128 -N 64 -O ^has_journal -d tree small-ext4.img 400K > /dev/null 2>&1
mke2fs -q -t ext2 -b 1024 -I 128 -N 64 -d tree small-ext2.img 400K > /dev/null 2>&1
truncate -s 400K small-ext4.img small-ext2.img
damaged ext4 small-ext4.img 2000
damaged ext2 small-ext2.img 2000
xorriso -as mkisofs -quiet -R -no-pad -o small.iso esp 2> /dev/null
damaged "ISO 9660" small.iso 2000
finish
