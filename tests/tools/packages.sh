#!/usr/bin/env bash
# shellcheck disable=SC2034 # the variables of tests/vm/packages.sh
# SPDX-License-Identifier: BSD-2-Clause
# RPMs of a small vendor, Acme, made by rpmbuild from programs of this machine.
# usage: packages.sh DIR    fills DIR with
#   keys/acme.asc          the OpenPGP key that signed the packages, made for this
#   keys/acme-ima.der      the certificate of the key that signed files for IMA
#   repo/acme-1/*.rpm      agent 1.0 (gzip), tools 2.4 (xz), shell 5.2 (zstd, IMA signatures in the header)
#   repo/acme-2/*.rpm      the same with agent 1.1
set -euo pipefail
umask 022
export SOURCE_DATE_EPOCH=1767225600 LC_ALL=C
here=$(cd "$(dirname "$0")/../vm" && pwd)
die() { echo "packages: $*" >&2; exit 1; }
log() { :; }
need() { local t; for t; do command -v "$t" > /dev/null || die "$t is missing: make deps"; done; }
# shellcheck source=tests/vm/packages.sh
. "$here/packages.sh"

make_trees() {
    local version program library
    for version in 1.0 1.1; do
        mkdir -p "$trees/$version/acme-agent"/{usr/sbin,etc/acme,usr/share/doc/acme-agent}
        printf 'interval = 60\n' > "$trees/$version/acme-agent/etc/acme/agent.conf"
        printf 'The agent, version %s.\n' "$version" > "$trees/$version/acme-agent/usr/share/doc/acme-agent/README"
    done
    cp -L "$(command -v printenv)" "$trees/1.0/acme-agent/usr/sbin/acme-agent"
    cp -L "$(command -v env)" "$trees/1.1/acme-agent/usr/sbin/acme-agent"

    mkdir -p "$trees/acme-tools/opt/acme/bin" "$trees/acme-tools/opt/acme/share"
    for program in comm cut join paste sort uniq; do
        cp -L "$(command -v "$program")" "$trees/acme-tools/opt/acme/bin/"
    done
    printf '#!/bin/sh\nexec /opt/acme/bin/sort -u "$@"\n' > "$trees/acme-tools/opt/acme/bin/tidy"
    chmod 755 "$trees/acme-tools/opt/acme/bin/tidy"
    ln "$trees/acme-tools/opt/acme/bin/tidy" "$trees/acme-tools/opt/acme/bin/tidy-up"
    seq 1 20000 > "$trees/acme-tools/opt/acme/share/numbers.txt"

    mkdir -p "$trees/acme-shell/opt/acme/bin" "$trees/acme-shell/opt/acme/lib"
    cp -L "$(command -v bash)" "$trees/acme-shell/opt/acme/bin/"
    library=$(ldd "$(command -v bash)" | sed -n 's/.*libtinfo.* => \(\/[^ ]*\).*/\1/p')
    [ -z "$library" ] || cp -L "$library" "$trees/acme-shell/opt/acme/lib/"
}

[ $# = 1 ] || die "usage: packages.sh DIR"
need gpg rpmbuild rpmsign evmctl python3 openssl
out=$(mkdir -p "$1" && cd "$1" && pwd)
# A short path, since gpg's socket is in it.
VM_WORK=$(mktemp -d "${TMPDIR:-/tmp}/assay-rpm.XXXXXX")
trap 'gpgconf --homedir "$VM_WORK/keys/gpg" --kill all 2> /dev/null || true; rm -rf "$VM_WORK"' EXIT
VM_OUT=$VM_WORK/out
trees=$VM_WORK/trees
arch=$(uname -m)
mkdir -p "$VM_OUT/keys" "$VM_WORK/rpmbuild" "$out/keys" "$out/repo"/acme-{1,2}
make_keys
make_trees
pack acme-tools 2.4 "$arch" w6.xzdio 8
pack acme-shell 5.2 "$arch" w9.zstdio 8
for version in 1.0 1.1; do
    mv "$trees/$version/acme-agent" "$trees/"
    pack acme-agent "$version" "$arch" w9.gzdio 8
    rm -rf "$trees/acme-agent"
done
sign_files acme-shell
for name in acme-agent acme-tools acme-shell; do sign_package "$name"; done
cp "$VM_OUT/keys/rpm-key.asc" "$out/keys/acme.asc"
cp "$VM_OUT/keys/ima-cert.der" "$out/keys/acme-ima.der"
cp "$VM_OUT/rpms"/acme-{tools,shell}-*.rpm "$VM_OUT/rpms"/acme-agent-1.0-*.rpm "$out/repo/acme-1/"
cp "$VM_OUT/rpms"/acme-{tools,shell}-*.rpm "$VM_OUT/rpms"/acme-agent-1.1-*.rpm "$out/repo/acme-2/"
