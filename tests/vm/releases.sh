# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings.sh sets and uses them
# SPDX-License-Identifier: BSD-2-Clause
#
# What other releases of Debian boot with, fetched and unpacked beside the installed system: Debian 11's shim
# and GRUB; Debian 13's systemd-boot, systemd-stub, GRUB and kernel, and the program that measures boot phases.

debian11_packages=(shim-signed grub-efi-amd64-signed)
debian13_packages=(systemd-boot-efi grub-efi-amd64-signed systemd libsystemd-shared libc6 libacl1 libblkid1 libcap2
	libcrypt1 libmount1 libssl3t64 libpam0g libseccomp2 libselinux1 libpcre2-8-0 libaudit1 libcap-ng0 zlib1g libzstd1
	libtss2-esys-3.0.2-0t64 libtss2-mu-4.0.1-0t64 libtss2-rc0t64 libtss2-sys1t64 libtss2-tcti-device0t64)

# Each sets a variable of its name, the unpacked tree.
fetch_debian11() { fetch_release debian11 bullseye "${debian11_packages[@]}"; debian11=$VM_WORK/debian11/tree; }
fetch_debian13() { fetch_release debian13 trixie "${debian13_packages[@]}"; debian13=$VM_WORK/debian13/tree; }
fetch_linux13() {
	fetch_release linux13 trixie linux-image-amd64
	linux13=$(echo "$VM_WORK"/linux13/tree/boot/vmlinuz-*)
}

# fetch_release NAME CODENAME PACKAGE...: to $VM_WORK/NAME/tree, from the mirror that this system uses. A package that
# stands for a kernel brings that kernel's image alone.
fetch_release() {
	local dir=$VM_WORK/$1 codename=$2 mirror n

	[ ! -e "$dir/complete" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"/{lists/partial,cache/archives/partial,deb,tree}
	# shellcheck disable=SC2016 # apt expands these
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 2> /dev/null | awk '$2 == "bookworm" { print $1; exit }')
	[ -n "$mirror" ] || unreachable "apt knows no mirror of Debian 12, whose $1 could be had"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename main" > "$dir/sources.list"
	cat > "$dir/apt.conf" <<-CONFIG
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State::lists "$dir/lists";
	Dir::State::status "/dev/null";
	Dir::Cache "$dir/cache";
	Acquire::Languages "none";
	APT::Architecture "amd64";
	APT::Sandbox::User "root";
	CONFIG
	shift 2
	for n in 1 2 3; do
		if (export APT_CONFIG=$dir/apt.conf; download_release "$dir" "$@") > "$dir/log" 2>&1; then
			touch "$dir/complete"
			rm -rf "$dir"/{deb,lists,cache}
			return 0
		fi
		log "try $n: packages of $codename cannot be had"
		sleep 3
	done
	tail -n 3 "$dir/log" >&2
	unreachable "no packages of $codename from apt"
}

# download_release DIRECTORY PACKAGE...
download_release() {
	local dir=$1 name deb
	shift

	timeout 300 apt-get update || return 1
	cd "$dir/deb" || return 1
	for name; do
		[ "$name" != linux-image-amd64 ] ||
			name=$(apt-cache depends "$name" | sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		timeout 300 apt-get download -q "$name" || return 1
	done
	for deb in *.deb; do
		case $deb in
		linux-image-*) dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir/tree" --wildcards './boot/vmlinuz-*' || return 1 ;;
		*)             dpkg-deb -x "$deb" "$dir/tree" || return 1 ;;
		esac
	done
}

# make_phases_initrd FILE: as make_evidence_initrd, and Debian 13's systemd-pcrextend with what it loads.
make_phases_initrd() {
	local dir=$VM_WORK/phases-initrd lib=usr/lib/x86_64-linux-gnu library

	need cpio zstd busybox
	[ ! -e "$1" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,proc,sys,run,etc,usr/lib/systemd,"$lib/systemd",lib/modules}
	ln -s usr/lib64 "$dir/lib64"
	mkdir -p "$dir/usr/lib64"
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for library in sh mount mkdir cat echo tar gzip base64 poweroff insmod; do ln -s busybox "$dir/bin/$library"; done
	install -m 755 "$here/guest/phases-init" "$dir/init"
	cp "$debian13/usr/lib/systemd/systemd-pcrextend" "$dir/usr/lib/systemd/"
	cp -L "$debian13/$lib/systemd"/libsystemd-shared-*.so "$dir/$lib/systemd/"
	cp -L "$debian13/usr/lib64/ld-linux-x86-64.so.2" "$dir/usr/lib64/"
	for library in libc.so.6 libm.so.6 libacl.so.1 libblkid.so.1 libcap.so.2 libcrypt.so.1 libmount.so.1 libcrypto.so.3 \
		libpam.so.0 libseccomp.so.2 libselinux.so.1 libpcre2-8.so.0 libaudit.so.1 libcap-ng.so.0 libz.so.1 libzstd.so.1 \
		libtss2-esys.so.0 libtss2-mu.so.0 libtss2-rc.so.0 libtss2-sys.so.1 libtss2-tcti-device.so.0; do
		cp -L "$debian13/$lib/$library" "$dir/$lib/" || die "Debian 13 has no $library"
	done
	cp "$(module_file efivarfs)" "$dir/lib/modules/"
	echo "$machine_id" > "$dir/etc/machine-id"
	find "$dir" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	( cd "$dir" && find . -mindepth 1 | sort | cpio -o -H newc --reproducible -R 0:0 --quiet | zstd -q -9 ) > "$1.new"
	mv "$1.new" "$1"
}
