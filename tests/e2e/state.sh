#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# --state: an audit that goes on where another ended says what one from the start says; and what an
# earlier audit attested cannot be taken back.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v python3 > /dev/null || ! command -v openssl > /dev/null; then
    skip "the state of machines" "no python3 or no openssl"
    finish
fi

cd "$SCRATCH" || exit 1
splits=$(python3 "$TOP/tests/tools/state_cases.py" "$TOP/tests/vectors/captures/sb-grub" bundles keys)
check "the bundles are made" [ -n "$splits" ]
db=$SCRATCH/golden.db
check_run "golden values: packages" 0 "$ASSAY" refgen rpm -q -r mb-1 --db "$db" "$TOP/tests/vectors/rpms"
check_run "golden values: initrd" 0 "$ASSAY" refgen initrd -q -r mb-1 --db "$db" "$TOP/tests/vectors/initrd.img"

audit() { # audit OUT BUNDLE [OPTION...]
    local out=$1 bundle=$2
    shift 2
    "$ASSAY" audit -q --json --db "$db" --ak keys/ak.pub "$@" "bundles/$bundle" > "$out" 2> "$out.err"
}
# Without what is said of the state itself, and of what the command line was.
said() { jq -S '.bundles[0] | del(.name) | .checks |= map(select(.check | startswith("state.") | not))' "$1"; }
same() { [ "$(said "$1")" = "$(said "$2")" ] || { diff <(said "$1") <(said "$2") | head -20; return 1; }; }
finds() { jq -e --arg c "$2" --arg s "$3" '.bundles[0].findings | any(.code == $c and .severity == $s)' "$1" > /dev/null; }
lacks_code() { jq -e --arg c "$2" '.bundles[0].findings | any(.code == $c) | not' "$1" > /dev/null; }
checked() { jq -e --arg c "$2" --arg r "$3" '.bundles[0].checks | any(.check == $c and .result == $r)' "$1" > /dev/null; }

for kind in honest attacked padded kexec; do
    audit "$kind.json" "$kind/whole"
    for n in $(awk -v k="$kind" '$1 == k { print $2 }' <<< "$splits"); do
        rm -rf state state.lists
        audit first.json "$kind/first-$n" --state state
        check "$kind: $n entries are kept" jq -e ".machines[].ima.entries == $n" state > /dev/null
        cp -r state state.one && cp -r state.lists state.one.lists
        audit went-on.json "$kind/whole" --state state
        check "  the whole list, which goes on: as from the start" same "$kind.json" went-on.json
        check "  which is said" checked went-on.json state.ima pass
        audit rest.json "$kind/rest-$n" --state state.one
        check "  the rest alone, joined: as from the start" same "$kind.json" rest.json
        check "  and the state is the same" cmp -s state state.one
        rm -rf state.one state.one.lists
    done
done
check "what passes as a whole passes so" jq -e '.verdict == "pass"' honest.json > /dev/null
check "what fails as a whole fails so" jq -e '.verdict == "fail"' attacked.json > /dev/null
audit alone.json honest/rest-31
check "the rest alone, without a state, fails" jq -e '.verdict == "fail"' alone.json > /dev/null

# --- taken back ---------------------------------------------------------------------------------------

seen() { rm -rf state state.lists; audit seen.json "$1" --state state; cp state state.before; }
seen honest/whole
check "one list is kept" [ "$(ls state.lists | wc -l)" -eq 1 ]
audit again.json honest/whole --state state
check "the same bundle again is judged the same" same honest.json again.json
for bundle in honest/first-31 rollback-clock rollback-reset; do
    audit back.json $bundle --state state
    check "$bundle after it: a rollback" finds back.json quote.rollback high
    check "  and the state stays" cmp -s state state.before
done
seen restarted
audit back.json rollback-restart --state state
check "restartCount before the one that was seen: a rollback" finds back.json quote.rollback high
seen honest/whole
for bundle in history boot userspace; do
    audit other.json $bundle --state state
    check "another log in the same boot ($bundle)" finds other.json log.history high
    check "  and the state stays" cmp -s state state.before
done
audit fresh.json history
check "  which fits its own quote" lacks_code fresh.json pcr.mismatch
audit reboot.json reboot --state state
check "after a restart logs begin anew" lacks_code reboot.json log.history
check "  which is said" checked reboot.json state.machine pass
check "  and kept" jq -e '.machines[].reset_count == 3' state > /dev/null
check "  and the former list is dropped" [ "$(ls state.lists | wc -l)" -eq 1 ]

# --- only what was verified ------------------------------------------------------------------------------

rm -rf state state.lists
"$ASSAY" audit -q --json --db "$db" --state state bundles/honest/whole > unbound.json
check "a key that nobody knows leaves no state" [ ! -e state ]
cp -r bundles/honest/whole bundles/lied
rm bundles/lied/tpm2-measure.log
audit lied.json lied --state state
check "nor do logs that do not fit" [ ! -e state ]

# --- the operator's file --------------------------------------------------------------------------------

fails() { # WHAT STATUS TEXT BUNDLE
    check_run "$1" "$2" "$ASSAY" audit -q --json --db "$db" --ak keys/ak.pub --state state "bundles/$4"
    check "  is said" contains "$ERR" "$3"
}
for text in '' '{' '[]' '{"machines": {}}' '{"version": 2, "machines": {}}' '{"version": 1}' '{"version": 1, "machines": []}' \
    '{"version": 1, "machines": {"xyz": {"clock": 1, "reset_count": 1, "restart_count": 1}}}' \
    '{"version": 1, "machines": {"00": {"clock": -1, "reset_count": 1, "restart_count": 1}}}' \
    '{"version": 1, "machines": {"00": {"clock": 1, "reset_count": 4294967296, "restart_count": 1}}}' \
    '{"version": 1, "machines": {"00": {"clock": 1, "reset_count": 1, "restart_count": 1, "ima": {"size": 1}}}}' \
    '{"version": 1, "machines": {"00": {"clock": 1, "reset_count": 1, "restart_count": 1, "boot_log": {"size": 1, "digest": "00"}}}}'; do
    printf '%s' "$text" > state
    fails "a state that is none: $text" 3 state honest/whole
done
seen honest/first-31
rm -r state.lists
fails "a list that is gone is the operator's loss" 3 state.lists honest/rest-31
seen honest/first-31
printf x >> "$(echo state.lists/*)"
fails "a list that was changed, too" 3 "is not its name" honest/rest-31
rm -rf state state.lists
check_run "a state that cannot be written" 4 "$ASSAY" audit -q --json --db "$db" --ak keys/ak.pub --state nowhere/state bundles/honest/whole
finish
