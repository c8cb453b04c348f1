#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# SPDX-License-Identifier: BSD-2-Clause
#
# Boots machines that differ from the captured ones in one thing each (variations.sh),
# two at a time, and keeps for each what decides the boot and what it left:
#
#   vary.sh [--keep] [VARIATION...]        default: all
#
# VM_WORK/VARIATION has CODE.fd, VARS.fd, facts.json, disk.img, and in bundle/ the event
# log, the PCRs and the command line. Exit status 1 if a machine did not boot.
# With --keep all of that, but for what Debian's cloud kernel is part of, goes into
# tests/vectors/boot/VARIATION, too.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/kernel.sh"
. "$here/keep.sh"
. "$here/image.sh"
. "$here/machine.sh"
. "$here/variations.sh"
: "${VM_JOBS:=2}"
VM_KEEP=0

case ${1:-} in
-h|--help) sed -n '/^# Boots/,/^# tests/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
--keep)    VM_KEEP=1; shift ;;
esac
[ $# -gt 0 ] || set -- "${variations[@]}"

# The disk of a variation, with nothing but /boot on its root.
make_varied_disk() {
	make_esp
	alter_esp
	rm -rf "$work/root"
	mkdir -p "$work/root"
	[ "$loader" != grub ] || add_grub_files
	alter_root
	format_root "$work/root"
	partition "$work/disk.img"
}

# One run of a copy of the disk; its console is $1.
run_once() {
	cp --sparse=always "$work/disk.img" "$work/disk-run.img"
	rm -f "$work/exchange.img"
	truncate -s 1M "$work/exchange.img"
	rm -rf "$work/tpm/state"
	mkdir -p "$work/tpm/state"
	cp "$VM_WORK"/tpm/* "$work/tpm/state/"
	cp "$work/vars.fd" "$work/VARS.fd"
	run_machine || return 1
	rm -rf "$work/bundle"
	mkdir -p "$work/bundle"
	tr -d '\r' < "$work/serial.log" | sed -n '/^EVIDENCE BEGINS$/,/^EVIDENCE ENDS$/{/^EVIDENCE/!p}' |
		base64 -d | tar -xz -C "$work/bundle"
	[ -s "$work/bundle/pcrs.yaml" ] # the log is empty where the kernel was not told of it
}

keep_variation() {
	keep_inputs
	xz -9 -c "$work/VARS.fd" > "$kept/vars.fd.xz"
	cp "$work"/bundle/{binary_bios_measurements,pcrs.yaml,cmdline} "$kept/"
	chmod 644 "$kept"/*
}

boot_variation() {
	local start

	use_variation "$1"
	mkdir -p "$work"
	[ "$keep" = 0 ] || forget
	make_varied_disk > "$work/disk.log" 2>&1
	make_variables
	cp "$ovmf_dir/$firmware" "$work/CODE.fd"
	write_facts > "$work/facts.json"
	[ "$network" = 0 ] || cp "$option_rom" "$work/"
	start=$(date +%s)
	run_once
	[ "$again" = 0 ] || run_once
	[ "$keep" = 0 ] || keep_variation
	[ "$keepable" = 1 ] || rm -rf "${VM_OUT:?}/boot/$1"
	log "$1: booted in $(($(date +%s) - start)) s"
	rm -rf "$work"/{disk-run.img,exchange.img,esp.img,root,root.img,tpm}
}

need mkfs.vfat mmd mcopy mdel mke2fs sgdisk objcopy qemu-system-x86_64 swtpm swtpm_setup base64
mkdir -p "$VM_WORK/vectors/boot" "$VM_WORK/tpm"
VM_WORK=$(cd "$VM_WORK" && pwd)
if [ $VM_KEEP = 1 ]; then VM_OUT=$(cd "$VM_OUT" && pwd); else VM_OUT=$VM_WORK/vectors; fi
initrd=$VM_WORK/evidence-initrd.img
printf '%s\n' "$@" > "$VM_WORK/varied"
for name; do (use_variation "$name"); done # all names are right before anything is done
fetch_kernel cloud-amd64
other_version=$kernel_version other_vmlinuz=$vmlinuz
fetch_kernel amd64 "$VM_KERNEL_DEB"
[ $VM_KEEP = 0 ] || same_kernel
make_evidence_initrd
make_mok
swtpm_setup --tpm2 --tpmstate "$VM_WORK/tpm" --overwrite --pcr-banks sha1,sha256,sha384,sha512 \
	--logfile "$VM_WORK/tpm-setup.log" > /dev/null || { tail "$VM_WORK/tpm-setup.log" >&2; die "swtpm_setup failed"; }

for name; do
	while [ "$(jobs -pr | wc -l)" -ge "$VM_JOBS" ]; do sleep 0.3; done
	rm -f "$VM_WORK/$name/booted"
	(set -e; boot_variation "$name"; touch "$work/booted") &
done
wait
failed=0
for name; do
	[ -e "$VM_WORK/$name/booted" ] ||
		{ log "$name: did not boot; see $VM_WORK/$name/serial.log and disk.log"; failed=1; }
done
[ $failed = 0 ]
