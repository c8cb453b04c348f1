# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# What the guest wrote becomes VM_OUT/captures/SCENARIO; what must be found in it,
# VM_OUT/expected/SCENARIO.json.

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
	keep_inputs
	"$here/expected.py" "$bundle" "$(cat "$work/guest/violations")" "$VM_OUT/initrd.img" "$VM_OUT"/rpms/*.rpm \
		> "$VM_OUT/expected/$scenario.json"
}
