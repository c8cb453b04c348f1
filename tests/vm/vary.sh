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
# log, the PCRs and the command line; VM_WORK/varied names those that were booted, VM_WORK/left-out
# those whose packages cannot be had, each with the reason. Exit status 1 if a machine did not boot, 75
# when nothing but the network was missing.
# With --keep all of that, but for what Debian's cloud kernel is part of, goes into
# tests/vectors/boot/VARIATION, too.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/kernel.sh"
. "$here/releases.sh"
. "$here/keep.sh"
. "$here/image.sh"
. "$here/machine.sh"
. "$here/variations.sh"
VM_KEEP=0

case ${1:-} in
-h|--help) sed -n '/^# Boots/,/^# tests/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
--keep)    VM_KEEP=1; shift ;;
esac
[ $# -gt 0 ] || set -- "${variations[@]}"

# The disk of a variation, with nothing but /boot on its root.
make_varied_disk() {
	before_esp
	make_esp
	alter_esp
	rm -rf "$work/root"
	mkdir -p "$work/root"
	[ "$loader" != grub ] || add_grub_files
	alter_root
	format_root "$work/root"
	make_image "$work/disk.img"
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
	run_once || die "$1: did not boot, or left no evidence, in $VM_TIMEOUT s"
	[ "$again" = 0 ] || run_once || die "$1: did not boot again in $VM_TIMEOUT s"
	[ "$keep" = 0 ] || keep_variation
	[ "$keepable" = 1 ] || rm -rf "${VM_OUT:?}/boot/$1"
	log "$1: booted in $(($(date +%s) - start)) s"
	rm -rf "$work"/{disk-run.img,exchange.img,esp.img,root,root.img,tpm}
}

need mkfs.vfat mmd mcopy mdel mke2fs sgdisk objcopy qemu-system-x86_64 swtpm swtpm_setup base64
mkdir -p "$VM_WORK/vectors/boot" "$VM_WORK/tpm"
VM_WORK=$(cd "$VM_WORK" && pwd)
if [ $VM_KEEP = 1 ]; then VM_OUT=$(cd "$VM_OUT" && pwd); else VM_OUT=$VM_WORK/vectors; fi
for name; do (use_variation "$name"); done # all names are right before anything is done
fetch_kernel amd64 "$VM_KERNEL_DEB"

# What only some variations are made of; those whose it cannot be had are left out.
: > "$VM_WORK/left-out"
chosen=()
for name; do
	use_variation "$name"
	if [ -z "$wants" ] || ("fetch_$wants") 2> "$VM_WORK/fetch.log"; then
		chosen+=("$name")
	elif [ $? = 75 ]; then
		echo "$name: $(tail -n 1 "$VM_WORK/fetch.log")" >> "$VM_WORK/left-out"
	else
		cat "$VM_WORK/fetch.log" >&2
		die "$name: fetch_$wants failed"
	fi
done
set -- "${chosen[@]+"${chosen[@]}"}"
printf '%s\n' "$@" > "$VM_WORK/varied"
[ $VM_KEEP = 0 ] || same_kernel
initrd=$VM_WORK/evidence-initrd.img # the variations that were looked at have set it
make_evidence_initrd
make_mok
swtpm_setup --tpm2 --tpmstate "$VM_WORK/tpm" --overwrite --pcr-banks sha1,sha256,sha384,sha512 \
	--logfile "$VM_WORK/tpm-setup.log" > /dev/null || { tail "$VM_WORK/tpm-setup.log" >&2; die "swtpm_setup failed"; }

run_all boot_variation "$@"
