# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the files beside this one
# SPDX-License-Identifier: BSD-2-Clause
#
# What may be set from outside, what is fixed so that measurements repeat, and the
# scenarios. README.md explains each.

: "${VM_WORK:=${TMPDIR:-/tmp}/assay-vm}"            # images, machine state, private keys
: "${VM_OUT:=$here/../vectors}"                     # where the vectors go
: "${VM_KERNEL_DEB:=}"                              # a linux-image-*-amd64 .deb; else downloaded
: "${VM_TIMEOUT:=900}"                              # seconds until a boot is given up
: "${VM_MEMORY:=512}"                               # MiB
: "${VM_ACCEL:=tcg}"
: "${VM_CPU:=Nehalem,+rdrand}"
: "${VM_TPM:=tpm-tis}"                              # or tpm-crb
: "${VM_JOBS:=2}"                                   # machines at a time
: "${VM_ZSTD:=19}"                                  # how hard what is kept is packed

# Where Debian's packages put firmware and boot loaders.
ovmf_dir=/usr/share/OVMF
shim_dir=/usr/lib/shim
grub_dir=/usr/lib/grub/x86_64-efi-signed
sdboot_dir=/usr/lib/systemd/boot/efi
option_rom=/usr/lib/ipxe/qemu/efi-virtio.rom

# File times in packages and images.
export SOURCE_DATE_EPOCH=1767225600

# The GPT and the file systems; PCR 5 measures the GUIDs and the sizes.
disk_guid=6d656173-7572-6564-2d62-6f6f74000001
esp_guid=6d656173-7572-6564-2d62-6f6f74000002
root_guid=6d656173-7572-6564-2d62-6f6f74000003
root_uuid=6d656173-7572-6564-2d62-6f6f740000f5
machine_uuid=6d656173-7572-6564-2d62-6f6f74000010
machine_id=6d65617375726564626f6f7474657374
esp_volume=4d424553
esp_mib=64
root_mib=64

declare -A efi_variables
scenarios=(sb-grub uki-sdboot efistub sb-grub-ima-attack)

die()  { echo "capture: $*" >&2; exit 1; }
log()  { echo "[$(date +%T)] $*" >&2; }
# Nothing is wrong but that something cannot be downloaded.
unreachable() { echo "capture: $*" >&2; exit 75; }
need() { local t; for t; do command -v "$t" > /dev/null || die "$t is missing; README.md lists the packages"; done; }

# use_scenario NAME: sets
#   secure_boot  1: firmware that enforces it, with Microsoft's keys
#   loader       grub | uki | stub
#   cmdline      of the kernel
#   network      1: a network card, whose option ROM gets measured
#   network_index  where the machine boots from it, after the disk
#   disk         virtio | scsi | nvme | sata: how it is attached
#   boot_order   of refgen boot's facts: the machine's devices with a place in it
#   attack       1: unpackaged and changed files, and IMA violations
#   cpus, memory of the machine; memory in MiB
#   sector       bytes of the disk's sectors
#   more_facts   for refgen boot, as JSON that follows a member
#   more_entries 1: boot entries that lead nowhere are before the right one
#   efi_variables  those set before the boot: [name]="GUID attributes file"
#
# With root= on its command line the kernel makes its first root a ramfs, else a
# tmpfs. IMA's tcb policy measures the one and leaves out the other, so root= decides
# whether the files of the initrd are in the IMA log.
use_scenario() {
	local base="console=ttyS0,115200 panic=5 ima_hash=sha256"

	secure_boot=0 loader='' cmdline='' network=0 attack=0 cpus=1 memory=$VM_MEMORY keep=1 more_entries=0 sector=512 more_facts=''
	disk=virtio network_index='' boot_order='{"pci": [1, 0], "description": "UEFI Misc Device"}'
	efi_variables=()
	case $1 in
	sb-grub)
		secure_boot=1 loader=grub
		cmdline="root=/dev/vda2 rw $base ima_policy=tcb" ;;
	sb-grub-ima-attack)
		secure_boot=1 loader=grub attack=1
		cmdline="root=/dev/vda2 rw $base ima_policy=tcb" ;;
	uki-sdboot)
		loader=uki network=1
		cmdline="mb.root=/dev/vda2 rw $base ima_policy=tcb|critical_data" ;;
	efistub)
		loader=stub
		cmdline="root=/dev/vda2 rw $base ima_policy=tcb ima_template=ima-ng" ;;
	*)
		die "no scenario $1; there are: ${scenarios[*]}" ;;
	esac
	scenario=$1
	work=$VM_WORK/$1
	use_firmware
}

use_firmware() {
	if [ $secure_boot = 1 ]; then
		firmware=OVMF_CODE_4M.ms.fd variables=OVMF_VARS_4M.ms.fd
	else
		firmware=OVMF_CODE_4M.fd variables=OVMF_VARS_4M.fd
	fi
}

# run_all FUNCTION NAME...: FUNCTION with each name, in a shell of its own, VM_JOBS at a time. Of those
# that fail it shows the end of what they said, and of their console.
run_all() {
	local run=$1 name failed=0

	shift
	for name; do
		while [ "$(jobs -pr | wc -l)" -ge "$VM_JOBS" ]; do sleep 0.3; done
		mkdir -p "$VM_WORK/$name"
		rm -f "$VM_WORK/$name/booted" "$VM_WORK/$name/serial.log"
		(set -e; "$run" "$name"; touch "$VM_WORK/$name/booted") &
	done
	wait
	for name; do
		[ ! -e "$VM_WORK/$name/booted" ] || continue
		failed=1
		show_failure "$name" >&2
	done
	[ $failed = 0 ]
}

show_failure() {
	local file

	for file in disk.log verify.txt tpm/swtpm.log serial.log; do
		[ -s "$VM_WORK/$1/$file" ] || continue
		echo "--- $1: the end of $file"
		tail -n 25 "$VM_WORK/$1/$file" | tr -cd '\11\12\40-\176'
	done
	[ -e "$VM_WORK/$1/serial.log" ] || echo "--- $1: was never switched on"
}
