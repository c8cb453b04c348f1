# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# What the guest wrote becomes VM_OUT/captures/SCENARIO; what must be found in it,
# VM_OUT/expected/SCENARIO.json.

# files_measured_by_firmware: name and SHA-256 of what is not kept here.
files_measured_by_firmware() {
	sha256sum "$ovmf_dir/$firmware" "$ovmf_dir/$variables" "$vmlinuz" | sed 's/ .*\// /'
	case $loader in
	grub) sha256sum "$shim_dir/shimx64.efi.signed" "$grub_dir/grubx64.efi.signed" | sed 's/ .*\// /' ;;
	uki)  sha256sum "$sdboot_dir/systemd-bootx64.efi" "$sdboot_dir/linuxx64.efi.stub" "$work/mbtest.efi" | sed 's/ .*\// /' ;;
	esac
	[ "$network" = 0 ] || sha256sum /usr/lib/ipxe/qemu/efi-virtio.rom | sed 's/ .*\// /'
}

write_bundle() {
	local bundle=$VM_OUT/captures/$scenario

	rm -rf "$bundle"
	mkdir -p "$bundle/ca" "$VM_OUT/expected" "$VM_OUT/rpmdb"
	cp "$work"/guest/* "$bundle/"
	rm "$bundle/complete" "$bundle/violations"
	cp "$work/tpm/ca/issuercert.pem" "$bundle/ca/issuer.pem"
	cp "$work/tpm/ca/swtpm-localca-rootca-cert.pem" "$bundle/ca/root.pem"
	# Every machine has the same packages; only the time of installation differs.
	[ "$scenario" != sb-grub ] || cp "$work/root/var/lib/rpm/rpmdb.sqlite" "$VM_OUT/rpmdb/"
	chmod -R u=rwX,go=rX "$bundle"
	printf '%s\n' "$cmdline" > "$VM_OUT/boot/$scenario/cmdline"
	files_measured_by_firmware > "$VM_OUT/boot/$scenario/not-kept.sha256"
	"$here/expected.py" "$bundle" "$(cat "$work/guest/violations")" "$VM_OUT/initrd.img" "$VM_OUT"/rpms/*.rpm \
		> "$VM_OUT/expected/$scenario.json"
}
