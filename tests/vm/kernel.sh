# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's signed kernel: fetched and unpacked, never installed; and the initrd.

# What the initrd loads: the disk, its file system, the EFI variables.
initrd_modules=(virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci
	virtio_blk crc16 crc32c_generic mbcache jbd2 ext4 efivarfs)

# A download may fail for a moment, and apt's lists may be missing or older than the archive.
# download_kernel FLAVOUR DIRECTORY: the package that linux-image-FLAVOUR stands for.
download_kernel() {
	local n package

	for n in 1 2 3; do
		package=$(apt-cache depends "linux-image-$1" 2> /dev/null |
			sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		if [ -n "$package" ]; then
			log "downloading $package"
			( cd "$2" && timeout 300 apt-get download -q "$package" > "$2/download.log" 2>&1 ) && return 0
		fi
		log "try $n: ${package:-linux-image-$1} cannot be had; reading apt's lists anew"
		sleep 3
		timeout 300 apt-get update > "$2/update.log" 2>&1 || tail -n 3 "$2/update.log" >&2
	done
	tail -n 2 "$2/download.log" "$2/update.log" >&2 || true # one of them may not be there
	unreachable "no linux-image-$1 from apt"
}

# fetch_kernel [FLAVOUR [DEB]]: amd64, or cloud-amd64. Sets kernel_version (uname -r), vmlinuz and modules_dir.
fetch_kernel() {
	local flavour=${1:-amd64} deb=${2:-} dir

	dir=$VM_WORK/kernel-$flavour

	if [ ! -e "$dir/version" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		if [ -z "$deb" ]; then
			download_kernel "$flavour" "$dir"
			deb=$(echo "$dir"/linux-image-*.deb)
		fi
		dpkg-deb -x "$deb" "$dir/tree"
		# shellcheck disable=SC2016 # dpkg expands these
		dpkg-deb -W --showformat '${Package} ${Version}\n' "$deb" > "$dir/version.new"
		mv "$dir/version.new" "$dir/version"
		rm -f "$dir"/linux-image-*.deb
	fi
	modules_dir=$(echo "$dir"/tree/lib/modules/*)
	kernel_version=$(basename "$modules_dir")
	vmlinuz=$dir/tree/boot/vmlinuz-$kernel_version
	[ -f "$vmlinuz" ] || die "no vmlinuz in the kernel's package"
}

# The kept initrd has modules of one kernel; another kernel would not load them.
same_kernel() {
	[ -e "$VM_OUT/boot/versions" ] || die "nothing kept in $VM_OUT: run capture.sh --new"
	grep -qxFf "$VM_WORK/kernel-amd64/version" "$VM_OUT/boot/versions" ||
		die "the kept initrd is not of $(cat "$VM_WORK/kernel-amd64/version"):" \
		    "set VM_KERNEL_DEB to the kernel in boot/versions, or run capture.sh --new"
}

module_file() { find "$modules_dir" -name "$1.ko"; }

# module_order NAME...: appends to `ordered` the modules and what they depend on, each
# after its dependencies.
module_order() {
	local module needs

	for module; do
		case " ${ordered[*]} " in *" $module "*) continue ;; esac
		# Into a file: as root, objcopy may put one in the place of /dev/stdout.
		objcopy -O binary --only-section=.modinfo "$(module_file "$module")" "$VM_WORK/modinfo"
		IFS=, read -r -a needs < <(tr '\0' '\n' < "$VM_WORK/modinfo" | sed -n 's/^depends=//p')
		module_order "${needs[@]}"
		ordered+=("$module")
	done
}

# busybox, one script, the modules: the same file for every scenario.
make_initrd() {
	local dir=$VM_WORK/initrd applet module n=0 ordered=()

	need objcopy cpio zstd busybox
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,proc,sys,run,newroot,lib/modules}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for applet in sh mount umount insmod switch_root sleep cat echo; do
		ln -s busybox "$dir/bin/$applet"
	done
	install -m 755 "$here/guest/initrd-init" "$dir/init"
	module_order "${initrd_modules[@]}"
	for module in "${ordered[@]}"; do
		n=$((n + 1))
		cp "$(module_file "$module")" "$dir/lib/modules/$(printf %02d $n)-$module.ko"
	done
	find "$dir" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	( cd "$dir" && find . -mindepth 1 | sort |
		cpio -o -H newc --reproducible -R 0:0 --quiet | zstd -q -19 ) > "$initrd"
	log "initrd: $(stat -c %s "$initrd") bytes"
}

# busybox and one script: enough to say what was measured.
make_evidence_initrd() {
	local dir=$VM_WORK/evidence-initrd applet

	need cpio zstd busybox
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,proc,sys}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for applet in sh mount mkdir cat echo tar gzip base64 poweroff; do ln -s busybox "$dir/bin/$applet"; done
	install -m 755 "$here/guest/evidence-init" "$dir/init"
	find "$dir" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	( cd "$dir" && find . -mindepth 1 | sort | cpio -o -H newc --reproducible -R 0:0 --quiet | zstd -q -19 ) > "$initrd"
}

# The Debian packages all vectors come from.
write_versions() {
	{
		cat "$VM_WORK/kernel-amd64/version"
		# shellcheck disable=SC2016
		dpkg-query -W -f '${Package} ${Version}\n' busybox-static coreutils dash \
			grub-efi-amd64-signed ima-evm-utils ipxe-qemu libacl1 libattr1 libc6 libpcre2-8-0 \
			libselinux1 libssl3 libtpms0 libtss2-esys-3.0.2-0 ovmf qemu-system-x86 rpm shim-signed \
			shim-unsigned swtpm systemd-boot-efi tpm2-tools
	} | sort -u > "$VM_OUT/boot/versions"
}
