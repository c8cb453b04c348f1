#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The golden database through the built program: what it holds and answers; imports that are killed,
# that run out of disk, that come in another order; files that are damaged or somebody else's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
: "${TEST_PROGRAMS:=$TOP/build/tests}"

die() { echo "not ok - $*"; E2E_FAILED=$((E2E_FAILED + 1)); finish; }
json() { jq -e "$1" "$OUT" > /dev/null || { echo "# not so: $1"; head -c 2000 "$OUT" | sed 's/^/# | /'; return 1; }; }
dump() { sqlite3 -readonly "file:$1?immutable=1" .dump 2>&1; }
import() { "$ASSAY" refgen rpm -q --db "$@"; }

"$TEST_PROGRAMS/bench/make_rpms" rpms 300 3000 || die "packages are made"
mapfile -t packages < <(find rpms -name '*.rpm' | sort)
check "there are packages" [ ${#packages[@]} = 300 ]

# --- what it holds ------------------------------------------------------------------------------
mkdir -p old new/usr/bin new/etc old/usr/bin old/etc
printf '#!/bin/sh\necho one\n' > old/usr/bin/tool
printf '#!/bin/sh\necho two\n' > new/usr/bin/tool
printf 'same\n' | tee old/etc/same new/etc/same new/etc/copy > /dev/null
printf 'gone\n' > old/etc/gone
chmod 755 old/usr/bin/tool new/usr/bin/tool
two=$(sha256sum < new/usr/bin/tool | cut -d' ' -f1)
same=$(sha256sum < new/etc/same | cut -d' ' -f1)
export ASSAY_DB=$SCRATCH/small.db
check_run "a release" 0 "$ASSAY" refgen tree -q -r old old --algorithms sha1,sha256
check_run "and the next" 0 "$ASSAY" refgen tree -q -r new new --algorithms sha1,sha256
check_run "info" 0 "$ASSAY" db info
check "  counts releases" contains "$OUT" "Releases    2"
check_run "info --json --check" 0 "$ASSAY" db info --json --check
check "  counts them, too" json '.check == "pass" and .schema_version > 0 and .artifact_count == 2 and .file_count == 6 and
    [.releases[] | [.release, .artifact_count, .file_count]] == [["new", 1, 3], ["old", 1, 3]]'
check_run "list" 0 "$ASSAY" db list
check "  names releases in order" [ "$(cut -d' ' -f1 "$OUT" | tr '\n' ' ')" = "new old " ]
check_run "list artifacts" 0 "$ASSAY" db list artifacts -r new --json
check_run "list files of a release" 0 "$ASSAY" db list files -r new
check "  has the digest that sha256sum gives" contains "$OUT" "sha256:$two  /usr/bin/tool"
check_run "list files of a release that is not there" 2 "$ASSAY" db list files -r none
check "  is said" contains "$ERR" none
check_run "lookup of a digest" 0 "$ASSAY" db lookup --json "$same"
check "  says where else the same bytes are" json '.digest == "'"$same"'" and ([.matches[] | [.release, .path, .algorithm]] | sort) ==
    [["new", "/etc/copy", "sha256"], ["new", "/etc/same", "sha256"], ["old", "/etc/same", "sha256"]]'
check_run "lookup of a SHA-1" 0 "$ASSAY" db lookup --json "$(sha1sum < new/usr/bin/tool | cut -d' ' -f1)"
check "  finds it as such" json '[.matches[] | [.release, .path, .algorithm, .kind]] == [["new", "/usr/bin/tool", "sha1", "script"]]'
check_run "lookup of a path" 0 "$ASSAY" db lookup --json /bin/tool
check "  finds both releases behind usr-merge" json '[.matches[] | [.release, .path]] | sort == [["new", "/usr/bin/tool"], ["old", "/usr/bin/tool"]]'
check_run "lookup of a path, in words" 0 "$ASSAY" db lookup /etc/same
check "  shows where else the bytes are" contains "$OUT" /etc/copy
check_run "lookup in one release" 0 "$ASSAY" db lookup --json -r old "$same"
check "  finds what that has" json '[.matches[].path] == ["/etc/same"]'
check_run "lookup of what nobody knows" 1 "$ASSAY" db lookup "$(printf x | sha256sum | cut -d' ' -f1)"
check_run "lookup of what is no digest" 2 "$ASSAY" db lookup 0123
check_run "pcrs of a database without profiles" 0 "$ASSAY" db pcrs --json
check "  is an empty list" json '.profiles == []'
check_run "diff" 0 "$ASSAY" db diff --json old new
check "  names what was added, removed, changed" json '[.. | objects | select(has("path")) | .path] | sort == ["/etc/copy", "/etc/gone", "/usr/bin/tool"]'
check_run "diff, in words" 0 "$ASSAY" db diff old new
check "  has them all" eval 'for p in /etc/copy /etc/gone /usr/bin/tool; do contains "$OUT" $p || exit 1; done'
check "  and not what stayed" lacks "$OUT" /etc/same
check_run "diff with a release that is not there" 2 "$ASSAY" db diff old none
for command in "info x" "list nothing" "lookup" "diff one" "diff a b c" "pcrs x" "merge" "info --nothing"; do
    # shellcheck disable=SC2086
    check_run "db $command is a usage error" 2 "$ASSAY" db $command
done
cp small.db before.db
for command in info "list files" "lookup /etc/same" "diff old new" pcrs; do
    # shellcheck disable=SC2086
    "$ASSAY" db $command > /dev/null
done
check "the commands change no byte" cmp before.db small.db
unset ASSAY_DB

# --- order and threads ------------------------------------------------------------------------
check_run "an undisturbed import" 0 import reference.db -r one -j1 rpms
dump reference.db > reference.dump
check "  is a sound SQLite file" [ "$(sqlite3 -readonly reference.db 'PRAGMA integrity_check')" = ok ]
"$ASSAY" db list files --db reference.db | sort > reference.files
"$ASSAY" db list artifacts --db reference.db | cut -d' ' -f1 > reference.artifacts
for jobs in 2 7; do
    rm -f order.db
    mapfile -t shuffled < <(shuf --random-source=<(yes $jobs) -e "${packages[@]}")
    check_run "in another order, -j$jobs" 0 import order.db -r one -j$jobs "${shuffled[@]}"
    dump order.db > order.dump
    check "  the same dump" same reference.dump order.dump
done
rm -f order.db
for part in 2 0 1; do
    check_run "in three runs, part $part" 0 import order.db -r one "${packages[@]:$((part * 100)):100}"
done
dump order.db > order.dump
check "  the same dump" same reference.dump order.dump
check_run "under a second release" 0 "$ASSAY" refgen rpm --db order.db -r two "${packages[@]:0:7}"
check "  artifacts are linked to it, and it says so" grep -qE '^two: 0 artifacts added \(0 files\), [1-9][0-9]* linked from other releases, 0 already there, 0 refused$' "$OUT"
check_run "the same again" 0 "$ASSAY" refgen rpm --json --db order.db -r two "${packages[@]:0:7}"
check "  they are there already" json '.linked == 0 and .present > 0 and .added == 0 and ([.artifacts[].status] | unique) == ["present"]'

# --- killed -----------------------------------------------------------------------------------------

# Looks at copies of a database that a killed import left: sound, whole artifacts only, openable.
sound_after_kill() {
    local f
    rm -rf look && mkdir look
    for f in killed.db*; do [ ! -e "$f" ] || cp "$f" look/; done
    [ -e look/killed.db ] || { echo none >> kills; return 0; }
    cp -r look raw
    [ "$(sqlite3 raw/killed.db 'PRAGMA integrity_check')" = ok ] || { echo "# integrity_check"; ls -l look; rm -rf raw; return 1; }
    rm -rf raw
    run 0 "$ASSAY" db info --recover --check --json --db look/killed.db || { ls -l look; return 1; }
    jq .artifact_count "$OUT" >> kills
    "$ASSAY" db list artifacts --db look/killed.db | cut -d' ' -f1 > look/artifacts
    "$ASSAY" db list files --db look/killed.db | sort > look/files
    # Each artifact that is there has all its files, and they are the reference's.
    join -j1 <(sort look/artifacts) reference.files > look/wanted
    join -j1 <(sort look/artifacts) look/files > look/has
    [ "$(wc -l < look/files)" = "$(wc -l < look/has)" ] && same look/wanted look/has
}

start=$(date +%s%N)
import timed.db -r one -j2 rpms || die "a timed import"
took=$((($(date +%s%N) - start) / 1000))
RANDOM=20260101
: > kills
kills=30
for ((i = 0; i < kills; i++)); do
    # In turn: a new database, most killed in their first moments; one that has some packages, killed soon after
    # others were committed; whatever that left.
    [ $((i % 3)) = 2 ] || rm -f killed.db*
    [ $((i % 3)) != 1 ] || import killed.db -r one "${packages[@]:0:20}" || die "some packages"
    if [ $((i % 6)) = 0 ]; then delay=$((RANDOM * 20000 / 32768)); else delay=$((took / 8 + RANDOM * took / 32768 * 5 / 8)); fi
    "$ASSAY" refgen rpm -q --db killed.db -r one -j2 rpms 2> killed.err & pid=$!
    if [ $((i % 3)) = 1 ]; then
        while kill -0 $pid 2> /dev/null && [ ! -s killed.db-wal ]; do :; done
        for ((n = RANDOM / 16; n > 0; n--)); do :; done # a few milliseconds: a sleep takes as long to start
        when="soon after a commit"
    else
        sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
        when="after $delay us"
    fi
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    check "killed $when: sound, with whole artifacts only" sound_after_kill
done
echo "# artifacts after each kill: $(tr '\n' ' ' < kills)"
check "some kills came in the middle of an import" [ "$(grep -vcx -e none -e 0 -e 20 -e 300 kills)" -gt 0 ]
check_run "the last run goes on" 0 import killed.db -r one -j2 rpms
dump killed.db > killed.dump
check "  and ends in the dump of an undisturbed import" same reference.dump killed.dump
for left in "" -journal -wal; do
    rm -f first.db*
    : > first.db
    [ -z "$left" ] || printf 'what a kill left' > "first.db$left"
    check_run "info --recover of a file without a page, and ${left:-nothing} beside it" 0 "$ASSAY" db info --recover --check --db first.db
    check_run "  goes on from there" 0 import first.db -r one "${packages[0]}"
done

# --- a full disk ----------------------------------------------------------------------------------

# full WHAT DB COMMAND...: what was there before the disk was full is there after.
full() {
    local what=$1 db=$2
    shift 2
    check_run "$what: exit 4" 4 "$@"
    check "  is said with the file" contains "$ERR" "$db"
    rm -rf look && mkdir look && cp "$db"* look/
    check_run "  the file is sound" 0 "$ASSAY" db info --recover --check --json --db "look/${db##*/}"
    "$ASSAY" db list files --db "look/${db##*/}" | sort > look/files
    check "  nothing that was committed is lost" [ -z "$(comm -23 committed.files look/files)" ]
    check "  nothing else is there" [ -z "$(comm -13 reference.files look/files)" ]
}
limited() { (ulimit -f "$1" && shift && "$@"); } # blocks of 1024 bytes
for kib in 64 256 384 512; do
    rm -f full.db*
    if [ $kib -gt 200 ]; then import full.db -r one "${packages[@]:0:60}" || die "a first import"; fi
    : > committed.files
    [ ! -e full.db ] || "$ASSAY" db list files --db full.db | sort > committed.files
    full "a limit of $kib KiB" full.db limited $kib "$ASSAY" refgen rpm -q --db full.db -r one rpms
    check_run "  with room, the next run goes on" 0 import full.db -r one rpms
    dump full.db > full.dump
    check "  to the same dump" same reference.dump full.dump
done
mkdir small
if mount -t tmpfs -o size=1m tmpfs small 2> /dev/null; then
    E2E_CLEANUP+=("umount '$SCRATCH/small'")
    import small/full.db -r one "${packages[@]:0:40}" || die "a first import"
    "$ASSAY" db list files --db small/full.db | sort > committed.files
    full "a full file system" small/full.db "$ASSAY" refgen rpm -q --db small/full.db -r one rpms
    mount -o remount,size=64m small
    check_run "  with room, the next run goes on" 0 import small/full.db -r one rpms
    dump small/full.db > full.dump
    check "  to the same dump" same reference.dump full.dump
else
    skip "a full file system" "nothing can be mounted here"
fi

# --- damaged ----------------------------------------------------------------------------------------
size=$(stat -c %s small.db)
"$ASSAY" db list files --db small.db > small.files
# One byte flipped: refused with a reason, or what is read is what was there (a byte that nothing uses).
flipped() {
    local at=$1 status=0
    cp small.db flip.db
    printf '%b' "\\x$(printf %02x $((0x$(xxd -s "$at" -l 1 -p small.db) ^ $2)))" | dd of=flip.db bs=1 seek="$at" conv=notrunc status=none
    "$ASSAY" db info --check --db flip.db > flip.out 2> flip.err || status=$?
    case $status in
    0) ;;
    3) [ -s flip.err ] || { echo "# offset $at: no reason"; return 1; } ;;
    *) echo "# offset $at: exit $status"; cat flip.err; return 1 ;;
    esac
    echo "$status" >> flips
    status=0
    "$ASSAY" db list files --db flip.db > flip.out 2> flip.err || status=$?
    [ $status = 3 ] || { [ $status = 0 ] && cmp -s flip.out small.files; } || { echo "# offset $at: exit $status, other files"; return 1; }
}
# A byte of each so many runs of 16 that are not all zeros: most of the pages of so small a database are free.
all_flipped() {
    local at
    for at in $(xxd -p -c 16 small.db | awk -v n="$2" '/[^0]/ && i++ % n == 0 { print (NR - 1) * 16 + i % 16 }'); do
        flipped "$at" "$1" || return 1
    done
}
: > flips
check "flipped at steps, the lowest bit" all_flipped 1 3
check "flipped at steps, all bits" all_flipped 255 5
check "  a byte that is used is found" [ "$(grep -cx 3 flips)" -gt 5 ]
cut_anywhere() {
    local at status
    for ((at = 0; at < size; at += 8191)); do
        head -c $at small.db > cut.db
        status=0
        "$ASSAY" db info --db cut.db > /dev/null 2> cut.err || status=$?
        { [ $status = 3 ] && [ -s cut.err ]; } || { echo "# cut at $at: exit $status"; return 1; }
    done
}
check "cut at steps: each refused" cut_anywhere

# --- somebody else's ----------------------------------------------------------------------------------
declare -A foreign=(
    ["another schema version"]="PRAGMA user_version = 999"
    ["an older schema version"]="PRAGMA user_version = 0"
    ["another application"]="PRAGMA application_id = 42"
    ["a table of somebody's"]="CREATE TABLE notes (x)"
    ["a view"]="CREATE VIEW all_artifacts AS SELECT * FROM artifact"
    ["a trigger"]="CREATE TRIGGER t AFTER INSERT ON artifact BEGIN DELETE FROM artifact; END"
    ["an index of somebody's"]="CREATE INDEX i ON artifact (name)"
    ["a table less"]="PRAGMA foreign_keys = OFF; DROP TABLE release_artifact"
    ["a column more"]="ALTER TABLE artifact ADD COLUMN more TEXT"
    ["a release's count"]="UPDATE release SET n_artifacts = n_artifacts + 1"
    ["an artifact's name"]="UPDATE artifact SET name = 'other'"
    ["a release's count of boots"]="UPDATE release SET n_boots = n_boots + 1"
    ["an artifact of a release less"]="DELETE FROM release_artifact WHERE release = 'old'"
)
for what in "${!foreign[@]}"; do
    cp small.db foreign.db
    sqlite3 foreign.db "${foreign[$what]}" > /dev/null || die "foreign.db: $what"
    for command in info "list files" "lookup $same"; do
        # shellcheck disable=SC2086
        check_run "$what: db $command" 3 "$ASSAY" db $command --db foreign.db
        check "  has a reason" contains "$ERR" foreign.db
    done
done
for what in "another schema version" "another application" "a table of somebody's" "a view" "a trigger" "a table less"; do
    cp small.db foreign.db
    sqlite3 foreign.db "${foreign[$what]}" > /dev/null
    cp foreign.db kept.db
    check_run "$what: db pcrs" 3 "$ASSAY" db pcrs --db foreign.db
    check_run "$what: nothing is imported into it" 3 "$ASSAY" refgen tree -q -r new --db foreign.db new
    check "  nor is a byte of it changed" cmp kept.db foreign.db
    check_run "$what: nor recovered" 3 "$ASSAY" db info --recover --db foreign.db
done
sqlite3 plain.db 'CREATE TABLE t (x); INSERT INTO t VALUES (1)'
printf 'no database at all\n' > text.db
mkdir folder.db
for db in plain.db text.db folder.db nothing.db /dev/null; do
    check_run "$db is none" 3 "$ASSAY" db info --db $db
done
finish
