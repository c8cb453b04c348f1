# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# What decides the PCRs of a boot, kept so that the boot can be predicted without the
# machine: VM_OUT/boot/files has the contents (each once, zstd), VM_OUT/boot/SCENARIO
# what is the scenario's own. tests/tools/boot_disk.sh makes disk and firmware of it again.
#
#   boot/files/NAME.zst         a file of Debian's, or made here
#   boot/files/NAME.patch.zst   the same, as what it adds to the kernel and the initrd
#   boot/files/SHA256SUMS       of the contents
#   boot/SCENARIO/disk.list     partition, path, and the content's path below boot/

# keep_file FILE: into boot/files.
keep_file() {
	local name dir=$VM_OUT/boot/files sum

	name=$(basename "$1")
	sum=$(sha256sum < "$1" | cut -d' ' -f1)
	mkdir -p "$dir"
	touch "$dir/SHA256SUMS"
	! grep -qxF "$sum  $name" "$dir/SHA256SUMS" || return 0
	! grep -qF "  $name" "$dir/SHA256SUMS" ||
		die "another $name is kept in $dir: run capture.sh --new"
	case $name in
	mbtest.efi)
		cat "$vmlinuz" "$VM_OUT/initrd.img" > "$work/patch-base"
		zstd -qq -f -19 --long=27 --patch-from="$work/patch-base" "$1" -o "$dir/$name.patch.zst" ;;
	*)
		zstd -q -f -19 "$1" -o "$dir/$name.zst" ;;
	esac
	chmod 644 "$dir/$name".*
	printf '%s  %s\n' "$sum" "$name" >> "$dir/SHA256SUMS"
	sort -k2 -o "$dir/SHA256SUMS" "$dir/SHA256SUMS"
}

# keep_on_disk PARTITION /PATH FILE
keep_on_disk() {
	local source

	case $3 in
	"$VM_OUT/boot/"*) source=${3#"$VM_OUT/boot/"} ;;
	"$VM_OUT/"*)      source=../${3#"$VM_OUT/"} ;;
	*)                source=files/$(basename "$3")
	                  keep_file "$3" ;;
	esac
	printf '%s %s %s\n' "$1" "$2" "$source" >> "$VM_OUT/boot/$scenario/disk.list"
}

# The partition table: the first 34 sectors of the disk and the last 33.
partition_table() {
	dd if="$work/disk.img" bs=512 count=34 status=none
	tail -c $((33 * 512)) "$work/disk.img"
}

# What a prediction has to be told: the form is that of assay-refgen-boot.
# The disk is the first device, the network card the third (run_machine).
write_facts() {
	local roms='' tseg=''

	[ "$secure_boot" = 0 ] || tseg='
  "tseg_mib": 16,'
	[ "$network" = 0 ] || roms=',
  "option_roms": [{"file": "efi-virtio.rom", "pci": [3, 0]}]'
	cat <<-FACTS
	{
	  "machine": "q35",
	  "cpus": 1,
	  "max_cpus": 1,
	  "memory_mib": $VM_MEMORY,
	  "s3": false,$tseg
	  "banks": ["sha1", "sha256", "sha384", "sha512"],
	  "boot_order": [{"pci": [1, 0], "description": "UEFI Misc Device"}],
	  "grub_disk": "hd0"$roms
	}
	FACTS
}

# After the boot: disk.list and what it names were kept as the disk was made.
keep_inputs() {
	local kept=$VM_OUT/boot/$scenario file

	keep_file "$ovmf_dir/$firmware"
	[ "$network" = 0 ] || keep_file "$option_rom"
	partition_table > "$work/gpt.bin"
	keep_file "$work/gpt.bin"
	# Not booted, but of the same packages: PE files to try Authenticode on.
	for file in "$shim_dir/fbx64.efi.signed" "$sdboot_dir/linuxx64.efi.stub"; do keep_file "$file"; done
	printf '%s\n' "$firmware" > "$kept/firmware"
	xz -9 -c "$work/vars.fd" > "$kept/vars-after.fd.xz"
	write_facts > "$kept/facts.json"
}
