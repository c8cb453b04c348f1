#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# SPDX-License-Identifier: BSD-2-Clause
#
# Boots small machines (QEMU, OVMF, swtpm, Debian's signed boot chain, IMA) and keeps
# the evidence they leave, in the layout of tests/vectors.
#
#   capture.sh SCENARIO...   these machines, installed from the packages kept there
#   capture.sh --new [SCENARIO...]
#                            all that was kept is removed; new keys, packages and
#                            initrd, then these machines (else: every one)
#
# Machines run two at a time (VM_JOBS). Exit status 75 when nothing but the network was missing.
#
# Scenarios: sb-grub, uki-sdboot, efistub, sb-grub-ima-attack. See README.md.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/settings.sh"
. "$here/kernel.sh"
. "$here/packages.sh"
. "$here/keep.sh"
. "$here/image.sh"
. "$here/machine.sh"
. "$here/bundle.sh"

# Captures that go elsewhere are of machines with the kept packages, too.
use_kept() {
	[ -e "$VM_OUT/boot/versions" ] || cp -r "$here"/../vectors/{initrd.img,keys,rpms} "$VM_OUT/"
	mkdir -p "$VM_OUT/boot"
	[ -e "$VM_OUT/boot/versions" ] || cp "$here/../vectors/boot/versions" "$VM_OUT/boot/"
}

usage() { sed -n '/^# Boots/,/^# Scenarios/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

case ${1:-} in
-h|--help) usage; exit 0 ;;
'')        usage >&2; exit 2 ;;
esac

new=0
if [ "$1" = --new ]; then
	new=1
	shift
	[ $# -gt 0 ] || set -- "${scenarios[@]}"
fi
for name; do use_scenario "$name"; done # all names are right before anything is done

mkdir -p "$VM_WORK" "$VM_OUT"
VM_WORK=$(cd "$VM_WORK" && pwd)
VM_OUT=$(cd "$VM_OUT" && pwd)
exec 9> "$VM_WORK/lock"
flock -n 9 || die "another capture works in $VM_WORK"
initrd=$VM_OUT/initrd.img
fetch_kernel amd64 "$VM_KERNEL_DEB"
if [ $new = 1 ]; then
	[ -e "$VM_OUT/boot/versions" ] || [ -z "$(ls -A "$VM_OUT/boot" "$VM_OUT/keys" 2> /dev/null)" ] ||
		die "$VM_OUT is not a directory of vectors"
	rm -rf "${VM_OUT:?}"/{boot,captures,expected,initrd.img,keys,rpmdb,rpms}
	mkdir -p "$VM_OUT"/{boot,captures,expected,keys,rpmdb,rpms}
	make_keys
	make_packages
	make_initrd
	write_versions
else
	use_kept
	same_kernel
fi
keep=1
keep_more_images

capture() {
	use_scenario "$1"
	make_disk
	make_tpm
	make_variables
	keep_variables
	boot
	write_bundle
	"$here/verify.sh" "$VM_OUT/captures/$1" > "$work/verify.txt" ||
		{ cat "$work/verify.txt" >&2; die "$1: the capture contradicts itself"; }
	log "$1: $(tail -n 1 "$work/verify.txt")"
}
run_all capture "$@"
