# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# What decides the PCRs of a boot, kept so that the boot can be predicted without the
# machine: VM_OUT/boot/files has the contents (each once, zstd), VM_OUT/boot/SCENARIO
# what is the scenario's own. tests/tools/boot_disk.sh makes disk and firmware of it again.
#
#   boot/files/NAME.zst         a file of Debian's, or made here
#   boot/files/NAME.patch.zst   the same, as what it adds to others: those that boot/files/bases lists
#   boot/files/SHA256SUMS       of the contents
#   boot/SCENARIO/disk.list     partition, path, and the content's path below boot/

# keep_file FILE [NAME [BASE...]]: into boot/files; as a patch if there are bases.
keep_file() {
	local file=$1 name=${2:-$(basename "$1")} dir=$VM_OUT/boot/files sum base

	[ "$keep" = 1 ] || return 0
	mkdir -p "$dir"
	exec 8> "$VM_WORK/keep.lock"
	flock 8 # machines are made two at a time
	touch "$dir/SHA256SUMS" "$dir/bases"
	sum=$(sha256sum < "$file" | cut -d' ' -f1)
	if ! grep -qxF "$sum  $name" "$dir/SHA256SUMS"; then
		! awk -v name="$name" '$2 == name { found = 1 } END { exit !found }' "$dir/SHA256SUMS" ||
			die "another $name is kept in $dir: run capture.sh --new"
		if [ $# -gt 2 ]; then
			shift 2
			base=$(mktemp "$work/base.XXXXXX")
			cat "$@" > "$base"
			zstd -qq -f "-$VM_ZSTD" --long=27 --patch-from="$base" "$file" -o "$dir/$name.patch.zst"
			rm "$base"
			printf '%s' "$name" >> "$dir/bases"
			printf ' %s' "${@##*/}" >> "$dir/bases"
			echo >> "$dir/bases"
			sort -o "$dir/bases" "$dir/bases"
		else
			zstd -q -f "-$VM_ZSTD" "$file" -o "$dir/$name.zst"
		fi
		chmod 644 "$dir/$name".*
		printf '%s  %s\n' "$sum" "$name" >> "$dir/SHA256SUMS"
		sort -k2 -o "$dir/SHA256SUMS" "$dir/SHA256SUMS"
	fi
	exec 8>&-
}

# forget: what boot/files has of this scenario alone.
forget() {
	local dir=$VM_OUT/boot/files

	exec 8> "$VM_WORK/keep.lock"
	flock 8
	rm -f "$dir/$scenario"-*
	sed -i "/  $scenario-/d" "$dir/SHA256SUMS"
	sed -i "/^$scenario-/d" "$dir/bases"
	exec 8>&-
}

# keep_on_disk PARTITION /PATH FILE: - for a file that is taken away.
keep_on_disk() {
	local source name base bases=()

	[ "$keep" = 1 ] || return 0
	case $3 in
	-)                   source=- ;;
	"$VM_OUT/boot/"*)    source=${3#"$VM_OUT/boot/"} ;;
	"$VM_OUT/"*)         source=../${3#"$VM_OUT/"} ;;
	"$work/"*)           # made here: each scenario its own
	                     name=$(basename "$3")
	                     [ "$name" = mbtest.efi ] && [ "$scenario" = uki-sdboot ] || name=$scenario-$name
	                     case $name in
	                     *grubx64.efi) bases=("$grub_dir/grubx64.efi.signed") ;;
	                     *sdboot.efi)  bases=("$sdboot_dir/systemd-bootx64.efi") ;;
	                     *.efi)        bases=("$vmlinuz" "$initrd") ;;
	                     esac
	                     for base in "${bases[@]}"; do keep_base "$base"; done
	                     keep_file "$3" "$name" "${bases[@]}"
	                     source=files/$name ;;
	*)                   keep_file "$3"
	                     source=files/$(basename "$3") ;;
	esac
	printf '%s %s %s\n' "$1" "$2" "$source" >> "$VM_OUT/boot/$scenario/disk.list"
}

# keep_base FILE: unless it is kept beside boot/.
keep_base() { [ "$1" = "$VM_OUT/initrd.img" ] || keep_file "$1"; }

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
	  "cpus": $cpus,
	  "max_cpus": $cpus,
	  "memory_mib": $memory,
	  "s3": false,$tseg
	  "banks": ["sha1", "sha256", "sha384", "sha512"],
	  "boot_order": [$boot_order],
	  "grub_disk": "hd0"$roms$more_facts
	}
	FACTS
}

# Before the boot.
keep_variables() { xz -9 -c "$work/vars.fd" > "$VM_OUT/boot/$scenario/vars.fd.xz"; }

# After it: disk.list and what it names were kept as the disk was made.
keep_inputs() {
	local kept=$VM_OUT/boot/$scenario

	keep_file "$ovmf_dir/$firmware"
	[ "$network" = 0 ] || keep_file "$option_rom"
	partition_table > "$work/gpt.bin"
	keep_file "$work/gpt.bin"
	printf '%s\n' "$firmware" > "$kept/firmware"
	xz -9 -c "$work/vars.fd" > "$kept/vars-after.fd.xz"
	write_facts > "$kept/facts.json"
}

# Not booted, but of the same packages: PE files to try Authenticode on.
keep_more_images() {
	local file

	for file in "$shim_dir/fbx64.efi.signed" "$sdboot_dir/linuxx64.efi.stub"; do keep_file "$file"; done
}
