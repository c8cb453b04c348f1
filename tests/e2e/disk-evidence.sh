#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Evidence in disk images made by mke2fs, mkfs.vfat, mtools, xorriso and sgdisk: what an audit says of a real capture in
# one is what it says of the folder. Several candidates, several cases, file systems that are not read, hostile images.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null
cd "$SCRATCH" || exit 1

capture=$TOP/tests/vectors/captures/sb-grub
cp -r "$capture" case && chmod -R u+w case && rm -f case/*.yaml
audit() { # audit OUT BUNDLE: the report without what the bundle is called
    local status=0
    "$ASSAY" audit --json --at 2026-11-27T12:00:00Z --ca case/ca --ak case/ak.pub --nonce "$(cat case/nonce)" "$2" > raw.json 2> err.txt || status=$?
    jq -S --arg name "$2" 'walk(if . == $name then "NAME" else . end)' raw.json > "$1" || return 1
    echo "exit status $status" >> "$1"
}
check "the folder" audit folder.report case
holds() { jq -e "$1" "$OUT" > /dev/null; }
in_json() { check "$1" holds "$2"; }
cp raw.json "$OUT"
in_json "  it has checks to compare" '.bundles[0] | (.checks | length) > 20'
as_folder() { audit image.report "$1" && same folder.report image.report; }

ext() { truncate -s 16M "$2" && mke2fs -q -F -t "$1" -d "$3" "$2" > /dev/null 2>&1; } # KIND IMAGE TREE
fat() { # IMAGE TREE
    truncate -s 16M "$1" && mkfs.vfat "$1" > /dev/null 2>&1 && mcopy -s -i "$1" "$2"/* ::/
}
iso() { xorriso -as mkisofs -quiet -R -o "$1" "$2" > /dev/null 2>&1; }
gpt() { # IMAGE PARTITION...
    local image=$1 at=1 n=1 p; shift
    rm -f "$image"; truncate -s $((2 + 16 * $#))M "$image"
    sgdisk -Z "$image" > /dev/null 2>&1
    for p in "$@"; do
        sgdisk -n $n:$((at * 2048)):$(((at + 16) * 2048 - 1)) "$image" > /dev/null || return 1
        dd if="$p" of="$image" bs=1M seek=$at conv=notrunc status=none || return 1
        at=$((at + 16)) n=$((n + 1))
    done
}
for kind in ext2 ext3 ext4; do
    check "made: $kind" ext $kind $kind.img case
    check "  its audit is the folder's" as_folder $kind.img
done
check "made: FAT" fat fat.img case
check "  its audit is the folder's" as_folder fat.img
check "made: ISO 9660" iso case.iso case
check "  its audit is the folder's" as_folder case.iso

# A machine's disk: an ESP, and a root with the case somewhere in it beside an operating system.
mkdir -p root/etc root/usr/share root/srv/audits/2026 root/var/log
cp -r case root/srv/audits/2026/case-17
ln -s /etc root/srv/audits/2026/case-17/quote-link.msg
ln -s . root/loop
for i in $(seq 1 300); do printf '{"name": "package-%s", "files": ["a"], "quote": %s}' "$i" "$i" > "root/usr/share/$i.json"; done
head -c 300000 /dev/zero > root/var/log/lastlog
mkdir esp && echo hello > esp/loader.conf && fat esp.img esp
check "made: a root file system" ext ext4 root.img root
check "made: a disk with two partitions" gpt disk.img esp.img root.img
evidence() { run 0 "$ASSAY" replay evidence --json "$1"; }
check "the case is found in the disk" evidence disk.img
in_json "  and nothing else" '.bundles | length == 1 and (.[0].files | length) == 34'
in_json "  a link with a name of evidence is passed over" '.bundles[0].problems | any(.kind == "member" and .path == "quote-link.msg")'
check_run "an audit of the disk" 5 "$ASSAY" audit --json --ca case/ca --ak case/ak.pub disk.img
in_json "  verifies its quote" '.bundles[0].checks | any(.check == "quote.signature" and .result == "pass")'
in_json "  and replays its logs" '[.bundles[0].checks[] | select(.check == "pcr.replay")] | length > 0 and all(.result == "pass")'

# A disk of a BIOS machine: a primary partition, and two logical ones in an extended one.
check "made: a disk with an MBR" python3 - esp.img xfs-start root.img mbr.img << 'PY'
import struct, sys
MIB, at = 2048, {}
open(sys.argv[2], "wb").write(b"XFSB" + bytes(4092))
parts = [open(name, "rb").read() for name in sys.argv[1:4]]
disk = bytearray(52 * MIB * 512)
def entry(kind, first, n):
    return struct.pack("<B3sB3sII", 0, bytes(3), kind, bytes(3), first, n)
def table(sector, *entries):
    disk[sector * 512 + 446:sector * 512 + 510] = b"".join(entries).ljust(64, b"\0")
    disk[sector * 512 + 510:sector * 512 + 512] = b"\x55\xaa"
table(0, entry(0x0c, MIB, 16 * MIB), entry(0x05, 17 * MIB, 34 * MIB))
table(17 * MIB, entry(0x83, MIB, 8), entry(0x05, 2 * MIB, 17 * MIB))
table(19 * MIB, entry(0x83, MIB, 16 * MIB), entry(0x05, 0, 0))
for start, part in zip((MIB, 18 * MIB, 20 * MIB), parts):
    disk[start * 512:start * 512 + len(part)] = part
open(sys.argv[4], "wb").write(disk)
PY
check "what is in a logical partition" evidence mbr.img
in_json "  is found" '.bundles | length == 1 and (.[0].files | length) == 34'
in_json "  what is not read is noted" '.bundles[0].problems | any(.path == "partition-5" and (.message | contains("XFS, which is not read")))'
python3 - mbr.img circle.img << 'PY'
import struct, sys
disk = bytearray(open(sys.argv[1], "rb").read())
at = 19 * 2048 * 512 + 446 + 16
disk[at:at + 16] = struct.pack("<B3sB3sII", 0, bytes(3), 5, bytes(3), 0, 2048)  # back to the first table of the chain
open(sys.argv[2], "wb").write(disk)
PY
check_run "tables in a circle" 3 timeout 20 "$ASSAY" replay evidence circle.img
check "  are said to be that" contains "$ERR" "MBR: "

# Containers: qcow2 as qemu-img made it of a kept image, plain and compressed, and of this disk where there is one.
"$ASSAY" replay evidence "$TOP/tests/fuzz/corpus/image/ext4" | sed 1d > raw.txt
in_container() { "$ASSAY" replay evidence "$1" | sed 1d > container.txt && [ -s container.txt ] && same raw.txt container.txt; }
for kind in qcow2 qcow2-deflate qcow2-zstd; do check "in $kind: what is in the raw image" in_container "$TOP/tests/fuzz/corpus/image/$kind"; done
qemu_img=${QEMU_IMG:-$(command -v qemu-img)}
if [ -n "$qemu_img" ]; then
    "$ASSAY" replay evidence disk.img | sed 1d > raw.txt
    for options in "" "-c" "-o compat=0.10" "-c -o compression_type=zstd" "-o cluster_size=512" "-c -o cluster_size=2M"; do
        # shellcheck disable=SC2086 # words
        check "made: qcow2 $options" "$qemu_img" convert -O qcow2 $options disk.img disk.qcow2
        check "  the disk's evidence" in_container disk.qcow2
    done
    check "made: qcow2 of a file system" "$qemu_img" convert -O qcow2 -c ext4.img ext4.qcow2
    check "  its audit is the folder's" as_folder ext4.qcow2
    "$qemu_img" create -q -f qcow2 -b disk.img -F raw over.qcow2
    check_run "a qcow2 over another image" 3 "$ASSAY" replay evidence over.qcow2
    check "  is said to be one" contains "$ERR" "an image over a backing file"
else
    skip "qcow2 of a disk" "no qemu-img"
fi

# Other names, told by content; a form of agents; evidence.json.
python3 "$TOP/tests/tools/wrap_evidence.py" other-names "$capture" names &&
    python3 "$TOP/tests/tools/wrap_evidence.py" keylime-push "$capture" push || exit 1
same_as_folder() { # NAME: what is recognised in an image of a folder is what is recognised in the folder
    "$ASSAY" replay evidence "$1" | sed 1d > one && ext ext4 "$1.img" "$1" && "$ASSAY" replay evidence "$1.img" | sed 1d > two && [ -s one ] && same one two
}
check "evidence by its content" same_as_folder names
check "evidence in a form of agents" same_as_folder push
mkdir -p mapped/a/b && cp case/quote.* case/ak.pub mapped/a/b/ && mv mapped/a/b/quote.msg mapped/a/b/one
echo '{"files": {"quote.msg": "a/b/one", "quote.sig": "a/b/quote.sig", "ak.pub": "a/b/ak.pub", "quote.pcrs": "../x"}}' > mapped/evidence.json
check "evidence.json leads deeper, and not out" same_as_folder mapped

# Several cases are several bundles; several candidates for one purpose are none.
mkdir -p cases/one cases/two && cp -r case/* cases/one && cp -r case/* cases/two
check "made: two cases" ext ext4 cases.img cases
check "two cases are two bundles" evidence cases.img
in_json "  named after their folders" '[.bundles[].name] == ["cases.img/one", "cases.img/two"]'
mkdir -p boots/a/b boots/c/d boots/e/f && cp case/binary_bios_measurements boots/a/b/ && cp case/quote.msg case/quote.sig case/ak.pub boots/c/d/
cp "$TOP"/tests/vectors/captures/efistub/binary_bios_measurements boots/e/f/ || exit 1
check "made: two boots' logs" ext ext4 boots.img boots
check "two boots' logs" evidence boots.img
in_json "  none is taken, and it is said" '.bundles[0] | ([.problems[] | select(.kind == "ambiguous")] | length == 2) and all(.files[]; .role != "binary_bios_measurements")'

mkdir -p outside/one outside/two outside/three/deeper && cp -r case/* outside/one && cp -r case/* outside/two && cp case/binary_bios_measurements outside/three/deeper/
check "made: evidence beside two cases" ext ext4 outside.img outside
check "evidence beside two cases" evidence outside.img
in_json "  is said not to be used" '.bundles[0].problems | any(.kind == "note" and .path == "three/deeper/binary_bios_measurements")'

# File systems that are not read are named.
truncate -s 1M xfs.img btrfs.img luks.img && printf XFSB | dd of=xfs.img conv=notrunc status=none
printf _BHRfS_M | dd of=btrfs.img bs=1 seek=65600 conv=notrunc status=none
printf 'LUKS\272\276' | dd of=luks.img conv=notrunc status=none
for kind in xfs:XFS btrfs:btrfs luks:LUKS; do
    check_run "${kind#*:} is not read" 3 "$ASSAY" replay evidence "${kind%:*}.img"
    check "  and named" contains "$ERR" "${kind#*:}"
done
check "made: a disk with an XFS beside the root" gpt mixed.img root.img xfs.img
check "what is read of a mixed disk" evidence mixed.img
in_json "  what is not read is noted" '.bundles[0].problems | any(.path == "partition-2" and (.message | contains("XFS, which is not read")))'
check "made: a disk with nothing that is read" gpt none.img xfs.img btrfs.img
check_run "nothing that is read" 3 "$ASSAY" replay evidence none.img
check "  each is named" contains "$ERR" "partition-1: XFS, which is not read"
check_run "a file that is no disk" 3 "$ASSAY" replay evidence "$TOP/LICENSE"

# Hostile images: refused with the place, or said to be damaged; never slow.
for i in gpt ext fat; do
    check_run "an image without evidence: $i" 3 timeout 20 "$ASSAY" replay evidence "$TOP/tests/fuzz/corpus/disk/$i"
done
cp disk.img cut.img && truncate -s 20M cut.img
printf 'XXXX' | dd of=cut.img bs=1 seek=$((1024 + 60)) conv=notrunc status=none
check_run "a GPT whose entries have another checksum" 3 "$ASSAY" replay evidence cut.img
check "  with the offset" contains "$ERR" "offset 0x258"
cp root.img short.img && truncate -s 10M short.img
check_run "a file system longer than its image" 3 "$ASSAY" replay evidence short.img
check "  with the offset" contains "$ERR" "offset 0x404"
if command -v debugfs > /dev/null; then
    # A directory linked into itself below other names: without care, 2^64 directories.
    mkdir -p loops/a/b/c && cp case/quote.msg case/quote.sig case/ak.pub loops/a/
    ext ext4 loops.img loops
    for i in 1 2 3; do echo "link a a/b/up$i"; echo "link a/b a/b/c/up$i"; done | debugfs -w -f - loops.img > /dev/null 2>&1
    check "directories in circles" run 0 timeout 20 "$ASSAY" replay evidence --json loops.img
    in_json "  are walked once" '.bundles[0].problems | any(.path == "a/b/up1" and (.message | contains("elsewhere")))'
    in_json "  what is there is found" '[.bundles[0].files[].role] == ["quote.msg", "quote.sig", "ak.pub"]'
    # A list of 2 GiB of nothing in an image of 16 MiB.
    within() { # MIB COMMAND...: its status, or 99 if it had more memory at once
        python3 -c 'import resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(status or 99 * (peak > int(sys.argv[1]) * 1024))' "$@"
    }
    mkdir holes && cp case/quote.msg case/quote.sig case/ak.pub holes/
    truncate -s 1900M holes/binary_runtime_measurements
    ext ext4 holes.img holes
    check "a file of holes" run 0 within 600 timeout 20 "$ASSAY" replay evidence --json holes.img
    in_json "  is not read" '.bundles[0].problems | any(.path == "binary_runtime_measurements" and (.message | contains("holes")))'
else
    skip "directories in circles, files of holes" "no debugfs"
fi
finish
