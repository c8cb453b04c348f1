#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Which certificates are anchors of a signed image: chains that openssl makes, signatures by osslsigncode
# and sbsign, images of distributions; as sbverify sees it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
: "${TEST_PROGRAMS:=$TOP/build/tests}"
anchor=$TEST_PROGRAMS/tools/pe_anchor
image=/usr/lib/systemd/boot/efi/systemd-bootx64.efi
[ -r "$image" ] || image=/usr/lib/shim/fbx64.efi
for tool in osslsigncode sbsign; do
    command -v "$tool" > /dev/null || { skip "signatures" "no $tool"; finish; }
done
[ -r "$image" ] || { skip "signatures" "no image to sign"; finish; }
cd "$SCRATCH" || exit 1

# certificate NAME ISSUER CA(TRUE|FALSE) KEYTYPE: NAME.key, NAME.pem, NAME.der; of itself where ISSUER is NAME
certificate() {
    local sign=(-CA "$2.pem" -CAkey "$2.key" -CAcreateserial)
    case $4 in
    rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" ;;
    *) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$4" -out "$1.key" ;;
    esac 2> /dev/null
    [ "$1" != "$2" ] || sign=(-signkey "$1.key")
    openssl req -new -key "$1.key" -subj "/CN=Test $1" -out "$1.csr" 2> /dev/null
    printf 'basicConstraints=critical,CA:%s\n' "$3" > "$1.ext"
    # A year that is over: times play no part.
    openssl x509 -req -in "$1.csr" "${sign[@]}" -days -1 -sha256 -extfile "$1.ext" -out "$1.pem" 2> /dev/null ||
        openssl x509 -req -in "$1.csr" "${sign[@]}" -days 1 -sha256 -extfile "$1.ext" -out "$1.pem" 2> /dev/null
    openssl x509 -in "$1.pem" -outform DER -out "$1.der"
}
certificate other other TRUE rsa

# agrees NAME IMAGE CERTIFICATE...: sbverify passes the image with each certificate (NAME.pem beside NAME.der)
# that pe_anchor calls an anchor of one of its signatures over it, and with no other. sbverify trusts every CA's
# certificate that a signature brings along: where it passes a stranger's certificate, only the former counts.
agrees() {
    local name=$1 image=$2 ours theirs n=0 differ='' stranger=no c
    shift 2
    "$anchor" "$image" "$@" > anchors 2>&1 || { check "$name: is read" false; return; }
    ! sbverify --cert other.pem "$image" > /dev/null 2>&1 || stranger=yes
    for c in "$@"; do
        n=$((n + 1)) ours=no theirs=no
        ! grep -qE "covers( [0-9]+)* $n( |\$)" anchors || ours=yes
        ! sbverify --cert "${c%.der}.pem" "$image" > /dev/null 2>&1 || theirs=yes
        [ "$ours" = "$theirs" ] || [ "$ours $stranger" = "no yes" ] || differ+=" $c (ours: $ours)"
    done
    check "$name: sbverify agrees${differ:+, but not about$differ}" test -z "$differ"
}

for kind in rsa P-256 P-384; do
    certificate root root TRUE "$kind"
    certificate middle root TRUE "$kind"
    certificate signer middle FALSE "$kind"
    for hash in sha256 sha384; do
        rm -f signed.efi
        osslsigncode sign -h "$hash" -certs signer.pem -ac middle.pem -key signer.key -in "$image" -out signed.efi > osslsigncode.log 2>&1 ||
            { skip "$kind with $hash" "osslsigncode does not sign so"; continue; }
        check_run "$kind with $hash: signer, middle and root are anchors, others not" 0 \
            "$anchor" signed.efi other.der signer.der middle.der root.der
        check "$kind with $hash: so it says" grep -qx "$hash covers 2 3 4" "$OUT"
        [ "$hash" != sha256 ] || agrees "$kind with $hash" signed.efi other.der signer.der middle.der root.der
        # A byte of the program changed: the signature holds, but is over another image.
        cp signed.efi changed.efi
        printf '\377' | dd of=changed.efi bs=1 seek=8192 conv=notrunc status=none
        check_run "$kind with $hash: a changed image" 0 "$anchor" changed.efi other.der root.der
        check "$kind with $hash: its digest differs" grep -qx "$hash differs 2" "$OUT"
        [ "$hash" != sha256 ] || agrees "$kind with $hash: a changed image" changed.efi other.der signer.der middle.der root.der
        # A byte of the signature's end changed: it holds no more.
        cp signed.efi broken.efi
        size=$(stat -c %s broken.efi)
        printf '\377\377\377' | dd of=broken.efi bs=1 seek=$((size - 24)) conv=notrunc status=none
        check_run "$kind with $hash: a broken signature" 0 "$anchor" broken.efi signer.der root.der
        check "$kind with $hash: has no anchors" grep -qx "$hash covers" "$OUT"
        [ "$hash" != sha256 ] || agrees "$kind with $hash: a broken signature" broken.efi other.der signer.der middle.der root.der
    done
done

# Without the certificate between, the root leads nowhere; the signer itself does.
osslsigncode sign -h sha256 -certs signer.pem -key signer.key -in "$image" -out alone.efi > osslsigncode.log 2>&1
check_run "a chain with a gap" 0 "$anchor" alone.efi root.der middle.der signer.der
check "a chain with a gap: middle and signer only" grep -qx "sha256 covers 2 3" "$OUT"
agrees "a chain with a gap" alone.efi root.der middle.der signer.der other.der

certificate first first TRUE rsa
certificate second second TRUE rsa
sbsign --key first.key --cert first.pem --output once.efi "$image" > sbsign.log 2>&1
sbsign --key second.key --cert second.pem --output twice.efi once.efi > sbsign.log 2>&1
check_run "two signatures" 0 "$anchor" twice.efi first.der second.der
printf 'sha256 covers 1\nsha256 covers 2\n' > expected
check "two signatures in table order" cmp expected "$OUT"
agrees "one of two signatures" once.efi first.der second.der other.der
agrees "two signatures" twice.efi first.der second.der other.der

# Signed images at hand, with every certificate that their signatures and the corpus bring.
mapfile -t images < <(ls /usr/lib/shim/*.efi.signed /usr/lib/grub/*-signed/*.signed /usr/lib/fwupd/efi/*.efi.signed \
    ${CORPUS:+"$CORPUS"/pe/*.efi.signed*} 2> /dev/null)
mkdir at-hand
for image in "${images[@]}"; do
    for n in 1 2 3; do
        cp "$image" detach.efi
        sbattach --signum "$n" --detach signature detach.efi > /dev/null 2>&1 || break
        openssl pkcs7 -inform DER -in signature -print_certs 2> /dev/null |
            awk -v name="at-hand/$(basename "$image")-$n-" '/BEGIN/ { k++ } /BEGIN/,/END/ { print > (name k ".pem") }'
        rm -f signature
    done
done
for file in ${CORPUS:+"$CORPUS"/efivars/*.crt}; do
    openssl x509 -in "$file" -out "at-hand/$(basename "$file").pem" 2> /dev/null
done
for file in at-hand/*.pem; do
    [ ! -e "$file" ] || openssl x509 -in "$file" -outform DER -out "${file%.pem}.der"
done
[ ${#images[@]} -gt 0 ] || skip "signed images" "none are at hand"
for image in "${images[@]}"; do
    agrees "$(basename "$image")" "$image" at-hand/*.der other.der
done
finish
