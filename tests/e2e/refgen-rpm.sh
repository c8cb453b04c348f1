#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# refgen rpm on packages made by rpmbuild from this machine's programs.
. "$(dirname "$0")/lib.sh"
: "${TEST_PROGRAMS:=$TOP/build/tests}"
RPM_EDIT=$TEST_PROGRAMS/tools/rpm_edit
export LC_ALL=C SOURCE_DATE_EPOCH=1700000000 GNUPGHOME=$SCRATCH/g
for tool in rpmbuild rpmsign gpg rpm2cpio cpio jq; do
    command -v "$tool" > /dev/null || { skip "refgen rpm" "no $tool: make deps"; finish; }
done
cd "$SCRATCH" || exit 1
E2E_CLEANUP+=("gpgconf --kill all 2> /dev/null")

# --- keys and packages -------------------------------------------------------------------------

mkdir -m 700 g
key() { gpg --batch --quiet --passphrase '' --quick-gen-key "$1 <$1@example.org>" "$2" sign "${3:-never}" 2>> gpg.log; }
key rsa rsa3072; key eddsa ed25519; key ecdsa nistp256; key other rsa2048; key revoked rsa2048
for k in rsa eddsa ecdsa other revoked; do gpg --batch --armor --export "$k@" > "$k.asc"; done
fingerprint() { gpg --batch --with-colons --list-keys "$1@" | awk -F: '$1 == "fpr" { print tolower($10); exit }'; }

mkdir -p top stage/{usr/{bin,lib,share/made/deep},etc/made,var/lib/made,opt/made}
cp -L "$(command -v cat)" stage/usr/bin/made-cat
cp -L "$(command -v id)" stage/usr/bin/made-id; chmod 4755 stage/usr/bin/made-id
ln stage/usr/bin/made-cat stage/usr/bin/made-cat-again
ln -s made-cat stage/usr/bin/made-link
ln -s /usr/bin/made-cat stage/usr/lib/absolute
printf '#!/bin/sh\necho made\n' > stage/usr/bin/made-script; chmod 755 stage/usr/bin/made-script
cp -L "$(ldd "$(command -v bash)" | sed -n 's/.*libtinfo.* => \([^ ]*\).*/\1/p')" stage/usr/lib/libmade.so.6
printf 'a = 1\n' > stage/etc/made/made.conf
: > stage/usr/share/made/empty
seq 1 200000 > stage/usr/share/made/deep/numbers
printf 'text' > 'stage/usr/share/made/a name with blanks'
printf 'Umlaut' > "$(printf 'stage/usr/share/made/gr\303\274n')"
: > stage/var/lib/made/state
cat > made.spec << 'SPEC'
Name: %{made_name}
Epoch: 2
Version: 1.0
Release: 1
Summary: made
License: none
Vendor: Vendor of tests
AutoReqProv: no
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%description
made
%files
%defattr(-,root,root)
%caps(cap_net_raw=ep) /usr/bin/made-cat
/usr/bin/made-cat-again
/usr/bin/made-id
/usr/bin/made-link
/usr/bin/made-script
/usr/lib/absolute
/usr/lib/libmade.so.6
/usr/share/made
%dir /etc/made
%config(noreplace) /etc/made/made.conf
%doc /usr/share/made/deep/numbers
%ghost /var/lib/made/state
SPEC
make_rpm() { # NAME PAYLOAD FILEDIGEST
    rpmbuild -bb --quiet --define "_topdir $SCRATCH/top" --define "_rpmdir $SCRATCH/rpms" --define "made_name $1" \
        --define '_build_name_fmt %%{NAME}.rpm' --define '_buildhost build.example.org' --buildroot "$SCRATCH/stage.$1" \
        --define "_binary_payload $2" --define "_binary_filedigest_algorithm $3" made.spec > "log.$1" 2>&1
}
mkdir rpms
for row in "xz w2.xzdio 8" "zstd w3.zstdio 8" "gzip w6.gzdio 8" "bzip2 w9.bzdio 8" "plain w.ufdio 8" "sha512 w3.zstdio 10" "md5 w6.gzdio 1"; do
    read -r name payload digest <<< "$row"
    cp -a stage "stage.$name"
    check "rpmbuild makes $name" make_rpm "$name" "$payload" "$digest"
done
sign() { rpmsign --addsign --define "__gpg $(command -v gpg)" --define "_gpg_name $1@" "rpms/$2.rpm" >> sign.log 2>&1; }
check "rpmsign signs with RSA" sign rsa xz
check "rpmsign signs with EdDSA" sign eddsa zstd
ecdsa() { # rpm 4.18 knows no ECDSA
    "$RPM_EDIT" rpms/gzip.rpm header > header.bin && gpg --batch --quiet -u ecdsa@ --detach-sign header.bin 2>> gpg.log &&
        "$RPM_EDIT" rpms/gzip.rpm binary 267 header.bin.sig
}
check "a signature with ECDSA is put in" ecdsa

# --- what is read --------------------------------------------------------------------------------

# The SHA-256 of each regular file, as another program unpacks the package.
unpacked() {
    mkdir -p "out.$1" && rpm2cpio "rpms/$1.rpm" | (cd "out.$1" && cpio -id --quiet --no-absolute-filenames 2> /dev/null)
    (cd "out.$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sed 's, \./, /,' | tr -s ' ')
}
listed() { jq -r '.artifacts[].files[] | select(.digests.sha256) | .digests.sha256 + " " + .path' "$1" | sort -k2; }
same_as_unpacked() {
    run 0 "$ASSAY" refgen rpm --dry-run --json "rpms/$1.rpm" && cp "$OUT" "$1.json" &&
        unpacked "$1" | sort -k2 > "$1.unpacked" && listed "$1.json" > "$1.listed" &&
        [ -s "$1.listed" ] && same "$1.unpacked" "$1.listed"
}
for name in xz zstd gzip bzip2 plain sha512 md5; do
    check "$name: every file's digest is that of its contents" same_as_unpacked "$name"
done

field() { [ "$(jq -r ".artifacts[0].$1" xz.json)" = "$2" ] || { echo "# $1: $(jq -c ".artifacts[0].$1" xz.json)"; return 1; }; }
file_field() { field "files[] | select(.path == \"$1\") | .$2" "$3"; }
check "name" field name "xz-1.0-1.$(uname -m)"
check "evr" field evr 2:1.0-1
check "vendor" field vendor "Vendor of tests"
check "build host" field build_host build.example.org
check "source RPM" field source_rpm "xz-1.0-1.src.rpm"
check "digest of the package" field digest.sha256 "$(sha256sum < rpms/xz.rpm | cut -d' ' -f1)"
check "an executable" file_field /usr/bin/made-cat kind executable
check "its capabilities" file_field /usr/bin/made-cat capabilities cap_net_raw=ep
check "a set-uid one" file_field /usr/bin/made-id mode 104755
check "a shared object" file_field /usr/lib/libmade.so.6 kind shared-object
check "a script" file_field /usr/bin/made-script kind script
check "its build-id" test "$(jq -r '.artifacts[0].files[] | select(.path == "/usr/lib/libmade.so.6") | .build_id' xz.json)" = \
    "$(readelf -n stage/usr/lib/libmade.so.6 | sed -n 's/.*Build ID: //p')"
check "a configuration file" file_field /etc/made/made.conf 'flags[0]' config
check "documentation" file_field /usr/share/made/deep/numbers 'flags[0]' doc
check "a ghost, without digest" file_field /var/lib/made/state 'flags[0]' ghost
check "a name that is not ASCII" file_field "$(printf '/usr/share/made/gr\303\274n')" size 6
check "a symbolic link" field 'links[] | select(.path == "/usr/bin/made-link") | .target' made-cat
check "MD5 is kept as MD5" test "$(jq -r '.artifacts[0].files[] | select(.path == "/usr/share/made/empty") | .digests.md5' md5.json)" = \
    d41d8cd98f00b204e9800998ecf8427e

algorithms() {
    run 0 "$ASSAY" refgen rpm -n --json -a sha1,sha256,sha384,sha512 rpms/zstd.rpm && local a &&
        for a in sha1 sha256 sha384 sha512; do
            [ "$(jq -r ".artifacts[0].files[] | select(.path == \"/usr/bin/made-id\") | .digests.$a" "$OUT")" = \
                "$("${a}sum" < stage/usr/bin/made-id | cut -d' ' -f1)" ] || return 1
        done
}
check "digests in every algorithm asked for" algorithms

# --- IMA signatures ------------------------------------------------------------------------------

rpm -qp --nosignature --qf '[%{FILEDIGESTS}\n]' rpms/plain.rpm |
    awk '{ print $1 == "" ? "" : "030204c0ffee000000" substr($1, 1, 2 * (1 + NR % 5)) }' > ima.lines
cp rpms/plain.rpm rpms/ima.rpm
ima() {
    "$RPM_EDIT" rpms/ima.rpm strings 274 ima.lines && "$RPM_EDIT" rpms/ima.rpm int32 275 3 && # a wrong length
        rpm -qp --nosignature --qf '[%{FILENAMES}\t%{FILESIGNATURES}\n]' rpms/ima.rpm 2> /dev/null | awk -F'\t' '$2' > ima.expected &&
        [ -s ima.expected ] && run 0 "$ASSAY" refgen rpm -n --json rpms/ima.rpm &&
        jq -r '.artifacts[0].files[] | select(.ima_signature) | .path + "\t" + .ima_signature' "$OUT" > ima.listed &&
        same ima.expected ima.listed
}
check "IMA signatures byte for byte, whatever the length tag says" ima
verity() {
    cp rpms/plain.rpm rpms/verity.rpm && sed 's/..*/3q2+7w==/' ima.lines > verity.lines &&
        "$RPM_EDIT" rpms/verity.rpm strings 276 verity.lines && run 0 "$ASSAY" refgen rpm -n --json rpms/verity.rpm &&
        [ "$(jq -r '.artifacts[0].files[] | select(.path == "/usr/bin/made-id") | .verity_signature' "$OUT")" = deadbeef ]
}
check "fs-verity signatures" verity
no_hex() {
    cp rpms/plain.rpm bad.rpm && sed 's/..*/03zz/' ima.lines > bad.lines && "$RPM_EDIT" bad.rpm strings 274 bad.lines &&
        run 3 "$ASSAY" refgen rpm -n bad.rpm && contains "$ERR" "is not encoded as it must be"
}
check "an IMA signature that is no hex is refused" no_hex
rm -f rpms/verity.rpm

# --- OpenPGP signatures ----------------------------------------------------------------------------

signature() { # PACKAGE STATE SIGNER ARGUMENT...
    local package=$1 state=$2 signer=$3; shift 3
    run 0 "$ASSAY" refgen rpm -n --json "$@" "rpms/$package.rpm" &&
        [ "$(jq -r '.artifacts[0].signature' "$OUT")" = "$state" ] &&
        [ "$(jq -r '.artifacts[0].signer // ""' "$OUT")" = "$signer" ]
}
for row in xz:rsa zstd:eddsa gzip:ecdsa; do
    package=${row%:*} k=${row#*:}
    check "$k: verified, and by whom" signature "$package" verified "$(fingerprint "$k") $k <$k@example.org>" -k other.asc -k "$k.asc"
    check "$k: no key of the keyring" signature "$package" no-key "$(fingerprint "$k")" -k other.asc
    check "$k: no keyring" signature "$package" no-key "$(fingerprint "$k")"
done
check "unsigned" signature bzip2 unsigned "" -k rsa.asc
cat rsa.asc eddsa.asc ecdsa.asc > all.asc
check "several keys in one file" signature gzip verified "$(fingerprint ecdsa) ecdsa <ecdsa@example.org>" -k all.asc
gpg --batch --export rsa@ > rsa.gpg
check "a binary keyring" signature xz verified "$(fingerprint rsa) rsa <rsa@example.org>" -k rsa.gpg

swapped() { # the signature of another package
    "$RPM_EDIT" rpms/xz.rpm print 268 > xz.sig && cp rpms/bzip2.rpm swapped.rpm && "$RPM_EDIT" swapped.rpm binary 268 xz.sig
}
check "another package's signature is bad" eval 'swapped && run 1 "$ASSAY" refgen rpm -n -k rsa.asc swapped.rpm && contains "$ERR" "bad signature"'
check "without its key nobody can tell" run 0 "$ASSAY" refgen rpm -n swapped.rpm
# A signature over header and payload beside the one over the header: each is judged, and each alone does.
sign_both() {
    cp rpms/bzip2.rpm rpms/both.rpm && rpmsign --addsign --rpmv3 --define "__gpg $(command -v gpg)" \
        --define "_gpg_name rsa@" rpms/both.rpm >> sign.log 2>&1 && "$RPM_EDIT" rpms/both.rpm print 1002 > both.sig && [ -s both.sig ]
}
rsa_signer="$(fingerprint rsa) rsa <rsa@example.org>"
check "rpmsign signs header and payload, too" sign_both
check "both signatures hold" signature both verified "$rsa_signer" -k rsa.asc
header_and_payload_only() { cp rpms/both.rpm rpms/old.rpm && "$RPM_EDIT" rpms/old.rpm drop 268 && signature old verified "$rsa_signer" -k rsa.asc; }
check "header and payload are signed, the header by itself is not" header_and_payload_only
damaged() { # PACKAGE: with a signature over header and payload that another package's is
    "$RPM_EDIT" "rpms/$1.rpm" binary 1002 other-both.sig && run 1 "$ASSAY" refgen rpm -n --header-only -k rsa.asc "rpms/$1.rpm" &&
        contains "$ERR" "bad signature of header and payload"
}
other_signature() { cp rpms/sha512.rpm other-both.rpm && rpmsign --addsign --rpmv3 --define "__gpg $(command -v gpg)" \
    --define "_gpg_name rsa@" other-both.rpm >> sign.log 2>&1 && "$RPM_EDIT" other-both.rpm print 1002 > other-both.sig; }
check "another package's signature of header and payload" other_signature
check "a bad one is refused where the header's holds" damaged both
check "a bad one is refused where it is the only one" damaged old
check "without a keyring it is noted as signed" signature both no-key "$(fingerprint rsa)"
rm -f rpms/both.rpm rpms/old.rpm

revoke() {
    cp rpms/bzip2.rpm rpms/revoked.rpm && sign revoked revoked &&
        sed 's/^:-----BEGIN/-----BEGIN/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint revoked | tr a-f A-F).rev" > rev.asc &&
        gpg --batch --quiet --import rev.asc 2>> gpg.log && gpg --batch --armor --export revoked@ > revoked.asc
}
check "a revoked key verifies nothing" eval 'revoke && signature revoked unverifiable "$(fingerprint revoked)" -k revoked.asc'
rm -f rpms/revoked.rpm
check "--require-signed takes what is signed" run 0 "$ASSAY" refgen rpm -n --require-signed -k all.asc rpms/xz.rpm rpms/zstd.rpm rpms/gzip.rpm
check "--require-signed refuses what is not" eval 'run 1 "$ASSAY" refgen rpm -n --require-signed -k all.asc rpms/bzip2.rpm && contains "$ERR" "it is not signed"'
check "--require-signed refuses unknown signers" eval 'run 1 "$ASSAY" refgen rpm -n --require-signed -k other.asc rpms/xz.rpm && contains "$ERR" "no key of the keyring"'
check_run "--require-signed needs a keyring" 2 "$ASSAY" refgen rpm -n --require-signed rpms/xz.rpm
check_run "a keyring that is none" 3 "$ASSAY" refgen rpm -n -k made.spec rpms/xz.rpm
check_run "a keyring that is not there" 3 "$ASSAY" refgen rpm -n -k nowhere.asc rpms/xz.rpm

# --- into the database -----------------------------------------------------------------------------

check "import" eval 'run 0 "$ASSAY" refgen rpm -r one --db one.db -k all.asc rpms && contains "$OUT" "8 artifacts added"'
check "again: nothing to do" eval 'run 0 "$ASSAY" refgen rpm -r one --db one.db -k all.asc rpms && contains "$OUT" "0 artifacts added (0 files), 8 already there, 0 refused"'
same_database() {
    run 0 "$ASSAY" refgen rpm -r one --db two.db -j1 -k all.asc rpms/zstd.rpm rpms/xz.rpm rpms rpms/../rpms/md5.rpm &&
        run 0 "$ASSAY" refgen rpm -r one --db three.db -j7 -k all.asc rpms && cmp two.db three.db &&
        same <(sqlite3 one.db .dump) <(sqlite3 two.db .dump)
}
check "the same database whatever the order and the threads" same_database
lookup() { run 0 "$ASSAY" db lookup --db one.db "$(sha256sum < stage/usr/bin/made-id | cut -d' ' -f1)" && contains "$OUT" /usr/bin/made-id; }
if "$ASSAY" db lookup --help > /dev/null 2>&1; then check "db lookup finds what was imported" lookup; else skip "db lookup" "not built"; fi

damage() { # FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N1 "$1") && printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
one_bad() {
    mkdir -p mixed && cp rpms/xz.rpm rpms/gzip.rpm rpms/plain.rpm mixed/ &&
        damage mixed/gzip.rpm $(($(stat -c %s mixed/gzip.rpm) - 1000)) &&
        run 1 "$ASSAY" refgen rpm -r one --db mixed.db mixed && contains "$OUT" "2 artifacts added" && contains "$OUT" "1 refused" &&
        contains "$ERR" "mixed/gzip.rpm: offset 0x" && contains "$ERR" "of the payload is"
}
check "a damaged package is named and refused, the others are imported" one_bad
cut_short() {
    head -c 5000 rpms/xz.rpm > mixed/cut.rpm && run 1 "$ASSAY" refgen rpm -n mixed && rm mixed/gzip.rpm &&
        run 3 "$ASSAY" refgen rpm -n mixed && contains "$ERR" "mixed/cut.rpm: offset 0x1388: cut short" && rm mixed/cut.rpm
}
check "one cut short is malformed" cut_short
forged() { # file contents changed and every digest of header and payload made right again, but not the file's
    rpm2cpio rpms/plain.rpm > payload && damage payload "$(grep -abo 'echo made' payload | head -n 1 | cut -d: -f1)" &&
        size=$(stat -c %s rpms/plain.rpm) && head -c $((size - $(stat -c %s payload))) rpms/plain.rpm | cat - payload > forged.rpm &&
        "$RPM_EDIT" forged.rpm drop 1004
}
check "changed contents are refused" eval 'forged && run 1 "$ASSAY" refgen rpm -n forged.rpm && contains "$ERR" "of the payload is"'
check_run "a file that is not there" 3 "$ASSAY" refgen rpm -n rpms/xz.rpm rpms/nowhere.rpm
ln -s rpms named-by-link
check_run "a folder named by a link" 0 "$ASSAY" refgen rpm -n --json named-by-link
check "has the folder's packages" test "$(jq '.artifacts | length' "$OUT")" = "$(find rpms -name '*.rpm' | wc -l)"
check_run "a folder without packages" 3 "$ASSAY" refgen rpm -n stage
check "what is no package" eval 'run 3 "$ASSAY" refgen rpm -n made.spec && contains "$ERR" "not an RPM package"'
mkfifo pipe.rpm
check_run "a FIFO does not hold it up" 3 "$ASSAY" refgen rpm -n pipe.rpm
check_run "no packages named" 2 "$ASSAY" refgen rpm -n
check_run "no release" 2 "$ASSAY" refgen rpm rpms
check_run "an unknown algorithm" 2 "$ASSAY" refgen rpm -n -a sha257 rpms
check_run "help" 0 "$ASSAY" refgen rpm --help

# --- over 4 GiB -----------------------------------------------------------------------------------
# The digest is sha256sum's, of that many zeros and "end".
large=$TOP/tests/vectors/large/large-1-1.noarch.rpm
check_run "a file of over 4 GiB" 0 "$ASSAY" refgen rpm -r large --db large.db "$large"
check_run "it is found by its digest" 0 "$ASSAY" db lookup --db large.db --json \
    5d3a84d7798c56812278c1ac9a6eac5dd4027365856191641471fbcbce5730d9
check "under its name" jq -e '[.matches[].path] == ["/usr/share/large/large"]' "$OUT"
check_run "and what stands behind it in the payload" 0 "$ASSAY" db lookup --db large.db --json /usr/share/large/small2
check "a hard link" jq -e '.matches[0].digests.sha256 == "81db8ebbbbc69c6c6ad4a6aa92b76e0c08af547da236b9e2c9dbe1d8285a8130"' "$OUT"

# --- header only ----------------------------------------------------------------------------------

header_only() {
    run 0 "$ASSAY" refgen rpm -n --json --header-only "rpms/$1.rpm" && listed "$OUT" > header.listed && same "$1.listed" header.listed &&
        [ "$(jq '.artifacts[0].header_only' "$OUT")" = true ]
}
check "the header's digests are the contents'" header_only xz
kinds() { jq -r '.artifacts[0].files[] | select(.kind) | .kind + " " + .path' "$1" | grep -v '^other' | sort; }
header_kinds() { run 0 "$ASSAY" refgen rpm -n --json --header-only rpms/xz.rpm && kinds xz.json > a && kinds "$OUT" > b && same a b; }
check "so are the kinds" header_kinds
check "where its algorithm will not do, it says so" eval \
    'run 0 "$ASSAY" refgen rpm -n -v --header-only rpms/sha512.rpm && contains "$ERR" "no sha256 digests: read it without --header-only"'
check "in a quiet run, too: nothing" eval 'run 0 "$ASSAY" refgen rpm -n -q --header-only rpms/sha512.rpm && [ ! -s "$ERR" ]'

# --- source packages ------------------------------------------------------------------------------

source_package() {
    rpmbuild -bs --quiet --define "_topdir $SCRATCH/top" --define "_srcrpmdir $SCRATCH/src" --define "made_name source" made.spec > log.src 2>&1 &&
        run 0 "$ASSAY" refgen rpm -n --json src && [ "$(jq -r '.artifacts[0].status' "$OUT")" = skipped ] &&
        run 0 "$ASSAY" refgen rpm -n src && contains "$ERR" "1 source package passed over"
}
check "a source package is passed over, and said so" source_package

# --- interrupted ----------------------------------------------------------------------------------

interrupted() {
    local i pid
    mkdir -p many && for i in $(seq 100); do cp rpms/xz.rpm "many/$i.rpm"; "$RPM_EDIT" "many/$i.rpm" int32 1007 "$i"; done
    "$ASSAY" refgen rpm -r many --db many.db -j2 many > /dev/null 2>&1 & pid=$!
    until [ -s many.db ] || ! kill -0 "$pid" 2> /dev/null; do sleep 0.01; done
    kill -9 "$pid" 2> /dev/null; wait "$pid" 2> /dev/null
    run 0 "$ASSAY" refgen rpm -r many --db many.db many && cp "$OUT" again &&
        run 0 "$ASSAY" refgen rpm -r many --db many2.db many || return 1
    sed 's/^/# /' again
    awk '{ exit !($2 + $7 == 100) }' again && same <(sqlite3 many.db .dump) <(sqlite3 many2.db .dump)
}
check "killed, the next run goes on and ends in the same" interrupted

finish
