#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Collects the evidence, as files of a bundle, and writes a tar archive of them to the
# exchange disk. All is staged on tmpfs, which IMA's tcb policy leaves out, so that
# collecting adds nothing but the tools to the IMA log.
exchange=/dev/vdb
security=/sys/kernel/security
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
mkdir -p /run/bundle
cd /run/bundle || exit 1

run() { "$@" > /run/output 2>&1 || { echo "FAILED: $*"; cat /run/output; }; }

# make_ak SUFFIX ALGORITHM SCHEME: an AK, and a credential that binds it to the EK.
make_ak() {
	run tpm2_createak -C /run/ek.ctx -c "/run/ak$1.ctx" -G "$2" -g sha256 -s "$3" -u "ak$1.pub" -n "ak$1.name"
	printf 'ak%s and ek in one tpm' "$1" > "credential$1.secret"
	run tpm2_makecredential -u ek.pub -s "credential$1.secret" -n "$(xxd -p "ak$1.name" | tr -d '\n')" -o "credential$1.blob"
	run tpm2_startauthsession --policy-session -S /run/session.ctx
	run tpm2_policysecret -S /run/session.ctx -c e
	run tpm2_activatecredential -c "/run/ak$1.ctx" -C /run/ek.ctx -i "credential$1.blob" \
		-o "credential$1.recovered" -P session:/run/session.ctx
	run tpm2_flushcontext /run/session.ctx
}

# quote SUFFIX KEY PCRS
quote() {
	run tpm2_quote -c "/run/$2.ctx" -l "$3" -q "$nonce" -g sha256 -m "quote$1.msg" -s "quote$1.sig" -o "quote$1.pcrs"
}

capture() {
	cat $security/tpm0/binary_bios_measurements > binary_bios_measurements
	cat $security/integrity/ima/binary_runtime_measurements > binary_runtime_measurements
	cat $security/integrity/ima/ascii_runtime_measurements > ascii_runtime_measurements
	cat $security/integrity/ima/violations > violations
	run tpm2_pcrread
	cp /run/output pcrs.yaml
	quote '' ak "sha256:$pcrs"
	quote -ecc ak-ecc "sha256:$pcrs"
	quote -multi ak "sha1:$pcrs+sha256:$pcrs+sha384:$pcrs"
	quote -ecc-multi ak-ecc "sha1:$pcrs+sha256:$pcrs+sha384:$pcrs"
}

nonce=$(dd if=$exchange bs=40 count=1 2> /dev/null)
pcrs=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14
echo "$nonce" > nonce
cat /proc/cmdline > cmdline
run tpm2_nvread 0x1C00002 -o ek.crt # TCG EK Credential Profile, 2.2.1.4: RSA 2048
run tpm2_createek -c /run/ek.ctx -G rsa -u ek.pub
make_ak '' rsa rsassa
make_ak -ecc ecc ecdsa
run tpm2_certify -C /run/ak.ctx -c /run/ak-ecc.ctx -g sha256 -o ak-ecc.certify.msg -s ak-ecc.certify.sig
cp ak.pub ak-multi.pub
cp ak-ecc.pub ak-ecc-multi.pub

# The log must not grow while PCRs are read and quoted. The first round may: it brings
# in the tools.
for round in 1 2 3 4 5; do
	before=$(cat $security/integrity/ima/runtime_measurements_count)
	echo "round $round: $before IMA entries"
	capture
	if [ "$before" = "$(cat $security/integrity/ima/runtime_measurements_count)" ]; then
		touch complete
		break
	fi
done
tar -c . | dd of=$exchange bs=1M seek=1 conv=notrunc 2> /dev/null
