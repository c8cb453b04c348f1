# shellcheck shell=bash
# shellcheck disable=SC2154,SC2054 # set in settings.sh and capture.sh; qemu wants its commas
# SPDX-License-Identifier: BSD-2-Clause
#
# The machine: its TPM, its EFI variables, and one run from power on to power off.

# A TPM 2.0 with four PCR banks, and endorsement keys whose certificates come from a
# root and an issuer made with it.
make_tpm() {
	local tpm=$work/tpm

	need swtpm swtpm_setup swtpm_localca certtool
	rm -rf "$tpm"
	mkdir -p "$tpm/state" "$tpm/ca"
	cat > "$tpm/localca.conf" <<-CONFIG
	statedir = $tpm/ca
	signingkey = $tpm/ca/signkey.pem
	issuercert = $tpm/ca/issuercert.pem
	certserial = $tpm/ca/certserial
	CONFIG
	printf -- '--platform-manufacturer QEMU\n--platform-version 7.2\n--platform-model q35\n' > "$tpm/localca.options"
	cat > "$tpm/setup.conf" <<-CONFIG
	create_certs_tool = $(command -v swtpm_localca)
	create_certs_tool_config = $tpm/localca.conf
	create_certs_tool_options = $tpm/localca.options
	active_pcr_banks = sha1,sha256,sha384,sha512
	CONFIG
	swtpm_setup --tpm2 --tpmstate "$tpm/state" --config "$tpm/setup.conf" --create-ek-cert \
		--lock-nvram --overwrite --pcr-banks sha1,sha256,sha384,sha512 --logfile "$tpm/setup.log" > /dev/null ||
		{ tail "$tpm/setup.log" >&2; die "swtpm_setup failed"; }
}

# Sets swtpm_pid. swtpm ends by itself when qemu lets go of it.
start_tpm() {
	local tpm=$work/tpm n

	rm -f "$tpm/socket" "$tpm/pid"
	swtpm socket --tpm2 --tpmstate "dir=$tpm/state" --ctrl "type=unixio,path=$tpm/socket" \
		--log "file=$tpm/swtpm.log,level=1" --pid "file=$tpm/pid" --terminate --daemon
	for n in {1..25}; do
		if [ -s "$tpm/pid" ]; then break; fi
		sleep 0.2
	done
	[ -s "$tpm/pid" ] || die "swtpm did not start after $n looks"
	swtpm_pid=$(cat "$tpm/pid")
}

stop_tpm() {
	local n

	for n in {1..25}; do
		[ -d "/proc/$swtpm_pid" ] || return 0
		sleep 0.2
	done
	log "ending swtpm after $n looks"
	kill "$swtpm_pid" 2> /dev/null || true
}

# The variables the boot starts from. The EFI stub scenario needs a Boot#### entry:
# the kernel's command line is the entry's options, initrd= a file on the kernel's volume.
make_variables() {
	local name guid attributes file

	cp "$ovmf_dir/$variables" "$work/vars.fd"
	chmod 644 "$work/vars.fd"
	[ "$loader" != stub ] ||
		"$here/efi-variables.py" "$work/vars.fd" boot-entry 1 mbtest "1,2048,$((esp_mib * 2048)),$esp_guid" \
			'\EFI\mbtest\vmlinuz.efi' "initrd=\\EFI\\mbtest\\initrd.img $cmdline"
	[ "$more_entries" = 0 ] || add_lost_entries
	for name in "${!efi_variables[@]}"; do
		read -r guid attributes file <<< "${efi_variables[$name]}"
		"$here/efi-variables.py" "$work/vars.fd" set "$name" "$guid" "$attributes" "$file"
	done
}

# One on a partition that is not there, one of a file that is not there.
add_lost_entries() {
	"$here/efi-variables.py" "$work/vars.fd" boot-entry 5 'no such disk' \
		"1,2048,204800,6d656173-7572-6564-2d62-6f6f74ffffff" '\EFI\gone\gone.efi' ''
	"$here/efi-variables.py" "$work/vars.fd" boot-entry 3 'no such file' \
		"1,2048,$((esp_mib * 2048)),$esp_guid" '\EFI\gone\gone.efi' 'gone'
}

# The order of the devices gives their PCI slots, hence the device paths in the event
# log, and vda (system) and vdb (exchange) in the guest.
run_machine() {
	local devices=() smm=off rc=0

	if [ "$secure_boot" = 1 ]; then
		smm=on
		devices+=(-global driver=cfi.pflash01,property=secure,value=on)
	fi
	devices+=(-drive "file=$work/disk-run.img,format=raw,if=none,id=disk")
	case $disk in
	virtio) devices+=(-device "virtio-blk-pci,drive=disk,bootindex=0,logical_block_size=$sector,physical_block_size=$sector") ;;
	scsi)   devices+=(-device virtio-scsi-pci,id=scsi -device scsi-hd,drive=disk,bus=scsi.0,scsi-id=3,lun=1,bootindex=0) ;;
	nvme)   devices+=(-device nvme,drive=disk,serial=mbtest,bootindex=0) ;;
	sata)   devices+=(-device ide-hd,drive=disk,bus=ide.2,bootindex=0) ;;
	esac
	devices+=(-drive "file=$work/exchange.img,format=raw,if=none,id=exchange" -device virtio-blk-pci,drive=exchange)
	if [ "$network" != 0 ]; then
		devices+=(-netdev user,id=net,restrict=on -device "virtio-net-pci,netdev=net,mac=52:54:00:6d:62:01${network_index:+,bootindex=$network_index}")
	else
		devices+=(-nic none)
	fi
	start_tpm
	timeout --foreground --kill-after=5 "$VM_TIMEOUT" qemu-system-x86_64 \
		-machine "q35,smm=$smm,accel=$VM_ACCEL" -cpu "$VM_CPU" -m "$memory" -smp "$cpus" \
		-global ICH9-LPC.disable_s3=1 "${devices[@]}" \
		-drive "if=pflash,format=raw,unit=0,readonly=on,file=$ovmf_dir/$firmware" \
		-drive "if=pflash,format=raw,unit=1,file=$work/vars.fd" \
		-chardev "socket,id=tpm,path=$work/tpm/socket" -tpmdev emulator,id=tpm0,chardev=tpm -device "$VM_TPM,tpmdev=tpm0" \
		-smbios "type=1,uuid=$machine_uuid" -rtc base=2026-01-02T03:04:05,clock=vm \
		-vga none -display none -monitor none -serial "file:$work/serial.log" -no-reboot < /dev/null || rc=$?
	stop_tpm
	return $rc
}

# Boots a copy of the disk. The exchange disk carries the nonce in and, from 1 MiB on,
# a tar archive out, which is unpacked to $work/guest.
boot() {
	need qemu-system-x86_64
	log "$scenario: booting; the console is $work/serial.log"
	cp --sparse=always "$work/disk.img" "$work/disk-run.img"
	rm -rf "$work/exchange.img" "$work/guest"
	truncate -s 16M "$work/exchange.img"
	od -An -v -N20 -tx1 /dev/urandom | tr -d ' \n' | dd of="$work/exchange.img" conv=notrunc status=none
	run_machine || die "$scenario: the boot failed or took too long; see $work/serial.log"
	mkdir -p "$work/guest"
	dd if="$work/exchange.img" bs=1M skip=1 status=none | tar -x -C "$work/guest" 2> /dev/null || true
	[ -e "$work/guest/complete" ] || die "$scenario: no complete capture; see $work/serial.log"
}
