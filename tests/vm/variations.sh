# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # set in settings.sh, used in the files beside this one
# SPDX-License-Identifier: BSD-2-Clause
#
# Machines that differ from the captured ones in one thing each: their boot is predicted, and
# compared with what their TPM holds.
#
# A variation is a scenario, set by use_scenario, and what vary_NAME changes in it: its
# variables, and by functions run when the disk is filled:
#   before_esp   what the ESP is made of (uki_stub, initrd)
#   make_image   the disk, of esp.img and root.img
#   alter_esp    files of the ESP (on_esp, not_on_esp)
#   alter_root   files of the root (on_root)
# Contents go to $kept when they are small, to $work when they are images.
#   keepable=0   its files are too large for tests/vectors
#   again=1      what is compared is the second boot, from the variables the first one left
#   wants=WHAT   fetch_WHAT gets the packages it is made of beside the scenario's

variations=(sb-grub-cmdline sb-grub-menu sb-grub-mkconfig sb-grub-mok sb-grub-again sb-grub-big
	sb-off-grub nosb-grub uki-loader-conf uki-sections uki-direct sb-uki-mok entry efistub-order efistub-big
	uki13 sb-grub13 sb-grub11 efistub-linux13 uki-linux13 iso-uki sb-grub-scsi efistub-nvme uki-sata uki-network)

vm_guid=6d656173-7572-6564-2d62-6f6f740000aa
shim_guid=605dab50-e046-4300-abb6-3dd810dd8b23
secure_boot_enable_guid=f0a30bc7-af08-4556-99c4-001009c93a44

# Self-tests of the ciphers take seconds; a busy host lets the check of the timer fail.
base_cmdline="console=ttyS0,115200 panic=5 quiet no_timer_check cryptomgr.notests"

# use_variation NAME
use_variation() {
	again=0 keepable=1 wants=''
	uki_stub=$sdboot_dir/linuxx64.efi.stub
	initrd=$VM_WORK/evidence-initrd.img
	before_esp() { :; }
	alter_esp() { :; }
	alter_root() { :; }
	make_image() { partition "$1"; }
	declare -F "vary_$1" > /dev/null || die "no variation $1; there are: ${variations[*]}"
	"vary_$1"
	scenario=$1
	work=$VM_WORK/$1
	kept=$VM_OUT/boot/$1
	keep=$((VM_KEEP * keepable))
}

# from SCENARIO CMDLINE
from() {
	use_scenario "$1"
	cmdline=$2
}

# grub_config FILE: a configuration of grub/ with its words replaced.
grub_config() {
	sed -e "s|@UUID@|$root_uuid|g; s|@VERSION@|$kernel_version|g; s|@OTHER@|${other_version:-}|g" \
		-e "s|@INITRD@|initrd.img-$kernel_version|g; s|@CMDLINE@|$cmdline|g" \
		"$here/grub/$1" > "$kept/grub.cfg"
	on_root "$kept/grub.cfg" /boot/grub/grub.cfg
}

fetch_cloud_kernel() { fetch_kernel cloud-amd64; }
use_cloud_kernel() {
	fetch_kernel cloud-amd64
	other_version=$kernel_version other_vmlinuz=$vmlinuz
	fetch_kernel amd64
}

# With Secure Boot: shim, GRUB.
vary_sb-grub-cmdline() { from sb-grub "root=UUID=$root_uuid rw $base_cmdline module_blacklist=a,b quiet=\"no thing\" x=\\\\y"; }

# A second kernel (Debian's for clouds), entries, a submenu.
vary_sb-grub-menu() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	keepable=0 wants=cloud_kernel
	alter_root() {
		use_cloud_kernel
		on_root "$other_vmlinuz" "/boot/vmlinuz-$other_version"
		grub_config menu.cfg
	}
}

# What grub-mkconfig writes: the environment block names the entry.
vary_sb-grub-mkconfig() {
	from sb-grub "root=UUID=$root_uuid ro $base_cmdline"
	alter_root() {
		local entry="gnulinux-advanced-$root_uuid>gnulinux-$kernel_version-advanced-$root_uuid"

		grub_config mkconfig.cfg
		printf '# GRUB Environment Block\nsaved_entry=%s\n' "$entry" > "$kept/grubenv"
		printf '%1024s' '' | tr ' ' '#' | head -c $((1024 - $(stat -c %s "$kept/grubenv"))) >> "$kept/grubenv"
		printf 'set custom="loaded"\n' > "$kept/custom.cfg"
		on_root "$kept/grubenv" /boot/grub/grubenv
		on_root "$kept/custom.cfg" /boot/grub/custom.cfg
	}
}

# GRUB signed by a key of its owner, which shim finds in MokList.
vary_sb-grub-mok() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	efi_variables=([MokList]="$shim_guid 3 $VM_WORK/mok/list.bin")
	alter_esp() {
		sign_again "$grub_dir/grubx64.efi.signed" "$work/grubx64.efi"
		on_esp "$work/grubx64.efi" /EFI/BOOT/grubx64.efi
	}
}

vary_sb-grub-again() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	again=1
}

vary_sb-grub-big() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	cpus=2 memory=3072
}

# The same keys, but Secure Boot switched off; and firmware without keys.
vary_sb-off-grub() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	efi_variables=([SecureBootEnable]="$secure_boot_enable_guid 3 $VM_WORK/zero.bin")
}
vary_nosb-grub() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	secure_boot=0
	use_firmware
}

# systemd-boot.
vary_uki-loader-conf() {
	from uki-sdboot "$base_cmdline"
	alter_esp() {
		printf '# another one\ntimeout 0\neditor no\nconsole-mode keep\ndefault mbtest*\n' > "$kept/loader.conf"
		on_esp "$kept/loader.conf" /loader/loader.conf
		printf 'for every image\n' > "$kept/global.cred"
		on_esp "$kept/global.cred" /loader/credentials/global.cred
		on_esp "$kept/global.cred" /EFI/Linux/mbtest.efi.extra.d/another.cred
	}
}

# Sections that are measured, one that is not, and a picture that is none.
vary_uki-sections() {
	from uki-sdboot "$base_cmdline uki-sections"
	alter_esp() {
		printf 'BM not a picture' > "$work/splash"
		printf -- '-----BEGIN PUBLIC KEY-----\n' > "$work/pcrpkey"
		printf '{"sha256": []}' > "$work/pcrsig"
		printf 'sbat,1,SBAT Version,sbat,1,https://example.org\n' > "$work/other"
		objcopy -p --add-section .splash="$work/splash" --change-section-vma .splash=0x50000 \
			--add-section .pcrpkey="$work/pcrpkey" --change-section-vma .pcrpkey=0x60000 \
			--add-section .pcrsig="$work/pcrsig" --change-section-vma .pcrsig=0x70000 \
			--add-section .other="$work/other" --change-section-vma .other=0x80000 \
			"$work/mbtest.efi" "$work/sections.efi"
		on_esp "$work/sections.efi" /EFI/Linux/mbtest.efi
	}
}

# The UKI is what the firmware starts.
vary_uki-direct() {
	from uki-sdboot "$base_cmdline uki-direct"
	network=0
	alter_esp() {
		on_esp "$work/mbtest.efi" /EFI/BOOT/BOOTX64.EFI
	}
}

# shim starts systemd-boot, and that a UKI, both signed by their owner.
vary_sb-uki-mok() {
	from uki-sdboot "$base_cmdline sb-uki-mok"
	secure_boot=1 network=0
	use_firmware
	efi_variables=([MokList]="$shim_guid 3 $VM_WORK/mok/list.bin")
	alter_esp() {
		sign_again "$sdboot_dir/systemd-bootx64.efi" "$work/sdboot.efi"
		sign_again "$work/mbtest.efi" "$work/signed.efi"
		on_esp "$shim_dir/shimx64.efi.signed" /EFI/BOOT/BOOTX64.EFI
		on_esp "$work/sdboot.efi" /EFI/BOOT/grubx64.efi
		on_esp "$work/signed.efi" /EFI/Linux/mbtest.efi
	}
}

# A Type #1 entry: the kernel and two initrds as files.
vary_entry() {
	from uki-sdboot "$base_cmdline type-1"
	network=0
	alter_esp() {
		not_on_esp /EFI/Linux/mbtest.efi
		printf 'nothing' | cpio_of early > "$kept/early.cpio"
		on_esp "$vmlinuz" /mbtest/linux
		on_esp "$kept/early.cpio" /mbtest/early.cpio
		on_esp "$initrd" /mbtest/initrd.img
		printf 'title Measured Boot Test\nversion %s\nlinux /mbtest/linux\n' "$kernel_version" > "$kept/entry.conf"
		printf 'initrd /mbtest/early.cpio\ninitrd /mbtest/initrd.img\noptions %s\noptions more\n' "$cmdline" >> "$kept/entry.conf"
		on_esp "$kept/entry.conf" /loader/entries/mbtest.conf
		printf 'timeout 0\ndefault mbtest.conf\n' > "$kept/loader.conf"
		on_esp "$kept/loader.conf" /loader/loader.conf
	}
}

# The EFI stub. Entries of a system that is gone come first.
vary_efistub-order() {
	from efistub "root=/dev/vda2 rw $base_cmdline"
	more_entries=1
}

vary_efistub-big() {
	from efistub "root=/dev/vda2 rw $base_cmdline mem-is=3072"
	cpus=2 memory=3072
}

# Other disks; and a network card that is to be booted from after the disk.
vary_sb-grub-scsi() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	disk=scsi
	boot_order='{"pci": [1, 0], "path": "Scsi(0x3,0x1)", "description": "UEFI QEMU QEMU HARDDISK "}'
}
vary_efistub-nvme() {
	from efistub "root=/dev/vda2 rw $base_cmdline"
	disk=nvme
	boot_order='{"pci": [1, 0], "path": "NVMe(0x1,00-00-00-00-00-00-00-00)", "description": "UEFI QEMU NVMe Ctrl mbtest 1"}'
}
vary_uki-sata() {
	from uki-sdboot "$base_cmdline uki-sata"
	network=0 disk=sata
	boot_order='{"pci": [31, 2], "path": "Sata(0x2,0xFFFF,0x0)", "description": "UEFI QEMU HARDDISK QM00005 "}'
}
vary_uki-network() {
	from uki-sdboot "$base_cmdline uki-network"
	local card='"pci": [3, 0], "path": "MAC(5254006d6201,0x1)' of='(MAC:5254006D6201)"'

	network_index=1
	boot_order+=", {$card\", \"description\": \"UEFI PXEv4 $of}"
	boot_order+=", {$card/IPv4(0.0.0.0)\", \"description\": \"UEFI PXEv4 $of}"
	boot_order+=", {$card/IPv6(0:0:0:0:0:0:0:0)\", \"description\": \"UEFI PXEv6 $of}"
	boot_order+=", {$card/IPv4(0.0.0.0)/Uri()\", \"description\": \"UEFI HTTPv4 $of}"
	boot_order+=", {$card/IPv6(0:0:0:0:0:0:0:0)/Uri()\", \"description\": \"UEFI HTTPv6 $of}"
}

# Debian 13's systemd-boot and systemd-stub: add-ons, a configuration extension, loader.conf in PCR 5; then user
# space measures its phases and the machine's id, by Debian 13's own program.
vary_uki13() {
	from uki-sdboot "$base_cmdline uki13"
	keepable=0 network=0 wants=debian13
	more_facts=",
	  \"userspace\": [\"enter-initrd\", \"leave-initrd\", \"machine-id:$machine_id\", \"sysinit\", \"ready\"]"
	initrd=$VM_WORK/phases-initrd.img
	alter_esp() {
		on_esp "$debian13/usr/lib/systemd/boot/efi/systemd-bootx64.efi" /EFI/BOOT/BOOTX64.EFI
		make_addon "quiet addon=one" "$work/one.addon.efi"
		make_addon "addon=two" "$work/two.addon.efi"
		on_esp "$work/one.addon.efi" /EFI/Linux/mbtest.efi.extra.d/one.addon.efi
		on_esp "$work/two.addon.efi" /loader/addons/two.addon.efi
		on_esp "$kept/mbtest.raw" /EFI/Linux/mbtest.efi.extra.d/etc.confext.raw
	}
	before_esp() {
		fetch_debian13
		uki_stub=$debian13/usr/lib/systemd/boot/efi/linuxx64.efi.stub
		make_phases_initrd "$initrd"
	}
}

# make_addon CMDLINE FILE
make_addon() {
	local stub=$debian13/usr/lib/systemd/boot/efi/addonx64.efi.stub base

	base=$((16#$(objdump -p "$stub" | awk '$1 == "ImageBase" { print $2 }')))
	printf '%s' "$1" > "$work/addon-cmdline"
	objcopy -p --add-section .cmdline="$work/addon-cmdline" --change-section-vma .cmdline=$((base + 0x30000)) "$stub" "$2"
}

# Debian 13's GRUB 2.12, started by the same shim.
vary_sb-grub13() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	keepable=0 wants=debian13
	before_esp() { fetch_debian13; }
	alter_esp() {
		on_esp "$debian13/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" /EFI/BOOT/grubx64.efi
	}
}

# Debian 11's shim 15.8 and its GRUB: another SbatLevel, another order.
vary_sb-grub11() {
	from sb-grub "root=/dev/vda2 rw $base_cmdline"
	keepable=0 wants=debian11
	before_esp() { fetch_debian11; }
	alter_esp() {
		on_esp "$debian11/usr/lib/shim/shimx64.efi.signed" /EFI/BOOT/BOOTX64.EFI
		on_esp "$debian11/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" /EFI/BOOT/grubx64.efi
	}
}

# Debian 13's Linux 6.12, by its EFI stub and by systemd-stub 252.
vary_efistub-linux13() {
	from efistub "root=/dev/vda2 rw $base_cmdline"
	keepable=0 wants=linux13
	before_esp() { fetch_linux13; vmlinuz=$linux13; }
}
vary_uki-linux13() {
	from uki-sdboot "$base_cmdline uki-linux13"
	keepable=0 network=0 wants=linux13
	before_esp() { fetch_linux13; vmlinuz=$linux13; }
}

# An ISO on a disk of 2048-byte sectors: its El Torito image is an ESP with a UKI.
vary_iso-uki() {
	from uki-sdboot "$base_cmdline iso-uki"
	keepable=0 network=0 sector=2048
	alter_esp() {
		on_esp "$work/mbtest.efi" /EFI/BOOT/BOOTX64.EFI
	}
	make_image() {
		rm -rf "$work/iso"
		mkdir -p "$work/iso"
		cp "$work/esp.img" "$work/iso/efi.img"
		xorriso -as mkisofs -quiet -V MBISO -eltorito-alt-boot -e efi.img -no-emul-boot -o "$1" "$work/iso" > "$work/xorriso.log" 2>&1
	}
}

# cpio_of NAME: an archive of that one file, from standard input.
cpio_of() {
	local dir=$work/cpio

	rm -rf "$dir"
	mkdir -p "$dir"
	cat > "$dir/$1"
	touch -d "@$SOURCE_DATE_EPOCH" "$dir/$1"
	( cd "$dir" && echo "$1" | cpio -o -H newc --reproducible -R 0:0 --quiet )
}

# An owner's key, and MokList with its certificate.
make_mok() {
	local dir=$VM_WORK/mok

	need openssl sbsign sbattach
	printf '\0' > "$VM_WORK/zero.bin"
	[ ! -e "$dir/list.bin" ] || return 0
	mkdir -p "$dir"
	openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 36500 -subj '/CN=Assay test machine owner' \
		-addext extendedKeyUsage=codeSigning -keyout "$dir/key.pem" -out "$dir/cert.pem" 2> "$dir/log"
	openssl x509 -in "$dir/cert.pem" -outform DER -out "$dir/cert.der"
	# EFI_SIGNATURE_LIST, one X.509 certificate (UEFI 2.10, 32.4.1).
	python3 - "$dir/cert.der" "$vm_guid" > "$dir/list.bin" <<-'PYTHON'
	import struct, sys, uuid
	certificate = open(sys.argv[1], "rb").read()
	data = uuid.UUID(sys.argv[2]).bytes_le + certificate
	sys.stdout.buffer.write(uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
	                        + struct.pack("<III", 28 + len(data), 0, len(data)) + data)
	PYTHON
}

# sign_again FILE OUT: by the owner instead.
sign_again() {
	cp "$1" "$2.unsigned"
	sbattach --remove "$2.unsigned" 2> "$2.log" || true # has none
	sbsign --key "$VM_WORK/mok/key.pem" --cert "$VM_WORK/mok/cert.pem" --output "$2" "$2.unsigned" > "$work/sbsign.log" 2>&1
}
