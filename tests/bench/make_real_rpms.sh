#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Packages made by rpmbuild from this machine's own /usr, as a distribution has them: each about as
# large as the others, payloads xz, zstd and gzip in turn, a third of them signed by a throw-away key.
# usage: make_real_rpms.sh DIR [N_PACKAGES [MEBIBYTES]]     (200, 1100)
set -euo pipefail
out=$1 n_packages=${2:-200} mebibytes=${3:-1100}
work=$(mktemp -d "${TMPDIR:-/tmp}/assay-rpms.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/gpg" "$work/top"
chmod 700 "$work/gpg"
export GNUPGHOME=$work/gpg SOURCE_DATE_EPOCH=1700000000 LC_ALL=C
gpg --batch --quiet --passphrase '' --quick-gen-key 'Bench <bench@example.org>' rsa3072 sign never 2> "$work/gpg.log"
gpg --batch --export --armor > "$out/RPM-GPG-KEY-bench"

# Files in the order of their paths, dealt out until a package has its share; what is there of kinds
# that compress unlike each other (programs, texts, pictures) is mixed as directories mix it.
share=$((mebibytes * 1024 * 1024 / n_packages))
find /usr/bin /usr/sbin /usr/lib /usr/libexec /usr/share -xdev -type f -readable -size +0 -size -16M \
    ! -name '*[[:space:]]*' ! -name '*[%"*?{}\[]*' -printf '%s %p\n' 2> /dev/null | sort -k2 |
awk -v share="$share" -v n="$n_packages" -v dir="$work" '
    (used >= share || package == 0) && package <= n { package++; used = 0 }
    package <= n { used += $1; print $2 > sprintf("%s/files.%03d", dir, package) }'

payloads=(w2.xzdio w3.zstdio w6.gzdio)
cat > "$work/bench.spec" << 'SPEC'
Name: %{bench_name}
Version: 1.0
Release: 1
Summary: Files of this machine
License: various
AutoReqProv: no
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%description
Files of this machine, for a benchmark.
%files -f %{bench_files}
%defattr(-,root,root)
SPEC
build() {
    local i=$1 name=bench$1 stage=$work/stage.$1
    mkdir -p "$stage"
    sed 's,^/,,' "$work/files.$i" | tar -C / -cf - --no-recursion -T - | tar -C "$stage" -xf -
    rpmbuild -bb --quiet --target x86_64 --define "_topdir $work/top.$i" --define "_rpmdir $out" \
        --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define "bench_name $name" \
        --define "bench_files $work/files.$i" --buildroot "$stage" \
        --define "_binary_payload ${payloads[10#$i % 3]}" "$work/bench.spec" > "$work/log.$i" 2>&1 ||
        { tail -n 5 "$work/log.$i" >&2; return 1; }
    rm -rf "$stage" "$work/top.$i"
}
jobs=$(nproc)
for list in "$work"/files.*; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    build "${list##*.}" &
done
wait
for ((i = 1; i <= n_packages; i += 3)); do
    printf -v name '%s/bench%03d-1.0-1.x86_64.rpm' "$out" "$i"
    [ ! -e "$name" ] || echo "$name"
done | xargs -r rpmsign --addsign --define "__gpg $(command -v gpg)" --define '_gpg_name Bench' > "$work/sign.log" 2>&1
echo "$(find "$out" -name '*.rpm' | wc -l) packages, $(du -sh "$out" | cut -f1)"
