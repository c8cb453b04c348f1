# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# The disk of a scenario: an EFI system partition (ESP) and an ext4 root, in a GPT.
# What boot reads of it is kept, too: keep.sh.

format_esp() {
	rm -f "$work/esp.img"
	truncate -s "${esp_mib}M" "$work/esp.img"
	mkfs.vfat -F 32 -n MBESP -i "$esp_volume" --invariant "$work/esp.img" > /dev/null
}

# to_esp FILE /PATH
to_esp() {
	local dir='' part parts

	IFS=/ read -r -a parts <<< "$(dirname "${2#/}")"
	for part in "${parts[@]}"; do
		dir=$dir/$part
		mmd -D s -i "$work/esp.img" "::$dir" 2> /dev/null || true
	done
	mcopy -o -i "$work/esp.img" "$1" "::$2"
}

# on_esp FILE /PATH: and kept. Replaces what was there; not_on_esp /PATH takes it away.
on_esp() {
	to_esp "$1" "$2"
	keep_on_disk esp "$2" "$1"
}
not_on_esp() {
	mdel -i "$work/esp.img" "::$1"
	keep_on_disk esp "$1" -
}

# on_root FILE /PATH: into the directory that becomes the root, and kept.
on_root() {
	mkdir -p "$work/root$(dirname "$2")"
	cp "$1" "$work/root$2"
	keep_on_disk root "$2" "$1"
}

uki_stub=$sdboot_dir/linuxx64.efi.stub

# systemd-stub and its sections, .linux above all others.
make_uki() {
	local sections=$work/uki base

	base=$((16#$(objdump -p "$uki_stub" | awk '$1 == "ImageBase" { print $2 }')))
	mkdir -p "$sections"
	printf 'NAME="Measured Boot Test"\nID=mbtest\nVERSION_ID=1\nPRETTY_NAME="Measured Boot Test UKI"\n' > "$sections/osrel"
	printf '%s' "$cmdline" > "$sections/cmdline" # no newline: measured as it is
	printf '%s' "$kernel_version" > "$sections/uname"
	# -p keeps the stub's time stamp; else each UKI would have its own, and PCR 4 with it.
	objcopy -p --add-section .osrel="$sections/osrel" --change-section-vma .osrel=$((base + 0x20000)) \
		--add-section .cmdline="$sections/cmdline" --change-section-vma .cmdline=$((base + 0x30000)) \
		--add-section .uname="$sections/uname" --change-section-vma .uname=$((base + 0x40000)) \
		--add-section .linux="$vmlinuz" --change-section-vma .linux=$((base + 0x2000000)) \
		--add-section .initrd="$initrd" --change-section-vma .initrd=$((base + 0x3000000)) \
		"$uki_stub" "$work/mbtest.efi"
}

make_esp() {
	local kept=$VM_OUT/boot/$scenario

	rm -rf "$kept"
	mkdir -p "$kept"
	format_esp
	case $loader in
	grub)
		# What Debian installs, less fbx64.efi: beside a TPM it would write a Boot#### entry
		# and reset the machine. The signed GRUB reads /EFI/debian/grub.cfg first.
		# shellcheck disable=SC2016 # GRUB expands these
		printf 'search.fs_uuid %s root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' \
			"$root_uuid" > "$kept/esp-grub.cfg"
		on_esp "$shim_dir/shimx64.efi.signed" /EFI/BOOT/BOOTX64.EFI
		on_esp "$shim_dir/mmx64.efi.signed" /EFI/BOOT/mmx64.efi
		on_esp "$grub_dir/grubx64.efi.signed" /EFI/BOOT/grubx64.efi
		on_esp "$kept/esp-grub.cfg" /EFI/debian/grub.cfg ;;
	uki)
		# The stub packs credentials (PCR 12) and extensions (PCR 13) into cpio archives.
		printf 'timeout 0\ndefault mbtest.efi\n' > "$kept/loader.conf"
		printf 'credential for the measured boot test\n' > "$kept/mbtest.cred"
		printf 'not a real extension image, just bytes\n' > "$kept/mbtest.raw"
		make_uki
		cp -r "$work/uki" "$kept/sections"
		on_esp "$sdboot_dir/systemd-bootx64.efi" /EFI/BOOT/BOOTX64.EFI
		on_esp "$work/mbtest.efi" /EFI/Linux/mbtest.efi
		on_esp "$kept/mbtest.cred" /EFI/Linux/mbtest.efi.extra.d/mbtest.cred
		on_esp "$kept/mbtest.raw" /EFI/Linux/mbtest.efi.extra.d/mbtest.raw
		on_esp "$kept/loader.conf" /loader/loader.conf ;;
	stub)
		# Started by a Boot#### entry: make_variables.
		on_esp "$vmlinuz" /EFI/mbtest/vmlinuz.efi
		on_esp "$initrd" /EFI/mbtest/initrd.img ;;
	esac
}

add_grub_files() {
	local config=$VM_OUT/boot/$scenario/grub.cfg

	on_root "$vmlinuz" "/boot/vmlinuz-$kernel_version"
	on_root "$initrd" "/boot/initrd.img-$kernel_version"
	cat > "$config" <<-CONFIG
	set default=0
	set timeout=0
	menuentry 'Measured Boot Test, with Linux $kernel_version' {
		insmod part_gpt
		insmod ext2
		search --no-floppy --fs-uuid --set=root $root_uuid
		echo	'Loading Linux $kernel_version ...'
		linux	/boot/vmlinuz-$kernel_version $cmdline
		echo	'Loading initial ramdisk ...'
		initrd	/boot/initrd.img-$kernel_version
	}
	CONFIG
	on_root "$config" /boot/grub/grub.cfg
}

# A script and a program of no package, and a packaged program that was changed but has
# its IMA signature still.
add_attack() {
	local root=$1 signature

	install -D -m 755 "$here/guest/attack.sh" "$root/etc/rc.d/rc.local"
	mkdir -p "$root/usr/local/bin"
	printf '#!/bin/sh\necho "script of no package"\nid\n' > "$root/usr/local/bin/implant.sh"
	cp "$(command -v printenv)" "$root/usr/local/bin/implant"
	printf implant >> "$root/usr/local/bin/implant"
	chmod 755 "$root"/usr/local/bin/*
	signature=$(getfattr --absolute-names --only-values -n security.ima "$root/usr/bin/uname" | xxd -p | tr -d '\n')
	printf tampered >> "$root/usr/bin/uname" # after the ELF image: it still runs
	setfattr -n security.ima -v "0x$signature" "$root/usr/bin/uname"
}

make_root() {
	local root=$work/root

	install_packages "$root"
	[ "$loader" != grub ] || add_grub_files
	[ "$attack" = 0 ] || add_attack "$root"
	format_root "$root"
}

# format_root DIRECTORY: needs no root, but then the files belong to whoever runs it.
format_root() {
	local root=$1

	find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	rm -f "$work/root.img"
	E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -b 4096 -L mbroot -U "$root_uuid" \
		-O ^metadata_csum,^64bit,^orphan_file -E hash_seed="$root_uuid",lazy_itable_init=0,root_owner=0:0 \
		-d "$root" "$work/root.img" "${root_mib}M" > "$work/mke2fs.log" 2>&1 ||
		{ cat "$work/mke2fs.log" >&2; die "mke2fs failed"; }
}

# lay_out DISK: an empty disk without a partition table; the file systems where the GPT says.
lay_out() {
	rm -f "$1"
	truncate -s "$((esp_mib + root_mib + 2))M" "$1"
	dd if="$work/esp.img" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$work/root.img" of="$1" bs=1M seek=$((1 + esp_mib)) conv=notrunc,sparse status=none
}

make_disk() {
	local disk=$work/disk.img

	need objcopy mkfs.vfat mmd mcopy mke2fs sgdisk rpm setfattr getfattr xxd
	log "$scenario: making the disk"
	mkdir -p "$work"
	make_esp
	make_root
	partition "$disk"
}

# partition DISK: the file systems, and a GPT around them.
partition() {
	lay_out "$1"
	sgdisk -U "$disk_guid" \
		-n "1:2048:+${esp_mib}M" -t 1:EF00 -c '1:EFI System Partition' -u "1:$esp_guid" \
		-n "2:0:+${root_mib}M" -t 2:8304 -c 2:root -u "2:$root_guid" "$1" > "$work/sgdisk.log"
}
