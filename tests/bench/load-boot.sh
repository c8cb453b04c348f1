# shellcheck shell=bash disable=SC2154,SC2034 # variables and functions of tests/bench/run
# SPDX-License-Identifier: BSD-2-Clause
# LB: a disk image of 1 GiB with two boot paths, shim and GRUB and systemd-boot, and three kernels for each, as
# files with their initrds and as UKIs; its boots predicted. Then the same in an image of 4 GiB: memory must stay.

boot_files=$TOP/tests/vectors/boot/files

# boot_parts DIR: three kernels and initrds that differ, UKIs of them, the loaders.
boot_parts() {
    local dir=$1 file n
    mkdir -p "$dir"
    for file in shimx64.efi.signed grubx64.efi.signed systemd-bootx64.efi linuxx64.efi.stub; do
        zstd -qfd "$boot_files/$file.zst" -o "$dir/$file" || return 1
    done
    zstd -qfd "$boot_files"/vmlinuz-*.zst -o "$dir/vmlinuz-1" || return 1
    printf 'NAME="Bench"\nID=bench\nPRETTY_NAME="Bench"\n' > "$dir/osrel"
    for n in 1 2 3; do
        [ $n = 1 ] || cp "$dir/vmlinuz-1" "$dir/vmlinuz-$n"
        printf %s "$n" | dd of="$dir/vmlinuz-$n" bs=1 seek=5000000 conv=notrunc status=none
        openssl enc -aes-128-ctr -K "$(printf %032d "$n")" -iv 0 -nosalt < /dev/zero 2> /dev/null | head -c 40M > "$dir/initrd-$n"
        printf 'quiet root=/dev/vda3 kernel=%s' "$n" > "$dir/cmdline"
        objcopy -p --add-section .osrel="$dir/osrel" --change-section-vma .osrel=0x20000 \
            --add-section .cmdline="$dir/cmdline" --change-section-vma .cmdline=0x30000 \
            --add-section .linux="$dir/vmlinuz-$n" --change-section-vma .linux=0x2000000 \
            --add-section .initrd="$dir/initrd-$n" --change-section-vma .initrd=0x3000000 \
            "$dir/linuxx64.efi.stub" "$dir/uki-$n.efi" || return 1
    done
}

# boot_image IMAGE MIB PARTS: ESP with shim and GRUB, ESP with systemd-boot and the UKIs, the rest an ext4 /boot.
boot_image() {
    local image=$1 mib=$2 parts=$3 dir=$3/root n
    rm -rf "$dir" "$parts"/*.img
    mkdir -p "$dir/boot/grub"
    truncate -s 64M "$parts/esp1.img" && truncate -s 256M "$parts/esp2.img" && truncate -s "$((mib - 322))M" "$parts/boot.img"
    mkfs.vfat -F 32 -i 00000001 "$parts/esp1.img" > /dev/null && mkfs.vfat -F 32 -i 00000002 "$parts/esp2.img" > /dev/null || return 1
    mmd -i "$parts/esp1.img" ::/EFI ::/EFI/BOOT ::/EFI/debian && mmd -i "$parts/esp2.img" ::/EFI ::/EFI/BOOT ::/EFI/Linux || return 1
    # shellcheck disable=SC2016 # GRUB expands them
    printf 'search.fs_uuid 6d656173-7572-6564-2d62-6f6f740000f5 root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' > "$parts/esp.cfg"
    mcopy -i "$parts/esp1.img" "$parts/shimx64.efi.signed" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$parts/esp1.img" "$parts/grubx64.efi.signed" ::/EFI/BOOT/grubx64.efi
    mcopy -i "$parts/esp1.img" "$parts/esp.cfg" ::/EFI/debian/grub.cfg
    mcopy -i "$parts/esp2.img" "$parts/systemd-bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
    echo 'set timeout=0' > "$dir/boot/grub/grub.cfg"
    for n in 1 2 3; do
        mcopy -i "$parts/esp2.img" "$parts/uki-$n.efi" "::/EFI/Linux/bench-$n.efi" || return 1
        cp "$parts/vmlinuz-$n" "$parts/initrd-$n" "$dir/boot/"
        printf 'menuentry "kernel %s" {\nlinux /boot/vmlinuz-%s root=/dev/vda3 kernel=%s\ninitrd /boot/initrd-%s\n}\n' \
            $n $n $n $n >> "$dir/boot/grub/grub.cfg"
    done
    mke2fs -q -t ext4 -U 6d656173-7572-6564-2d62-6f6f740000f5 -d "$dir" "$parts/boot.img" 2> /dev/null || return 1
    rm -f "$image"
    truncate -s "${mib}M" "$image"
    dd if="$parts/esp1.img" of="$image" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$parts/esp2.img" of="$image" bs=1M seek=65 conv=notrunc,sparse status=none
    dd if="$parts/boot.img" of="$image" bs=1M seek=321 conv=notrunc,sparse status=none
    sgdisk -n 1:2048:+64M -t 1:EF00 -n 2:0:+256M -t 2:EF00 -n "3:0:+$((mib - 322))M" -t 3:8300 "$image" > "$parts/sgdisk.log" || return 1
    rm -rf "$dir" "$parts"/*.img
}

load_LB() {
    local dir=$BENCH_DIR/lb n parts=() PATH=$PATH:/usr/sbin:/sbin
    if [ ! -e "$dir.done" ]; then
        if ! have mke2fs || ! have mcopy || ! have sgdisk || ! have mkfs.vfat || ! have objcopy; then
            echo "LB      needs e2fsprogs, mtools, dosfstools, gdisk and binutils: not run"; FAILED=1; return
        fi
        boot_parts "$dir" && boot_image "$dir.small.img" 1024 "$dir" && boot_image "$dir.large.img" 4096 "$dir" ||
            { echo "LB      the images cannot be made"; FAILED=1; return; }
        touch "$dir.done"
    fi
    # What is measured: a kernel as GRUB's file and, in a UKI, by Authenticode; an initrd as GRUB's file and as
    # systemd-stub hands it on; a UKI by Authenticode and its sections; loaders by Authenticode. What a prediction
    # says besides (digests of whole PE files) is not counted.
    for n in 1 2 3; do parts+=("2:$dir/vmlinuz-$n" "2:$dir/initrd-$n" "2:$dir/uki-$n.efi"); done
    parts+=("1:$dir/shimx64.efi.signed" "1:$dir/grubx64.efi.signed" "1:$dir/systemd-bootx64.efi")
    predicted() { measure "$1" "$ASSAY" refgen boot -q --release bench --dry-run --image "$dir.$2.img"; }
    ours() { predicted ours small; }
    large() { predicted large large; }
    bare() { measure bare "$BENCH_PROGRAMS/bare_boot" "${parts[@]}"; }
    both() { ours; large; }
    turns both '' bare
    n=$(grep -c ' events; PCRs of ' "$WORK/ours.out")
    [ "$n" -ge 6 ] || { echo "LB      $n boots were predicted, not six"; FAILED=1; }
    if cut -d' ' -f4 "$WORK/ours" "$WORK/large" | grep -qvx 0; then
        echo "LB      assay failed:"; tail -n 5 "$WORK/ours.err" "$WORK/large.err"; FAILED=1
    fi
    row LB "assay, 1 GiB, $n boots" ours
    row LB "assay, 4 GiB" large
    row LB "bare: read once, hash what is measured" bare
    awk -v a="$(median "$WORK/ours" 1)" -v b="$(median "$WORK/bare" 1)" -v p="$(median "$WORK/ours" 3)" \
        -v q="$(median "$WORK/large" 3)" 'BEGIN {
        printf "LB      of the bare cost: %.2fx (target <= 1.1x); memory of 4 GiB to that of 1 GiB: %.2fx (target 1x)\n", a / b, q / p }'
    rm -f "$WORK"/ours* "$WORK"/large* "$WORK"/bare*
}
