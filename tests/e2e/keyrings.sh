#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's keyrings of a release: imported, listed, looked up, compared; signatures of captured logs are checked
# with them. Identifiers and fingerprints are compared with openssl's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
umask 022
json_has() { jq -e "$1" "$OUT" > /dev/null || { head -c 1500 "$OUT"; return 1; }; }
in_json() { check "$1" json_has "$2"; }

cert=$TOP/tests/vectors/keys/ima-cert.der
id=876ee4f2
print=$(sha256sum < "$cert" | cut -d' ' -f1)
if ! command -v openssl > /dev/null; then
    skip "keyrings" "no openssl"
    finish
fi

# --- keys are read, private ones are not --------------------------------------------------------------
check "openssl has the same identifier" [ "$(openssl x509 -inform DER -in "$cert" -noout -ext subjectKeyIdentifier |
    tail -n1 | tr -d ' :' | tail -c9 | tr A-F a-f)" = $id ]
check_run "a certificate" 0 "$ASSAY" refgen keys --release one --keyring .ima --db golden.db "$cert"
check "  is an artifact without files" contains "$OUT" "1 artifact added (0 files)"
openssl x509 -inform DER -in "$cert" -out cert.pem
check_run "the same in another form" 0 "$ASSAY" refgen keys -r one -k ima --db golden.db cert.pem
check "  is there already" contains "$OUT" "0 artifacts added (0 files), 1 already there"
openssl ecparam -genkey -name prime256v1 -noout -out private.pem
openssl req -x509 -key private.pem -days 3650 -subj '/CN=Second "key"' -out second.pem
openssl ec -in private.pem -pubout -out public.pem 2> /dev/null
other=$(openssl x509 -in second.pem -noout -ext subjectKeyIdentifier | tail -n1 | tr -d ' :' | tr A-F a-f)
cat cert.pem second.pem public.pem > two.pem
check_run "several, in one file" 0 "$ASSAY" refgen keys -r two -k .ima --db golden.db --json two.pem
in_json "  told" '.artifacts[0] | .kind == "keys" and (.keys | length == 3) and (.keys | map(.form) | sort) ==
    ["certificate", "certificate", "public-key"]'
check_run "of another keyring" 0 "$ASSAY" refgen keys -r two -k .evm --db golden.db second.pem
openssl pkcs8 -topk8 -nocrypt -in private.pem -outform DER -out private.der
openssl pkcs8 -topk8 -passout pass:x -in private.pem -out encrypted.pem
openssl pkcs12 -export -passout pass:x -inkey private.pem -in second.pem -out bundle.p12
cat second.pem private.pem > mixed.pem
for file in private.pem private.der encrypted.pem bundle.p12 mixed.pem; do
    check_run "$file is refused" 3 "$ASSAY" refgen keys -r three -k .ima --db golden.db $file
    check "  for what it is" contains "$ERR" "a private key should not be here"
    check_run "nor by audit --ima-key: $file" 3 "$ASSAY" audit --ima-key "$file" "$TOP/tests/vectors/captures/sb-grub"
    check "  for what it is" contains "$ERR" "a private key should not be here"
done
check_run "nothing of it is in the database" 0 "$ASSAY" db list --db golden.db
check "  not even the release" lacks "$OUT" three
check_run "a dry run" 0 "$ASSAY" refgen keys -n -k .platform second.pem
check "  shows the key" contains "$OUT" "${other: -8}  certificate"
check_run "no keyring is a usage error" 2 "$ASSAY" refgen keys -r one --db golden.db "$cert"
check_run "one that no kernel has is one" 2 "$ASSAY" refgen keys -r one -k .imaa --db golden.db "$cert"
check_run "no file is one" 2 "$ASSAY" refgen keys -r one -k .ima --db golden.db
check_run "a file without keys" 3 "$ASSAY" refgen keys -r one -k .ima --db golden.db "$0"

# --- and found ----------------------------------------------------------------------------------------
check_run "the database is whole" 0 "$ASSAY" db info --check --db golden.db
check "  and says what it has" contains "$OUT" "Keys        4 .ima, 1 .evm"
check_run "keys are listed" 0 "$ASSAY" db list keys --db golden.db
check "  by release and keyring" [ "$(awk '{ print $1, $2, $3 }' "$OUT" | sort | uniq -c | tr -s ' ')" = "$(printf '%s\n' \
    " 1 one .ima $id" " 1 two .evm ${other: -8}" " 1 two .ima $id" " 2 two .ima ${other: -8}" | sort -k2)" ]
check_run "those of one release" 0 "$ASSAY" db list keys -r one --json --db golden.db
in_json "  alone" '.keys | length == 1 and .[0].fingerprint == "'"$print"'" and .[0].keyring == ".ima"'
check_run "an artifact is" 0 "$ASSAY" db list artifacts --json --db golden.db
in_json "  of its kind" '[.artifacts[].kind] | unique == ["keys"]'
check_run "a key by what a signature has" 0 "$ASSAY" db lookup $id --db golden.db
check "  in both" [ "$(cut -d' ' -f1 "$OUT" | tr '\n' ' ')" = "one two " ]
check_run "by its subject key identifier" 0 "$ASSAY" db lookup "$other" -r two --json --db golden.db
in_json "  in both keyrings" '[.keys[].keyring] | unique == [".evm", ".ima"]'
check_run "by its fingerprint" 0 "$ASSAY" db lookup "sha256:$print" -r one --json --db golden.db
in_json "  with its name" '.keys[0].name == "Assay test IMA key" and .keys[0].key_ids == ["'$id'"]'
check_run "one that nobody has" 1 "$ASSAY" db lookup 12345678 --db golden.db
check_run "what changed between releases" 0 "$ASSAY" db diff one two --db golden.db
check "  is said" contains "$OUT" "keys: 3 added, 0 removed"
check_run "and the other way" 0 "$ASSAY" db diff two one --json --db golden.db
in_json "  key by key" '(.keys | length == 3) and ([.keys[].change] | unique == ["removed"]) and (.packages | length == 0)'
cp golden.db flipped.db
python3 - << 'PY'
data = bytearray(open('flipped.db', 'rb').read())
at = data.index(b'Assay test IMA key')
data[at] ^= 1
open('flipped.db', 'wb').write(data)
PY
check_run "a flipped byte in a key is seen" 3 "$ASSAY" db list keys --db flipped.db

# --- signatures of a captured log, made by rpm's files and checked by the kernel that logged them ------
capture=$TOP/tests/vectors/captures/sb-grub
cp golden.db audit.db
check_run "the packages of a capture" 0 "$ASSAY" refgen rpm -q -r one --db audit.db "$TOP/tests/vectors/rpms"
check_run "and its initrd" 0 "$ASSAY" refgen initrd -q -r one --db audit.db "$TOP/tests/vectors/initrd.img"
check_run "an empty release" 0 "$ASSAY" refgen keys -q -r three -k .evm --db audit.db second.pem
audit() { # WHAT STATUS OPTION...
    local what=$1 status=$2
    shift 2
    check_run "$what" "$status" "$ASSAY" audit --json --db audit.db --ak "$capture/ak.pub" "$@" "$capture"
}
audit "with the keys of its release" 0 --release one
in_json "  its signatures hold" '.bundles[0].checks | any(.check == "ima.signatures" and (.detail | startswith("of 23 signatures 23 hold")))'
in_json "  and are told by key, keyring and release" '.bundles[0].checks | any(.check == "ima.signer" and
    .detail == "23 signatures hold with Assay test IMA key (.ima of release one)")'
in_json "  it is said whence the keys are" '.enforced | any(.what == "keys that sign files: 1 of the releases'"'"' keyrings" and .by == "--db")'
audit "with those of another release" 1 --release three
in_json "  it is said whose they are" '[.bundles[0].findings[] | select(.code == "ima.signature-release")] | length == 23 and
    (.[0].message | contains("Assay test IMA key (.ima of release one)"))'
check_run "a buffer that the kernel measured" 5 "$ASSAY" audit --db audit.db "$TOP/tests/vectors/captures/uki-sdboot"
check "  is told in words" contains "$OUT" "kernel_version  entry 1, text"
check_run "and in JSON" 5 "$ASSAY" audit --json --db audit.db "$TOP/tests/vectors/captures/uki-sdboot"
in_json "  is told, decoded" '.bundles[0].buffers == [{"name": "kernel_version", "index": 1, "kind": "text", "size": 14,
    "text": "6.1.0-56-amd64", "attested": true}]'
audit "all releases count by default" 0
in_json "  with all of their keys" '.bundles[0].checks | any(.check == "ima.signer" and (.detail | contains(".ima of release one")))'

# --- fs-verity signatures, as rpmsign --signverity puts them beside a package's files: fsverity's own --------
: "${TEST_PROGRAMS:=$TOP/build/tests}"
edit=$TEST_PROGRAMS/tools/rpm_edit
if ! command -v fsverity > /dev/null || ! command -v rpm2cpio > /dev/null || [ ! -x "$edit" ]; then
    skip "fs-verity signatures of packages" "no fsverity, rpm2cpio or rpm_edit"
    finish
fi
package=$TOP/tests/vectors/rpms/mb-coreutils-9.1-1.x86_64.rpm
mkdir files
rpm2cpio "$package" | (cd files && cpio -idm --quiet --no-absolute-filenames 2> /dev/null)
openssl req -x509 -newkey rsa:2048 -nodes -keyout verity.key -out verity.pem -days 3650 -subj /CN=verity 2> /dev/null
sign() { # PATHS OUT: a line for each, empty where it is no regular file
    local path
    while read -r path; do
        if [ -f "files$path" ] && [ ! -L "files$path" ]; then
            fsverity sign "files$path" verity.sig --key verity.key --cert verity.pem --hash-alg "$3" > /dev/null && base64 -w0 verity.sig
        fi
        echo
    done < "$1" > "$2"
}
rpm -qp --qf '[%{FILENAMES}\n]' "$package" > paths 2> /dev/null
sign paths signatures sha256
n=$(grep -c . signatures)
cp "$package" signed.rpm
"$edit" signed.rpm strings 276 signatures && "$edit" signed.rpm int32 277 1
check_run "keys of .fs-verity" 0 "$ASSAY" refgen keys -q -r v -k .fs-verity --db verity.db verity.pem
rpm_of() { "$ASSAY" refgen rpm -v -r "$1" -a "$2" --db "$3" "$4"; }
check_run "a package with fs-verity signatures" 0 rpm_of v sha256,verity-sha256 verity.db signed.rpm
check "  which hold" contains "$ERR" "$n fs-verity signatures hold"
check_run "fsverity has the digest that is stored" 0 "$ASSAY" db lookup --db verity.db "verity-sha256:$(fsverity digest --compact files/usr/bin/cat)"
check_run "without their digests" 0 rpm_of v sha256 verity-1.db signed.rpm
check "  they are not checked" contains "$ERR" "$n fs-verity signatures are not checked"
check_run "without a key" 0 rpm_of w sha256,verity-sha256 verity-1.db signed.rpm
check "  neither" contains "$ERR" "by no key that the release has in .fs-verity: it has none"
check_run "another release's key is none" 0 "$ASSAY" refgen keys -q -r x -k .fs-verity --db verity-2.db verity.pem
check_run "  for this one" 0 rpm_of y sha256,verity-sha256 verity-2.db signed.rpm
check "  as is said" contains "$ERR" "by no key that the release has in .fs-verity"
sign paths signatures-512 sha512
cp "$package" signed-512.rpm
"$edit" signed-512.rpm strings 276 signatures-512 && "$edit" signed-512.rpm int32 277 2
check_run "over SHA-512" 0 "$ASSAY" refgen keys -q -r v -k .fs-verity --db verity-3.db verity.pem
check_run "  signed" 0 rpm_of v sha256,verity-sha512 verity-3.db signed-512.rpm
check "  which hold" contains "$ERR" "$n fs-verity signatures hold"
# The signature of one file beside another.
awk 'NR > 1 { print last } { last = $0 } END { print last }' signatures | sed "1s|.*|$(sed -n 3p signatures)|" > moved
cp "$package" moved.rpm
"$edit" moved.rpm strings 276 moved && "$edit" moved.rpm int32 277 1
check_run "a signature of another file is refused" 1 rpm_of v sha256,verity-sha256 verity.db moved.rpm
check "  by name" contains "$ERR" "that of '/usr/bin/cat' is not over its fs-verity digest"

finish
