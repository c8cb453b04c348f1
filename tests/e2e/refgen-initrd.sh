#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# refgen initrd: images made by cpio and the compressors, and the one that captured machines booted.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
umask 022
initrd() { "$ASSAY" refgen initrd "$@"; }
paths() { jq -r '.artifacts[0].files[] | "\(.digests.sha256)  \(.path)"' "$OUT"; }

# --- the initrd of the captures: what IMA logged of it must be found -----------------------------------
image=$TOP/tests/vectors/initrd.img
check_run "the captured machines' initrd" 0 initrd --dry-run --json "$image"
paths | sort > golden
check "its digest is the file's" [ "$(jq -r .artifacts[0].digest.sha256 "$OUT")" = "$(sha256sum < "$image" | cut -d' ' -f1)" ]
check "signed and unsigned modules are told apart" [ "$(jq '[.artifacts[0].files[] | select(.kind == "kernel-module")] | length' "$OUT")" = 12 ]
modules_signed() { # as the files say themselves
    mkdir -p x && (cd x && zstd -dcq "$image" | cpio -id --quiet) 2> /dev/null
    local f want
    for f in x/lib/modules/*.ko; do
        want=false; tail -c 28 "$f" | grep -q 'Module signature appended' && want=true
        [ "$(jq --arg p "${f#x}" '.artifacts[0].files[] | select(.path == $p) | .module_signed' "$OUT")" = "$want" ] || return 1
    done
}
check "as the modules say themselves" modules_signed
same_as_cpio() { (cd x && find . -type f -exec sha256sum {} +) | sed 's|  \.|  |' | sort > want; same golden want; }
check "every file has the digest that cpio and sha256sum give" same_as_cpio
logged() { # the entries of a log whose path the initrd has, by digest and path
    local log=$1 found=0 alg_hex path
    while read -r alg_hex path; do
        grep -qF "  $path" golden || continue
        grep -qxF "${alg_hex#sha256:}  $path" golden || { echo "# $path: ${alg_hex#sha256:} is not in the initrd"; return 1; }
        found=$((found + 1))
    done < <(awk '{ print $4, $5 }' "$log")
    [ "$found" -ge 13 ] || { echo "# only $found entries"; return 1; }
}
for capture in efistub sb-grub sb-grub-ima-attack; do
    check "what $capture logged of it is found" logged "$TOP/tests/vectors/captures/$capture/ascii_runtime_measurements"
done

# --- images of our own -----------------------------------------------------------------------------------
mkdir -p early/kernel/x86/microcode main/usr/bin main/usr/lib/modules extra/etc
printf 'microcode' > early/kernel/x86/microcode/GenuineIntel.bin
printf '#!/bin/sh\n' > main/init; chmod 755 main/init
cp "$(readlink -f "$(command -v bash)")" main/usr/bin/bash
head -c 200000 /dev/zero > main/usr/lib/zeros
ln main/usr/lib/zeros main/usr/lib/zeros2
ln -s usr/bin main/bin; ln -s usr/lib main/lib
printf 'extra' > extra/etc/extra
pack() { (cd "$1" && find . | LC_ALL=C sort | cpio -o -H "${2:-newc}" -R 0:0 --quiet); }
pack early > early.cpio; pack main > main.cpio; pack extra crc > extra.cpio
{ (cd early && find . -type f); (cd main && find . -type f); (cd extra && find . -type f); } | sed 's|^\./|/|' | sort > all
digests() { # as the folders have them
    for d in early main extra; do (cd $d && find . -type f -exec sha256sum {} +); done | sed 's|  \.|  |' | sort
}
digests > want
holds_all() { paths | sort > got; same got want; }

declare -A tools=([gzip]="gzip -9" [bzip2]=bzip2 [xz]="xz --check=crc32" [lzma]="lzma" [zstd]="zstd -q -19" [lz4]="lz4 -q -l" [lz4-frame]="lz4 -q -9")
for tool in "${!tools[@]}"; do
    # shellcheck disable=SC2086 # the words of the command
    { cat early.cpio; ${tools[$tool]} -c < main.cpio; head -c 508 /dev/zero; gzip -c extra.cpio; } > "$tool.img"
    check_run "early, $tool, zeros, gzip" 0 initrd --dry-run --json "$tool.img"
    check "has all files of the three" holds_all
    # shellcheck disable=SC2086
    cat main.cpio extra.cpio | ${tools[$tool]} -c | cat early.cpio - > "$tool-one.img"
    check_run "two archives in one $tool stream" 0 initrd --dry-run --json "$tool-one.img"
    check "has all of them" holds_all
    # What follows the last archive, and an image cut short, is refused.
    { cat "$tool.img"; printf 'junk'; } > bad.img
    check_run "$tool: trailing junk" 3 initrd --dry-run bad.img
    check "is named with its place" contains "$ERR" "bad.img: offset 0x$(printf %x "$(stat -c %s "$tool.img")"): initrd: bytes after the last archive"
    head -c $(($(stat -c %s "$tool-one.img") * 2 / 3)) "$tool-one.img" > bad.img
    check_run "$tool: cut short" 3 initrd --dry-run bad.img
    check "is named with its place" contains "$ERR" "bad.img"
    check "and nothing of it is printed" [ ! -s "$OUT" ]
done
cat early.cpio main.cpio extra.cpio > plain.img
check_run "nothing compressed" 0 initrd --dry-run --json plain.img
check "has all of them" holds_all
kinds() {
    [ "$(jq -r '.artifacts[0].files[] | "\(.path) \(.kind)"' "$OUT" | sort)" = "/etc/extra other
/init script
/kernel/x86/microcode/GenuineIntel.bin firmware
/usr/bin/bash executable
/usr/lib/zeros other
/usr/lib/zeros2 other" ]
}
check "kinds" kinds
check "links" [ "$(jq -c '[.artifacts[0].links[] | [.path, .target]]' "$OUT")" = '[["/bin","usr/bin"],["/lib","usr/lib"]]' ]

# A later archive overrides an earlier one, through its links.
mkdir -p over/lib && printf 'new zeros' > over/lib/zeros3 && printf '#!/bin/bash\n' > over/init
(cd over && printf 'init\nlib/zeros3\n' | cpio -o -H newc --quiet) > over.cpio
cat main.cpio over.cpio > over.img
check_run "an archive over another" 0 initrd --dry-run --json over.img
overridden() {
    paths > got
    grep -qxF "$(sha256sum < over/init | cut -d' ' -f1)  /init" got && grep -qxF "$(sha256sum < over/lib/zeros3 | cut -d' ' -f1)  /usr/lib/zeros3" got &&
        ! grep -qF "$(sha256sum < main/init | cut -d' ' -f1)" got
}
check "its files are the ones that count" overridden

# A changed sum of the crc form, a name that leads out, another kind of file.
sed 's/extra$/extrb/' extra.cpio > bad.cpio; cmp -s extra.cpio bad.cpio && printf 'x' | dd of=bad.cpio bs=1 seek=$(($(grep -abo 'extra' extra.cpio | tail -n 1 | cut -d: -f1))) conv=notrunc 2> /dev/null
check_run "a wrong sum" 3 initrd --dry-run bad.cpio
check "is named" contains "$ERR" "cpio: the data sums to"
mkdir -p up/a && printf 'x' > up/x && (cd up/a && echo ../x | cpio -o -H newc --quiet) > up.cpio
check_run "a name that leads out" 3 initrd --dry-run up.cpio
check "is refused" contains "$ERR" "cpio: a name with '..' in it"
(cd extra && find . | cpio -o -H odc --quiet) > odc.cpio
check_run "the old form" 3 initrd --dry-run odc.cpio
check "is named" contains "$ERR" "the old character form (070707)"
printf 'no initrd at all' > text
check_run "something else" 3 initrd --dry-run text
check "is named" contains "$ERR" "text: offset 0x0: initrd: neither a cpio archive nor a compressed stream begins here"
: > nothing
check_run "nothing" 3 initrd --dry-run nothing
check_run "a missing file" 3 initrd --dry-run missing
check_run "a folder" 3 initrd --dry-run early

# --- the database -----------------------------------------------------------------------------------------
export ASSAY_DB=$SCRATCH/golden.db
check_run "several at once, one broken" 3 initrd --release one "$image" plain.img text zstd.img
check "what is sound is added" contains "$OUT" "one: 3 artifacts added"
check_run "the same again, from standard input" 0 initrd --release one - < "$image"
check "is there already" contains "$OUT" "1 already there"
check_run "another release" 0 initrd --release two "$image"
check_run "both have /init" 0 "$ASSAY" db lookup --json "$(sed -n 's|  /init$||p' golden)"
both() { [ "$(jq -c '[.matches[] | [.release, .artifact, .path]]' "$OUT")" = '[["one","initrd.img","/init"],["two","initrd.img","/init"]]' ]; }
check "are found" both
order() { # the same inputs in another order, with other threads: the same report of each
    initrd --dry-run --json -j1 plain.img zstd.img xz.img > a.json && initrd --dry-run --json -j3 xz.img zstd.img plain.img > b.json &&
        [ "$(jq -S '.artifacts | sort_by(.name)' a.json)" = "$(jq -S '.artifacts | sort_by(.name)' b.json)" ]
}
check "neither order nor threads matter" order
check_run "a name" 0 initrd --dry-run --json --name initrd-6.1 plain.img
check "is the artifact's" [ "$(jq -r .artifacts[0].name "$OUT")" = initrd-6.1 ]
check_run "no image" 2 initrd --dry-run
check_run "no release" 2 initrd plain.img
finish
