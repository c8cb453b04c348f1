#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# usage: verify.sh BUNDLE...
#
# Do the parts of a capture agree? Asks tpm2-tools, evmctl and OpenSSL, which share no
# code with Assay. Exit status 1 if anything disagrees.
set -euo pipefail
export LC_ALL=C

banks=(sha1 sha256 sha384 sha512)
failed=0

result() { # TEXT COMMAND...: the check TEXT holds if COMMAND succeeds
	local text=$1

	shift
	if "$@" > "$tmp/output" 2>&1; then
		printf 'ok    %s\n' "$text"
	else
		printf 'FAIL  %s: %s\n' "$text" "$(tail -n 1 "$tmp/output")"
		failed=$((failed + 1))
	fi
}

# pcr FILE BANK INDEX: from what tpm2_pcrread or tpm2_eventlog printed.
pcr() {
	awk -v bank="$2:" -v index_="$3" '
		$1 ~ /^sha[0-9]+:$/ { here = $1 == bank }
		here && $1 ~ "^" index_ ":?$" { print tolower(substr($NF, 3)); exit }' "$1"
}

# What the log doesn't extend must be as it was at reset.
event_log_replays() {
	local bank=$1 i expected found

	for i in {0..9} {11..15}; do
		found=$(pcr "$bundle/pcrs.yaml" "$bank" "$i")
		expected=$(pcr "$tmp/event-pcrs.yaml" "$bank" "$i")
		[ -n "$expected" ] || expected=${found//?/0}
		if [ -z "$found" ] || [ "$found" != "$expected" ]; then
			echo "PCR $i"
			return 1
		fi
	done
}

ima_log_replays() {
	local bank=$1 i

	case $bank in
	sha1|sha256)
		for i in {0..23}; do
			printf 'PCR-%02d: %s\n' "$i" "$(pcr "$bundle/pcrs.yaml" "$bank" "$i" | tr a-f A-F | sed 's/../& /g')"
		done > "$tmp/pcrs-$bank"
		evmctl ima_measurement --ignore-violations --pcrs "$bank,$tmp/pcrs-$bank" "$bundle/binary_runtime_measurements" ;;
	*)
		# evmctl reads no such file. Debian's kernel has SHA-512 as a module, so IMA starts
		# without it and extends these banks with the SHA-1 template digest and zeros.
		[ "$(replay_padded "$bank")" = "$(pcr "$bundle/pcrs.yaml" "$bank" 10)" ] ;;
	esac
}

replay_padded() {
	python3 - "$bundle/binary_runtime_measurements" "$1" <<-'PYTHON'
	import hashlib, struct, sys
	log, bank = open(sys.argv[1], "rb").read(), sys.argv[2]
	size, at = hashlib.new(bank).digest_size, 0
	pcr = bytes(size)
	while at < len(log):
	    digest, name_size = log[at + 4:at + 24], struct.unpack_from("<I", log, at + 24)[0]
	    at += 28 + name_size
	    at += 4 + struct.unpack_from("<I", log, at)[0]
	    extended = b"\xff" * size if digest == bytes(20) else digest + bytes(size - 20)
	    pcr = hashlib.new(bank, pcr + extended).digest()
	print(pcr.hex())
	PYTHON
}

boot_aggregate() {
	local i

	[ "$(awk '$5 == "boot_aggregate" { print $4; exit }' "$bundle/ascii_runtime_measurements")" = \
		"sha256:$(for i in {0..9}; do pcr "$bundle/pcrs.yaml" sha256 "$i"; done | tr -d '\n' | xxd -r -p | sha256sum | cut -d' ' -f1)" ]
}

ek_certificate() {
	openssl x509 -inform DER -in "$bundle/ek.crt" -out "$tmp/ek.pem"
	openssl verify -CAfile "$bundle/ca/root.pem" -untrusted "$bundle/ca/issuer.pem" "$tmp/ek.pem"
	tpm2_print -t TPM2B_PUBLIC -f pem "$bundle/ek.pub" > "$tmp/ek-public.pem"
	cmp <(openssl x509 -in "$tmp/ek.pem" -noout -pubkey | openssl pkey -pubin -outform DER) \
		<(openssl pkey -pubin -in "$tmp/ek-public.pem" -outform DER)
}

check_bundle() {
	local bank message name ak

	tpm2_eventlog "$bundle/binary_bios_measurements" 2> /dev/null | sed -n '/^pcrs:/,$p' > "$tmp/event-pcrs.yaml"
	for bank in "${banks[@]}"; do
		result "the event log replays to the PCRs, $bank" event_log_replays "$bank"
		result "the IMA log replays to PCR 10, $bank" ima_log_replays "$bank"
	done
	result "boot_aggregate is over PCRs 0-9" boot_aggregate
	for message in "$bundle"/quote*.msg; do
		name=$(basename "${message%.msg}")
		ak=$bundle/ak${name#quote}.pub
		result "$name: signature, nonce, PCR digest" tpm2_checkquote -u "$ak" -g sha256 -m "$message" \
			-s "${message%.msg}.sig" -f "${message%.msg}.pcrs" -q "$(cat "$bundle/nonce")"
	done
	for name in '' -ecc; do
		result "credential$name was recovered" cmp "$bundle/credential$name.secret" "$bundle/credential$name.recovered"
	done
	result "ek.crt chains to the root and is of the EK" ek_certificate
	tpm2_print -t TPM2B_PUBLIC -f pem "$bundle/ak.pub" > "$tmp/ak.pem"
	tail -c 256 "$bundle/ak-ecc.certify.sig" > "$tmp/certify.sig"
	result "ak-ecc.certify is signed by ak" openssl dgst -sha256 -verify "$tmp/ak.pem" \
		-signature "$tmp/certify.sig" "$bundle/ak-ecc.certify.msg"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for bundle; do
	echo "== $(basename "$bundle")"
	check_bundle
done
echo "$failed checks failed"
[ $failed = 0 ]
