#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# refgen tree: what a folder holds, against sha256sum, readelf and find; errors; the database.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
umask 022

# --- a root of our own: files of the machine, links, odd names ---------------------------------------
mkdir -p root/usr/bin root/usr/lib root/etc "root/a folder" root/usr/lib/firmware root/empty
cp "$(readlink -f "$(command -v bash)")" root/usr/bin/bash
cp "$(readlink -f "$(command -v sort)")" root/usr/bin/sort
cp "$(ldd "$(command -v bash)" | sed -n 's/.*=> \([^ ]*libc\.so[^ ]*\).*/\1/p')" root/usr/lib/libc.so.6
printf '#!/bin/sh\necho hello\n' > root/usr/bin/hello
chmod 755 root/usr/bin/*
printf 'blob' > root/usr/lib/firmware/blob.bin
printf 'x' > "root/a folder/with blanks"
printf 'y' > $'root/etc/new\nline'
printf 'z' > $'root/etc/bytes-\xff\xfe'
: > root/etc/nothing
head -c 3000000 /dev/zero > root/zeros
truncate -s 5000000 root/sparse
ln -s usr/bin root/bin
ln -s /etc/passwd root/etc/outside
ln root/usr/bin/hello root/usr/bin/hello2
mkfifo root/fifo

tree() { "$ASSAY" refgen tree "$@"; }

check_run "a dry run" 0 tree --dry-run --json root
cp "$OUT" dry.json
files_match() { # every file's path and SHA-256, as find and sha256sum have them
    jq -r '.artifacts[0].files[] | select(.path | test("/etc/") | not) | "\(.digests.sha256)  \(.path)"' dry.json | sort > got
    (cd root && find . -type f ! -path './etc/*' -print0 | xargs -0 sha256sum) | sed 's|  \.|  |' | sort > want
    same want got
}
check "every file has the digest that sha256sum gives" files_match
check "files of odd names are there too" [ "$(jq '.artifacts[0].files | length' dry.json)" = \
    "$(find root -type f -printf x | wc -c)" ]
check "links" [ "$(jq -c '[.artifacts[0].links[] | [.path, .target]]' dry.json)" = \
    '[["/bin","usr/bin"],["/etc/outside","/etc/passwd"]]' ]
kind() { [ "$(jq -r --arg p "$1" '.artifacts[0].files[] | select(.path == $p) | "\(.kind) \(.executable)"' dry.json)" = "$2" ]; }
check "bash is an executable" kind /usr/bin/bash "executable true"
check "a script is a script" kind /usr/bin/hello "script true"
check "firmware is known by its folder" kind /usr/lib/firmware/blob.bin "firmware false"
check "data is other" kind /zeros "other false"
build_id() {
    command -v readelf > /dev/null || return 0
    [ "$(jq -r --arg p "$1" '.artifacts[0].files[] | select(.path == $p) | .build_id' dry.json)" = \
        "$(readelf -n "root$1" 2> /dev/null | sed -n 's/.*Build ID: //p' | head -n 1)" ]
}
check "bash's build-id is readelf's" build_id /usr/bin/bash
check "libc's build-id is readelf's" build_id /usr/lib/libc.so.6
size_mode() { [ "$(jq -r '.artifacts[0].files[] | select(.path == "/sparse") | "\(.size) \(.mode)"' dry.json)" = "5000000 100644" ]; }
check "size and mode" size_mode

# The listing as assay-refgen(1) defines it, made by other programs.
listing() {
    python3 - << 'PY'
import hashlib, json
a = json.load(open("plain.json"))["artifacts"][0]
records = {}
for f in a["files"]:
    records[f["path"].encode()] = b"\0".join([b"file", f["mode"].encode(), str(f["size"]).encode(),
                                              f["digests"]["sha256"].encode(), b"", b"", b""])
for l in a["links"]:
    records[l["path"].encode()] = b"link\0" + l["target"].encode() + b"\0"
h = hashlib.sha256()
for path in sorted(records):
    h.update(path + b"\0" + records[path])
assert h.hexdigest() == a["digest"]["sha256"], (h.hexdigest(), a["digest"])
PY
}
mkdir plain && cp -r root/usr root/bin plain/
tree --dry-run --json -q plain > plain.json
check "the artifact's digest is that of the listing" listing

check_run "the table" 0 tree --dry-run root
check "a line for each file" [ "$(grep -c '^sha256:' "$OUT")" = "$(find root -type f -printf x | wc -c)" ]
check "names cannot break lines" contains "$OUT" '/etc/new\x0aline'
check "the summary goes elsewhere" contains "$ERR" "1 artifact read"

check_run "other algorithms" 0 tree --dry-run --json --algorithms sha1,sha384,sha512 root
algorithms() {
    [ "$(jq -c '[.artifacts[0].files[].digests | keys] | unique' "$OUT")" = '[["sha1","sha384","sha512"]]' ] &&
        [ "$(jq -r '.artifacts[0].files[] | select(.path == "/zeros") | .digests.sha512' "$OUT")" = \
            "$(sha512sum root/zeros | cut -d' ' -f1)" ] &&
        [ "$(jq -r .artifacts[0].digest.sha256 "$OUT")" = "$(jq -r .artifacts[0].digest.sha256 dry.json)" ]
}
check "they are there, and the artifact is the same" algorithms
one_thread() { tree --dry-run --json -j1 root > one.json && same dry.json one.json; }
check "threads make no difference" one_thread

check_run "excludes" 0 tree --dry-run --json -x '/usr/*' -x zeros root
check "leave out what they name" [ "$(jq '[.artifacts[0].files[].path | select(startswith("/usr") or . == "/zeros")] | length' "$OUT")" = 0 ]
check "and nothing else" [ "$(jq '.artifacts[0].files | length' "$OUT")" = 5 ]

# --- the database ------------------------------------------------------------------------------------
export ASSAY_DB=$SCRATCH/golden.db
check_run "into a database" 0 tree --release one root
check "says what was added" contains "$OUT" "one: 1 artifact added (12 files), 0 already there, 0 refused"
check_run "the same again" 0 tree --release one root
check "is there already" contains "$OUT" "one: 0 artifacts added (0 files), 1 already there, 0 refused"
digest=$(sha256sum root/usr/bin/bash | cut -d' ' -f1)
check_run "is found" 0 "$ASSAY" db lookup --json "$digest"
found() {
    [ "$(jq -c '[.matches[] | [.release, .artifact, .path, .kind]]' "$OUT")" = \
        '[["one","root","/usr/bin/bash","executable"]]' ]
}
check "with its path and kind" found
printf 'changed' > root/etc/nothing
check_run "a changed root" 0 tree --release one --name changed root
check "is another artifact" contains "$OUT" "1 artifact added"

# A run that is killed leaves whole artifacts, and the next goes on.
killed() {
    local db=$SCRATCH/killed.db delay
    for delay in 0.05 0.15 0.3 0.5; do
        "$ASSAY" refgen tree --db "$db" --release k -q -j1 /usr/lib/locale /usr/bin /usr/share/man 2> /dev/null &
        sleep "$delay"; kill -9 $! 2> /dev/null; wait $! 2> /dev/null
        run 0 "$ASSAY" refgen tree --db "$db" --release k --name "after-$delay" root || return 1
        run 0 "$ASSAY" db lookup --db "$db" "$digest" || return 1
    done
}
check "after a killed run the next goes on" killed

# --- what is refused -----------------------------------------------------------------------------------
check_run "no folder" 3 tree --dry-run missing
check "is named" contains "$ERR" "assay: missing: cannot open: No such file or directory"
check_run "a file" 3 tree --dry-run root/zeros
mkdir another && printf 'another' > another/file
check_run "one of two" 3 tree --release two missing another
check "the other is added all the same" contains "$OUT" "two: 1 artifact added (1 file), 0 already there, 1 refused"
refused() {
    run 3 tree --dry-run --json missing root || return 1
    [ "$(jq -c '[[.artifacts[] | .status], .refused, .artifacts[0].error.source]' "$OUT")" = \
        '[["refused","read"],1,"missing"]' ]
}
check "JSON says so" refused
if [ "$(id -u)" = 0 ]; then
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    mkdir open && printf 'secret' > open/secret && chmod 600 open/secret
    chmod 755 "$SCRATCH" open
    cp "$ASSAY" "$SCRATCH/assay" && chmod 755 "$SCRATCH/assay"
    check_run "an unreadable file" 3 as_nobody "$SCRATCH/assay" refgen tree --dry-run open
    check "is named, and its tree refused" contains "$ERR" "assay: open/secret: cannot open: Permission denied"
    check "nothing is printed of it" lacks "$OUT" secret
else
    mkdir open && printf 'secret' > open/secret && chmod 0 open/secret
    check_run "an unreadable file" 3 tree --dry-run open
    check "is named, and its tree refused" contains "$ERR" "assay: open/secret: cannot open: Permission denied"
    check "nothing is printed of it" lacks "$OUT" secret
fi
check_run "no release" 2 tree root
check_run "no folder at all" 2 tree --dry-run
check_run "an unknown algorithm" 2 tree --dry-run --algorithms sha257 root
check_run "MD5" 2 tree --dry-run --algorithms md5 root
check_run "a name for two" 2 tree --dry-run --name x root root

# proc below a tree is passed over, other file systems only when asked.
if [ "$(id -u)" = 0 ] && mkdir -p mounts/proc mounts/tmp mounts/own && unshare -m true 2> /dev/null; then
    mounted() {
        # shellcheck disable=SC2016 # expanded by the inner shell
        run 0 unshare -m bash -c 'mount -t proc proc mounts/proc && mount -t tmpfs tmpfs mounts/tmp &&
            echo a > mounts/tmp/a && echo b > mounts/own/b && "$0" refgen tree "$@" mounts' "$ASSAY" --dry-run --json "$@"
    }
    paths() { [ "$(jq -c '[.artifacts[0].files[].path]' "$OUT")" = "$1" ]; }
    check "a root with mounts" mounted
    check "has no proc" paths '["/own/b","/tmp/a"]'
    check "one file system only" mounted --one-file-system
    check "has nothing mounted" paths '["/own/b"]'
else
    skip "mounts below a tree" "cannot mount here"
fi
finish
