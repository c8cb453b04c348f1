#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job on real input: packages into a golden database; a machine that boots, measures and is
# quoted; a verdict. Then every way in which it can go wrong, one at a time.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/e2e/swtpm.sh"
: "${TEST_PROGRAMS:=$TOP/build/tests}"
. "$TOP/tests/tools/machine.sh"
. "$TOP/tests/tools/captures.sh"

vectors=$TOP/tests/vectors
capture=$vectors/captures/sb-grub
pcrs=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14
nonce=00112233445566778899aabbccddeeff
db=$SCRATCH/golden.db
cd "$SCRATCH" || exit 1

die() { echo "# $*"; check "$*" false; finish; }

# --- asking and looking ------------------------------------------------------------------------

status_of() { case $1 in pass) echo 0 ;; fail) echo 1 ;; incomplete) echo 5 ;; esac; }

# The codes of what matters, each once.
codes() { jq -r '[.bundles[].findings[] | select(.severity != "info" and .severity != "low") | .code] | unique | join(" ")' "$OUT"; }

verdict_is() {
    local verdict=$1 want=$2 got
    shift 2
    run "$(status_of "$verdict")" "$ASSAY" audit --json "$@" || { head -c 1500 "$OUT" | sed 's/^/# | /'; echo; return 1; }
    got=$(jq -r .verdict "$OUT") || return 1
    [ "$got" = "$verdict" ] || { echo "# verdict $got, expected $verdict"; return 1; }
    got=$(codes) || return 1
    [ "$got" = "$want" ] || {
        echo "# findings '$got', expected '$want'"
        jq -r '.bundles[].findings[] | "\(.severity) \(.code) \(.subject): \(.message)"' "$OUT" | sed 's/^/# | /'
        return 1
    }
}

# judged WHAT VERDICT "CODE..." BUNDLE [OPTIONS...]: with the database, the good keys and the nonce
judged() {
    local what=$1 verdict=$2 codes=$3 bundle=$4
    shift 4
    check "$what" verdict_is "$verdict" "$codes" "$bundle" --db "$db" --release acme-2 \
        --ak "$tpm/ak.pub" --ak "$tpm/ak-ecc.pub" --nonce "$nonce" "$@"
}

# finding CODE SUBJECT: in the last JSON
finding() { in_json "  names $2" ".bundles[].findings | any(.code == \"$1\" and .subject == \"$2\")"; }

# --- the golden database -------------------------------------------------------------------------

"$TOP/tests/tools/packages.sh" "$SCRATCH" || die "packages are built"
for release in acme-1 acme-2; do
    check_run "packages of the system and of $release become reference values" 0 \
        "$ASSAY" refgen rpm --release $release --db "$db" --algorithms sha1,sha256 \
        --keyring keys/acme.asc --keyring "$vectors/keys/rpm-key.asc" "$vectors/rpms" repo/$release
    check_run "so do the files of the initrd" 0 \
        "$ASSAY" refgen initrd --release $release --db "$db" --algorithms sha1,sha256 "$vectors/initrd.img"
done
check_run "the database says what it holds" 0 "$ASSAY" db info --db "$db"
check_run "and lists its releases" 0 "$ASSAY" db list --db "$db"
check "  acme-1" contains "$OUT" acme-1
check "  acme-2" contains "$OUT" acme-2

machine_install root repo/acme-2/*.rpm || die "packages are unpacked"
machine_install old-root repo/acme-1/acme-agent-*.rpm || die "packages are unpacked"
agent=$(sha256sum < root/usr/sbin/acme-agent | cut -d' ' -f1)
old_agent=$(sha256sum < old-root/usr/sbin/acme-agent | cut -d' ' -f1)
check_run "a digest is looked up" 0 "$ASSAY" db lookup --db "$db" --json "$agent"
in_json "  and found in one release, package and path" '.digest == "'"$agent"'" and (.matches | length == 1) and
    (.matches[0] | .release == "acme-2" and .path == "/usr/sbin/acme-agent" and .algorithm == "sha256" and
        .kind == "executable" and (.artifact | startswith("acme-agent-1.1-1")))'
check_run "a path is looked up" 0 "$ASSAY" db lookup --db "$db" --json /usr/sbin/acme-agent
check "  and both versions are found" contains "$OUT" "$old_agent"
check_run "the releases are compared" 0 "$ASSAY" db diff --db "$db" acme-1 acme-2
check "  and the agent has changed" contains "$OUT" /usr/sbin/acme-agent
check "  and the tools have not" lacks "$OUT" /opt/acme/bin/sort
check_run "the installed files are reference values as well" 0 "$ASSAY" refgen tree --release installed --db tree.db root
check_run "  found by digest" 0 "$ASSAY" db lookup --db tree.db --json "$agent"
in_json "  under their path" '[.matches[] | [.release, .path]] == [["installed", "/usr/sbin/acme-agent"]]'

# --- the honest machine ---------------------------------------------------------------------------

tpm=$SCRATCH/tpm
{ tpm_start "$tpm" && tpm_ak ak rsa && tpm_ak ak-ecc ecc256 && tpm_ak stranger rsa; } || die "a TPM starts"
boot_log=$capture/binary_bios_measurements
list=$SCRATCH/list
cp "$capture/binary_runtime_measurements" "$list"
machine_measure root "$list" /usr/sbin/acme-agent /etc/acme/agent.conf /opt/acme/bin/{comm,cut,join,sort,tidy,tidy-up} \
    /opt/acme/share/numbers.txt /opt/acme/bin/bash || die "files are measured"
n_entries=$("$log_edit" ima -c "$list")

# The entry that names PATH, and events known by the log.
entry() { "$log_edit" ima -a "$1" | awk -v path="$2" '$5 == path { print NR - 1; exit }'; }
application=24 # EV_EFI_BOOT_SERVICES_APPLICATION, PCR 4: shim
variable=4     # EV_EFI_VARIABLE_DRIVER_CONFIG, PCR 7: SecureBoot
grub_command=31 # EV_IPL, PCR 8; so is the next one

bundle() { # NAME BOOT_LOG IMA_LIST: the logs, no quote
    mkdir -p "$1"
    cp "$2" "$1/binary_bios_measurements"
    cp "$3" "$1/binary_runtime_measurements"
}
quoted() { # NAME [KEY [SELECTION [NONCE [SUFFIX]]]]
    tpm_quote "$1" "${2:-ak}" "${3:-sha256:$pcrs}" "${4:-$nonce}" ${5:+"$5"} || die "a quote is taken"
}

machine_boot "$tpm" "$boot_log" "$list" || die "the machine boots"
bundle honest "$boot_log" "$list" && quoted honest
bundle honest-ecc "$boot_log" "$list" && quoted honest-ecc ak-ecc
bundle honest-multi "$boot_log" "$list" && quoted honest-multi ak "sha1:$pcrs+sha256:$pcrs+sha384:$pcrs"
bundle honest-strong "$boot_log" "$list" && quoted honest-strong ak-ecc "sha512:$pcrs+sha256:0,1,2,3,4,5,6,7,8,9"
bundle honest-sha512 "$boot_log" "$list" && quoted honest-sha512 ak-ecc "sha512:$pcrs"
bundle stranger "$boot_log" "$list" && quoted stranger stranger
bundle stale "$boot_log" "$list" && quoted stale ak "sha256:$pcrs" ffffffff

judged "an honest machine passes" pass "" honest
in_json "  every check that was made passed" '[.bundles[0].checks[] | select(.result == "fail")] == []'
in_json "  the signature was checked" '.bundles[0].checks | any(.check == "quote.signature" and .result == "pass")'
judged "with an ECC key" pass "" honest-ecc
judged "with three banks quoted" pass "" honest-multi
judged "with a bank that IMA extended with padded SHA-1" pass "" honest-strong
judged "in that bank alone nothing vouches for the PCRs of its boot_aggregate" incomplete "" honest-sha512
cp honest/quote.pcrs kept.pcrs; rm honest/quote.pcrs
judged "without the PCR file" pass "" honest
mv kept.pcrs honest/quote.pcrs
tar -c --zstd -f honest.tar.zst honest
judged "as a tar archive with zstd" pass "" honest.tar.zst
zip -qr honest.zip honest
judged "as a zip archive" pass "" honest.zip
cp -r honest ascii
"$log_edit" ima -a ascii/binary_runtime_measurements > ascii/ascii_runtime_measurements
rm ascii/binary_runtime_measurements
judged "with the ascii list instead of the binary one" pass "" ascii
check_run "the text report says PASS" 0 "$ASSAY" audit honest --db "$db" --ak "$tpm/ak.pub" --nonce $nonce
check "  in words" grep -qi pass "$OUT"
cp -r honest quiet; rm quiet/nonce
check "without a nonce from the operator freshness is not checked, and said so" verdict_is pass "" quiet \
    --db "$db" --ak "$tpm/ak.pub"
in_json "  as a check that was skipped" '.bundles[0].checks | any(.check == "quote.nonce" and .result == "skip")'

# --- quotes and keys -----------------------------------------------------------------------------

judged "a quote for another nonce fails" fail quote.nonce stale
judged "so does the wrong nonce asked for" fail quote.nonce honest --nonce 0badc0de
cp -r honest flipped
size=$(stat -c %s flipped/quote.sig)
printf '\x%02x' $((0x$(tail -c 1 honest/quote.sig | xxd -p) ^ 1)) > byte
printf "%b" "$(cat byte)" | dd of=flipped/quote.sig bs=1 seek=$((size - 1)) conv=notrunc status=none
judged "a flipped bit in the signature" fail quote.signature flipped
cp -r honest pretender; cp stranger/quote.* pretender/
judged "a quote by another key than the bundle's" fail quote.signature pretender
judged "another key that nobody vouches for" incomplete key.unbound stranger
check "no key given: nothing vouches for the bundle's own" verdict_is incomplete key.unbound honest --db "$db" --nonce $nonce
cp -r honest unquoted; rm unquoted/quote.*
check "no quote: nothing is attested" run 5 "$ASSAY" audit --json unquoted --db "$db" --ak "$tpm/ak.pub"

# --- the boot log, edited after the quote ----------------------------------------------------------

boot_edited() { # WHAT "CODE..." EDIT...
    local what=$1 codes=$2
    shift 2
    rm -rf edited; cp -r honest edited
    "$log_edit" tcg "$boot_log" "$@" > edited/binary_bios_measurements || die "edit $*"
    judged "$what" fail "$codes" edited
}
boot_edited "a boot event removed" pcr.mismatch remove=$application
in_json "  names PCR 4" '.bundles[0].findings | any(.code == "pcr.mismatch" and .subject == "PCR 4")'
boot_edited "a boot event added" pcr.mismatch copy=$application
boot_edited "two boot events in another order" pcr.mismatch swap=$grub_command,$((grub_command + 1))
boot_edited "a boot event with another digest" pcr.mismatch digest=$application
boot_edited "a boot event with other data" log.data-mismatch data=$variable
cp -r honest-multi one-bank
"$log_edit" tcg "$boot_log" digest=$application:sha256 > one-bank/binary_bios_measurements
judged "a boot event changed in one bank only" fail pcr.mismatch one-bank
"$log_edit" tcg "$boot_log" digest=$application:sha1 > one-bank/binary_bios_measurements
judged "  or in the weakest" fail pcr.mismatch one-bank

# --- the IMA list, edited after the quote ----------------------------------------------------------

ima_edited() { # WHAT VERDICT "CODE..." EDIT...
    local what=$1 verdict=$2 codes=$3
    shift 3
    rm -rf edited; cp -r honest edited
    "$log_edit" ima "$list" "$@" > edited/binary_runtime_measurements || die "edit $*"
    judged "$what" "$verdict" "$codes" edited
}
at=$(entry "$list" /usr/bin/id)
ima_edited "an IMA entry removed" fail "ima.unattested pcr.mismatch" remove="$at"
ima_edited "the last entry removed" fail "ima.unattested pcr.mismatch" remove=$((n_entries - 1))
ima_edited "an IMA entry changed" fail "ima.digest-mismatch ima.template-hash ima.unattested pcr.mismatch" data="$at"
ima_edited "the same with its template hash made right" fail "ima.digest-mismatch ima.unattested pcr.mismatch" data="$at" rehash="$at"
ima_edited "only its template hash changed" fail "ima.template-hash" digest="$at"
ima_edited "two entries in another order" fail "ima.unattested pcr.mismatch" swap="$at",$((at + 1))
ima_edited "an entry twice" fail "ima.unattested pcr.mismatch" copy="$at"
ima_edited "two paths swapped" fail "ima.digest-mismatch ima.unattested pcr.mismatch" \
    path="$at":/opt/acme/bin/cut rehash="$at" \
    path="$(entry "$list" /opt/acme/bin/cut)":/usr/bin/id rehash="$(entry "$list" /opt/acme/bin/cut)"

cp -r honest later
machine_measure root later/binary_runtime_measurements /opt/acme/bin/paste
judged "a known file measured after the quote passes" pass "" later
in_json "  and is said to be not attested" '[.. | strings | select(test("attested"))] | length > 0'
printf 'echo surprise\n' > root/surprise.sh
machine_measure root later/binary_runtime_measurements /surprise.sh
judged "an unknown file measured after the quote: incomplete" incomplete ima.unknown-file later
rm root/surprise.sh

# --- what really ran -----------------------------------------------------------------------------

# ran NAME BOOT_LOG IMA_LIST: a machine whose TPM has seen just that
ran() {
    machine_boot "$tpm" "$2" "$3" || die "the machine boots"
    bundle "$1" "$2" "$3" && quoted "$1" && quoted "$1" ak-ecc "sha1:$pcrs+sha256:$pcrs+sha384:$pcrs" "$nonce" multi
}

cp "$list" violated
machine_violation violated /etc/acme/agent.conf
machine_measure root violated /opt/acme/bin/paste
ran violation "$boot_log" violated
judged "a violation" fail ima.violation violation
finding ima.violation /etc/acme/agent.conf
cp -r honest lying; cp violation/quote.pcrs lying/
judged "PCR values that are not those quoted" fail quote.pcr-digest lying

mkdir -p root/usr/local/bin
{ cat "$(command -v true)"; echo implant; } > root/usr/local/bin/implant
cp "$list" implanted
machine_measure root implanted /usr/local/bin/implant
ran implant "$boot_log" implanted
judged "a file that no package has" fail ima.unknown-file implant
finding ima.unknown-file /usr/local/bin/implant
in_json "  with its place in the list" '.bundles[0].findings | any(.code == "ima.unknown-file" and
    .source.index == '"$n_entries"' and .source.offset == '"$(stat -c %s "$list")"' and
    .source.file == "binary_runtime_measurements")'

cp "$list" outdated
machine_measure old-root outdated /usr/sbin/acme-agent
ran outdated-machine "$boot_log" outdated
judged "a file of an older version of its package, of another release" fail ima.other-release outdated-machine
finding ima.other-release /usr/sbin/acme-agent
in_json "  with the package it is from, and what it should be" '.bundles[0].findings[] |
    select(.code == "ima.other-release") | .found == "sha256:'"$old_agent"'" and
    .elsewhere[0].release == "acme-1" and (.elsewhere[0].artifact | startswith("acme-agent-1.0-1")) and
    .reference.release == "acme-2" and (.reference.artifact | startswith("acme-agent-1.1-1")) and
    .reference.path == "/usr/sbin/acme-agent" and .reference.expected == "sha256:'"$agent"'"'
check "the older version is fine where its release counts, too" verdict_is pass "" outdated-machine --db "$db" \
    --release acme-1 --release acme-2 --ak "$tpm/ak.pub" --ak "$tpm/ak-ecc.pub" --nonce $nonce
check "as it is when no release is chosen" verdict_is pass "" outdated-machine --db "$db" \
    --ak "$tpm/ak.pub" --ak "$tpm/ak-ecc.pub" --nonce $nonce
check "and its successor is of another release when only the older counts" verdict_is fail ima.other-release \
    outdated-machine --db "$db" --release acme-1 --ak "$tpm/ak.pub" --ak "$tpm/ak-ecc.pub" --nonce $nonce

cp -r root changed-root; cp root.signatures changed-root.signatures
echo appended >> changed-root/opt/acme/bin/sort
cp "$list" changed
machine_measure changed-root changed /opt/acme/bin/sort
ran changed-machine "$boot_log" changed
judged "a file with bytes that no version has" fail ima.digest-mismatch changed-machine
finding ima.digest-mismatch /opt/acme/bin/sort
in_json "  with what it should have been" '.bundles[0].findings[] | select(.code == "ima.digest-mismatch") |
    .reference.expected == "sha256:'"$(sha256sum < root/opt/acme/bin/sort | cut -d' ' -f1)"'" and
    (.reference.artifact | startswith("acme-tools-2.4-1"))'

mkdir -p changed-root/usr/local/sbin
cp root/opt/acme/bin/sort changed-root/usr/local/sbin/passwd
cp "$list" moved
machine_measure changed-root moved /usr/local/sbin/passwd
ran moved-machine "$boot_log" moved
judged "a packaged program under another path" fail ima.other-path moved-machine
finding ima.other-path /usr/local/sbin/passwd

"$log_edit" tcg "$boot_log" copy=$application > added-boot
ran added-machine added-boot "$list"
judged "an image that was really started twice belies the boot_aggregate" fail ima.boot-aggregate added-machine

# --- the golden database ---------------------------------------------------------------------------

refused() { # WHAT DATABASE
    check_run "$1" 3 "$ASSAY" audit --json honest --db "$2" --ak "$tpm/ak.pub" --nonce $nonce
    check "  is named" contains "$ERR" "$(basename "$2")"
    check "  nor looked into" run 3 "$ASSAY" db lookup --db "$2" "$agent"
}
altered() { cp "$db" "$1.db"; sqlite3 "$1.db" "$2" || die "altering the database"; }
altered version 'PRAGMA user_version = 999;'
refused "a database of another schema version is refused" version.db
altered foreign 'PRAGMA application_id = 1;'
refused "one of another application" foreign.db
altered trigger "CREATE TRIGGER helper AFTER INSERT ON $(sqlite3 "$db" "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 1") BEGIN SELECT 1; END;"
refused "one with somebody else's trigger" trigger.db
altered view 'CREATE VIEW everything AS SELECT 1;'
refused "one with somebody else's view" view.db
altered table 'CREATE TABLE more (a);'
refused "one with somebody else's table" table.db
sqlite3 other.db 'CREATE TABLE file (a); INSERT INTO file VALUES (1);'
refused "somebody else's database" other.db
seq 1 1000 > text.db
refused "what is no database" text.db
head -c $(($(stat -c %s "$db") / 2)) "$db" > cut.db
refused "one cut in half" cut.db
cp "$db" damaged.db
dd if=/dev/urandom of=damaged.db bs=4096 seek=2 count=3 conv=notrunc status=none
refused "a damaged one" damaged.db
refused "one that is not there" missing.db
mkdir nothing; cd nothing || exit 1
check "no database at all: incomplete" verdict_is incomplete "" ../honest --ak "$tpm/ak.pub" --nonce $nonce
cd ..
in_json "  and the check is said to be skipped" '.bundles[0].checks | any(.check | startswith("db")) or any(.result == "skip")'

# --- many bundles ----------------------------------------------------------------------------------

head -c 1000 honest.tar.zst > broken.tar.zst
many() { # WHAT STATUS BUNDLE...
    local what=$1 status=$2
    shift 2
    check_run "$what" "$status" "$ASSAY" audit --json --db "$db" --release acme-2 --ak "$tpm/ak.pub" --ak "$tpm/ak-ecc.pub" --nonce $nonce "$@"
}
many "many that pass" 0 honest honest-ecc honest.zip
in_json "  are in the report in their order" '[.bundles[].name] | map(sub(".*/"; "")) == ["honest", "honest-ecc", "honest.zip"]'
many "a broken archive" 3 broken.tar.zst
in_json "  is reported" '.verdict == "incomplete" and (.bundles[0].findings | any(.code == "bundle.unreadable"))'
many "a bundle that is not there" 3 nowhere
many "one incomplete among them" 5 honest stranger
many "an unreadable one counts for more" 3 honest stranger broken.tar.zst
many "and one that fails for most" 1 honest stranger broken.tar.zst implant
in_json "  each has its own verdict" '[.bundles[].verdict] == ["pass", "incomplete", "incomplete", "fail"]'
cp "$OUT" all.json
many "one thread says the same" 1 honest stranger broken.tar.zst implant -j 1
check "  byte for byte" same "$OUT" all.json

# --- machines that were really booted --------------------------------------------------------------

captures_golden "$vectors" "$SCRATCH/system.db"
for name in sb-grub uki-sdboot efistub sb-grub-ima-attack; do
    capture_judged "$vectors" "$name" "$SCRATCH/system.db"
done
finish
