# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh and capture.sh set them
# SPDX-License-Identifier: BSD-2-Clause
#
# The RPMs the machines are installed from, and the keys that sign them. The programs
# are Debian's, repackaged unchanged; how they are packed differs on purpose.

# An OpenPGP key for packages and an RSA key for IMA. Only their public halves are kept.
make_keys() {
	keys=$VM_WORK/keys
	need gpg openssl
	rm -rf "$keys"
	mkdir -m 700 "$keys" "$keys/gpg"
	gpg --homedir "$keys/gpg" --batch --quiet --passphrase '' \
		--quick-gen-key 'Assay test packages <packages@example.org>' rsa3072 sign never 2> "$keys/gpg.log"
	gpg --homedir "$keys/gpg" --batch --export --armor > "$VM_OUT/keys/rpm-key.asc"
	openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 36500 -subj '/CN=Assay test IMA key' \
		-addext keyUsage=digitalSignature -addext extendedKeyUsage=codeSigning \
		-keyout "$keys/ima.pem" -outform DER -out "$VM_OUT/keys/ima-cert.der" 2> "$keys/openssl.log"
}

# libraries PROGRAM...: what they load, less the loader itself.
libraries() {
	ldd "$@" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | grep -v ld-linux | sort -u
}

# add_libraries TREE LIBRARY...: the file under its real name, its SONAME a symlink.
add_libraries() {
	local dir=$1/usr/lib/x86_64-linux-gnu library file

	shift
	mkdir -p "$dir"
	for library; do
		file=$(readlink -f "$library")
		cp "$file" "$dir/"
		[ -e "$dir/$(basename "$library")" ] || ln -s "$(basename "$file")" "$dir/$(basename "$library")"
	done
}

# add_programs TREE PROGRAM...
add_programs() {
	local tree=$1 program

	shift
	mkdir -p "$tree/usr/bin"
	for program; do cp -L "$(command -v "$program")" "$tree/usr/bin/"; done
}

# add_links TREE TARGET NAME...: NAMEs in /usr/bin that mean TARGET.
add_links() {
	local tree=$1 target=$2 name

	shift 2
	for name; do ln -s "$target" "$tree/usr/bin/$name"; done
}

# pack NAME VERSION ARCH PAYLOAD DIGEST [FILES-LINE...]: an RPM of trees/NAME. PAYLOAD is
# rpm's, DIGEST the OpenPGP number of the digest algorithm of the header's file list.
pack() {
	local name=$1 version=$2 arch=$3 payload=$4 digest=$5 tree=$trees/$1 build=$VM_WORK/rpmbuild

	shift 5
	find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	{
		( cd "$tree" && find . -mindepth 1 ! -type d -printf '/%P\n' | sort |
			sed 's/^\/etc\/.*\.conf$/%config(noreplace) &/' )
		[ $# = 0 ] || printf '%s\n' "$@"
	} > "$build/$name.files"
	rpmbuild -bb --quiet --target "$arch" \
		--define "_topdir $build" --define "_rpmdir $VM_OUT/rpms" \
		--define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
		--define "vm_name $name" --define "vm_version $version" \
		--define "vm_tree $tree" --define "vm_files $build/$name.files" \
		--define "_binary_payload $payload" --define "_binary_filedigest_algorithm $digest" \
		--define '_buildhost build.example.org' \
		--define 'use_source_date_epoch_as_buildtime 1' \
		--define 'clamp_mtime_to_source_date_epoch 1' \
		"$here/package.spec" > "$build/$name.log" 2>&1 ||
		{ tail -n 20 "$build/$name.log" >&2; die "rpmbuild $name failed"; }
}

# sign_package NAME: OpenPGP, over header and payload.
sign_package() {
	local build=$VM_WORK/rpmbuild

	GNUPGHOME=$keys/gpg rpmsign --addsign --define "__gpg $(command -v gpg)" \
		--define '_gpg_name Assay test packages' --define '_gpg_digest_algo sha256' \
		"$VM_OUT/rpms/$1"-[0-9]*.rpm > "$build/sign.log" 2>&1 ||
		{ tail "$build/sign.log" >&2; die "rpmsign $1 failed"; }
}

# sign_files NAME: IMA signatures, one for each file with a digest.
sign_files() {
	local rpm digest

	rpm=$(echo "$VM_OUT/rpms/$1"-[0-9]*.rpm)
	rpm -qp --nosignature --qf '[%{FILEDIGESTS}\n]' "$rpm" | while read -r digest; do
		if [ -n "$digest" ]; then
			echo "$digest  -" | evmctl sign_hash -a sha256 --key "$keys/ima.pem" 2> /dev/null |
				awk '{ print $NF }'
		else
			echo
		fi
	done > "$VM_WORK/rpmbuild/$1.signatures"
	"$here/rpm-ima-signatures.py" "$rpm" "$VM_WORK/rpmbuild/$1.signatures"
}

# tpm2-tools is linked with libcurl for one command that asks a server for EK
# certificates. A libcurl that does nothing saves twenty libraries behind it.
make_no_curl() {
	mkdir -p "$VM_WORK/no-curl"
	gcc -shared -fPIC -O2 -s -Wl,--build-id=none -Wl,-soname,libcurl-gnutls.so.4 \
		-Wl,--version-script,"$here/guest/no-curl.map" \
		-o "$VM_WORK/no-curl/libcurl-gnutls.so.4" "$here/guest/no-curl.c"
}

package_filesystem() {
	local tree=$trees/mb-filesystem link

	mkdir -p "$tree"/{usr/{bin,sbin,lib,lib64},etc,boot,dev,proc,sys,run,tmp,root,var/{lib,log}}
	for link in bin sbin lib lib64; do ln -s "usr/$link" "$tree/$link"; done
	printf 'NAME="Measured Boot Test"\nID=mbtest\nVERSION_ID=1\n' > "$tree/etc/os-release"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$tree/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' > "$tree/etc/group"
	printf 'passwd: files\ngroup: files\n' > "$tree/etc/nsswitch.conf"
	: > "$tree/etc/empty.conf"
	mapfile -t dirs < <(cd "$tree" && find . -mindepth 1 -type d -printf '%%dir /%P\n' | sort)
	pack mb-filesystem 1.0 noarch w9.gzdio 8 "${dirs[@]}" '%ghost /etc/ld.so.cache'
}

package_glibc() {
	local tree=$trees/mb-glibc loader=ld-linux-x86-64.so.2

	add_libraries "$tree" "${base[@]}"
	cp "$(readlink -f /lib64/$loader)" "$tree/usr/lib/x86_64-linux-gnu/$loader"
	mkdir -p "$tree/usr/lib64"
	ln -s ../lib/x86_64-linux-gnu/$loader "$tree/usr/lib64/$loader"
	pack mb-glibc 2.36 x86_64 w9.xzdio 8
}

# SHA-512 in the file list: SHA-256 has to come from the payload. In a payload the
# content of hard links is with the last name; the machines read the first.
package_crypto_libs() {
	local tree=$trees/mb-crypto-libs policy

	add_libraries "$tree" "${crypto[@]}" /usr/lib/x86_64-linux-gnu/libtss2-tcti-device.so.0
	policy=$tree/usr/share/mb/crypto-policy
	mkdir -p "$policy"
	printf 'min-rsa = 2048\nmin-hash = sha256\n' > "$policy/default.txt"
	ln "$policy/default.txt" "$policy/legacy.txt"
	pack mb-crypto-libs 3.0 x86_64 w19.zstdio 10
}

# One program under many names.
package_tpm2_tools() {
	local tree=$trees/mb-tpm2-tools tool

	add_programs "$tree" tpm2
	for tool in activatecredential certify createak createek flushcontext getcap makecredential \
		nvread pcrread policysecret quote readpublic startauthsession; do
		ln -s tpm2 "$tree/usr/bin/tpm2_$tool"
	done
	pack mb-tpm2-tools 5.4 x86_64 w19.zstdio 8
	sign_package mb-tpm2-tools
}

package_coreutils() {
	local tree=$trees/mb-coreutils

	add_programs "$tree" dash "${coreutils[@]}"
	add_links "$tree" dash sh
	ln "$tree/usr/bin/cat" "$tree/usr/bin/cat-hardlink"
	cp "$tree/usr/bin/id" "$tree/usr/bin/suid-id"
	chmod 4755 "$tree/usr/bin/suid-id"
	pack mb-coreutils 9.1 x86_64 w9.xzdio 8
	sign_files mb-coreutils
	sign_package mb-coreutils
}

package_harness() {
	local tree=$trees/mb-harness

	add_programs "$tree" busybox
	add_links "$tree" busybox dd mount poweroff tar xxd
	install -D -m 755 "$here/guest/init" "$tree/usr/sbin/init"
	install -D -m 755 -t "$tree/usr/lib/mb" "$here/guest/workload.sh" "$here/guest/collect.sh"
	install -D -m 644 -t "$tree/usr/share/mb" "$VM_OUT/keys/ima-cert.der"
	seq 1 2000 > "$tree/usr/share/mb/numbers.txt"
	mkdir -p "$tree/etc/mb"
	printf 'greeting="hello"\n' > "$tree/etc/mb/workload.conf"
	pack mb-harness 1.0 x86_64 w9.gzdio 8
	sign_files mb-harness
	sign_package mb-harness
}

make_packages() {
	local trees=$VM_WORK/trees base crypto dirs
	local coreutils=(cat cp date head id ls mkdir mv rm seq sha256sum sort stat touch tr uname wc)

	need rpmbuild rpmsign evmctl python3 gcc
	log "building packages"
	rm -rf "$trees" "$VM_WORK/rpmbuild"
	mkdir -p "$trees" "$VM_WORK/rpmbuild"
	make_no_curl
	mapfile -t base < <(libraries /usr/bin/dash "${coreutils[@]/#//usr/bin/}")
	mapfile -t crypto < <(LD_LIBRARY_PATH=$VM_WORK/no-curl libraries /usr/bin/tpm2 |
		grep -vxFf <(printf '%s\n' "${base[@]}"))
	package_filesystem
	package_glibc
	package_crypto_libs
	package_tpm2_tools
	package_coreutils
	package_harness
	log "packages: $(du -bc "$VM_OUT"/rpms/*.rpm | awk 'END { print $1 }') bytes"
}

# install_packages DIR: with a real package database; IMA signatures become security.ima.
install_packages() {
	local root=$1 rpm file signature

	rm -rf "$root"
	mkdir -p "$root/var/lib/rpm"
	# Debian's rpm keeps its database elsewhere unless told.
	rpm --root "$root" --dbpath /var/lib/rpm --initdb
	rpm --root "$root" --dbpath /var/lib/rpm -i --noscripts --nodeps --nosignature --ignorearch --ignoreos \
		"$VM_OUT"/rpms/*.rpm 2> "$work/rpm-install.log" ||
		{ cat "$work/rpm-install.log" >&2; die "rpm -i failed"; }
	for rpm in "$VM_OUT"/rpms/*.rpm; do
		rpm -qp --nosignature --qf '[%{FILENAMES} %{FILESIGNATURES}\n]' "$rpm"
	done | while read -r file signature; do
		if [ -f "$root$file" ] && [ ! -L "$root$file" ] && [ "${signature#03}" != "$signature" ]; then
			setfattr -n security.ima -v "0x$signature" "$root$file"
		fi
	done
}
