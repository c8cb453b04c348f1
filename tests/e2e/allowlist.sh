#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Other verifiers' lists of good files: read as releases, written from releases, and the same entries
# of a captured log are refused by Keylime's rule and by an audit.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$SCRATCH" || exit 1
umask 022
json_has() { jq -e "$1" "$OUT" > /dev/null || { head -c 1500 "$OUT"; return 1; }; }
in_json() { check "$1" json_has "$2"; }

a=$(printf a | sha256sum | cut -d' ' -f1)
b=$(printf b | sha256sum | cut -d' ' -f1)

# --- flat lists and policies are read ---------------------------------------------------------------
printf '%s  boot_aggregate\n%s  /usr/bin/a\n%s  /usr/bin/a\n%s  /etc/b c\n' "sha256:$a" "$a" "$b" "$b" > flat
check_run "a flat allowlist" 0 "$ASSAY" refgen allowlist --release flat --db golden.db -v flat
check "  says what is no file" contains "$ERR" "no absolute paths"
check_run "one of its digests is looked up" 0 "$ASSAY" db lookup --db golden.db --json "$a"
in_json "  and found where it was" '.matches | length == 1 and .[0].path == "/usr/bin/a" and .[0].artifact == "flat#2"'
check_run "another of the same path" 0 "$ASSAY" db lookup --db golden.db --json /usr/bin/a
in_json "  is there too" '[.matches[].digests.sha256] | sort == (["'"$a"'", "'"$b"'"] | sort)'
check_run "read again" 0 "$ASSAY" refgen allowlist --release flat --db golden.db flat
check "  it is there already" contains "$OUT" "0 artifacts added (0 files), 2 already there"
check_run "standard input" 0 "$ASSAY" refgen allowlist -n - < flat
printf '%s  /a\nnonsense /b\n' "$a" > wrong
check_run "a line that is no digest is refused, with its offset" 3 "$ASSAY" refgen allowlist -n wrong
check "  said" contains "$ERR" "wrong: offset 0x45"
check_run "a list that is not there" 3 "$ASSAY" refgen allowlist -n nothing-there
check_run "no list at all is a usage error" 2 "$ASSAY" refgen allowlist -n
check_run "--require-signed without a key is one" 2 "$ASSAY" refgen allowlist -n --require-signed flat
printf '{"kernels": []}' > reference-state.json
check_run "a reference state that lacks most of it is refused" 3 "$ASSAY" refgen allowlist -n reference-state.json
check "  saying what it lacks" contains "$ERR" "scrtm_and_bios: is missing"
check_run "a database keeps none of a list that is refused" 3 "$ASSAY" refgen allowlist --release wrong --db golden.db wrong
check_run "  not even the release" 0 "$ASSAY" db list --db golden.db
check "  which is not named" lacks "$OUT" wrong

# --- and written --------------------------------------------------------------------------------------
check_run "a release is written as a flat allowlist" 0 "$ASSAY" db export --db golden.db --format allowlist -q
printf '%s  /etc/b c\n%s  /etc/b_c\n%s  /usr/bin/a\n%s  /usr/bin/a\n' "$b" "$b" "$b" "$a" | LC_ALL=C sort > want
LC_ALL=C sort "$OUT" > got
check "  as it was read, and as ascii lists have blanks" same want got
check_run "to a file" 0 "$ASSAY" db export --db golden.db -f allowlist -o out.txt
LC_ALL=C sort out.txt > got
check "  the same" same want got
check_run "a format that nobody knows is a usage error" 2 "$ASSAY" db export --db golden.db -f corim
check_run "a release that is not there is one" 2 "$ASSAY" db export --db golden.db -r nowhere
check_run "a database that is not there" 3 "$ASSAY" db export --db nothing-there.db

if ! command -v python3 > /dev/null || ! command -v openssl > /dev/null; then
    skip "Keylime's judgement and signed policies" "no python3 or no openssl"
    finish
fi

# --- the same judgement -------------------------------------------------------------------------------
rule=$TOP/tests/tools/keylime_rule.py
capture=$TOP/tests/vectors/captures/sb-grub
list=$capture/ascii_runtime_measurements
check_run "what the captured machine ran" 0 "$ASSAY" refgen rpm -q -r mb --db mb.db "$TOP/tests/vectors/rpms"
check_run "  and its initrd" 0 "$ASSAY" refgen initrd -q -r mb --db mb.db "$TOP/tests/vectors/initrd.img"
check_run "as a runtime policy" 0 "$ASSAY" db export --db mb.db -r mb -o policy.json
python3 "$rule" judge policy.json "$list" > refused
python3 "$rule" vary policy.json "$list" varied.json
python3 "$rule" judge varied.json "$list" > refused-varied
check "Keylime's rule refuses some by the varied policy" [ "$(wc -l < refused-varied)" -gt "$(($(wc -l < refused) + 5))" ]

judged_as() { # judged_as POLICY REFUSED: an audit finds the same entries
    "$ASSAY" refgen allowlist -q --release kl --db "$1.db" --write-excludes "$1.policy" "$1" || return 1
    "$ASSAY" audit --json --db "$1.db" --policy "$1.policy" --ak "$capture/ak.pub" "$capture" > report.json
    jq -r '.bundles[0].findings[] | select(.code | test("^ima.(unknown-file|digest-mismatch|other-path)$")) | .subject' report.json | sort -u > got
    cut -d' ' -f2 "$2" | sort -u > want
    same want got
}
check "a policy of the whole release: the same entries are refused" judged_as policy.json refused
check "one that lacks files, has others, and excludes: the same again" judged_as varied.json refused-varied
check "  the exclusions as globs" contains varied.json.policy 'exclude = /usr/bin/[a-m]**'
check "  each of them" contains varied.json.policy 'exclude = /etc/ld.so.cache'
check_run "a policy that is written again" 0 "$ASSAY" db export --db varied.json.db -o again.json
check "  holds the same digests" python3 -c '
import json
was, now = (json.load(open(f))["digests"] for f in ("varied.json", "again.json"))
assert all(set(v) <= set(now.get(k, [])) for k, v in was.items() if k[0] == "/")'

# --- signed policies ----------------------------------------------------------------------------------
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl ec -in key.pem -pubout -out key.pub 2> /dev/null
openssl ecparam -name prime256v1 -genkey -noout 2> /dev/null | openssl ec -pubout -out other.pub 2> /dev/null
openssl req -x509 -new -key key.pem -subj /CN=policies -days 1 -out key.crt 2> /dev/null
python3 "$rule" sign varied.json key.pem signed.json
check_run "a signed policy, without a key" 0 "$ASSAY" refgen allowlist -n --json signed.json
in_json "  is not taken for verified" '.artifacts[0].signature == "no-key"'
for key in key.pub key.crt; do
    check_run "with $key" 0 "$ASSAY" refgen allowlist -n --json --require-signed --policy-key other.pub --policy-key $key signed.json
    in_json "  it is, and says by whom" '.artifacts[0] | .signature == "verified" and .signer == "ECC P-256 '$key'"'
done
check_run "by another key only it is refused" 1 "$ASSAY" refgen allowlist -n -k other.pub signed.json
python3 - << 'PY'
import base64, json
policy = json.load(open("signed.json"))
text = base64.b64decode(policy["payload"]).replace(b"/usr", b"/USR", 1)
json.dump({**policy, "payload": base64.b64encode(text).decode()}, open("changed.json", "w"))
json.dump({**policy, "payloadType": "application/vnd.other+json"}, open("type.json", "w"))
PY
check_run "one that was changed since" 1 "$ASSAY" refgen allowlist -n -k key.pub changed.json
check_run "one that was signed as something else" 1 "$ASSAY" refgen allowlist -n -k key.pub type.json
check_run "an unsigned one where a signature is required" 1 "$ASSAY" refgen allowlist -n -k key.pub --require-signed varied.json
check_run "a key that is none" 3 "$ASSAY" refgen allowlist -n -k flat signed.json

# --- buffers ------------------------------------------------------------------------------------------
printf '%s' '{"meta": {"version": 1}, "digests": {"/usr/bin/a": ["'"$a"'"]}, "keyrings": {".ima": ["'"$a"'", "'"$b"'"]},
    "ima-buf": {"kexec-cmdline": ["'"$b"'"], "dm;x": ["'"$a"'"], "empty": []}, "ima": {"ignored_keyrings": ["_evm", "*"]}}' > buffers.json
check_run "a policy with keyrings and buffers" 0 "$ASSAY" refgen allowlist -n -v --write-excludes buffers.policy buffers.json
check "  says what cannot be named" contains "$ERR" "1 buffers cannot be named"
{ printf 'require-known-buffers = yes\n'; printf 'known-buffer = %s\n' "sha256:$a .ima" "sha256:$b .ima" "sha256:$b kexec-cmdline" 'any _evm' 'any *'; } > want
grep buffer buffers.policy > got
check "  and they are lines of a policy" same want got
check "  which an audit reads" run 3 "$ASSAY" audit --policy buffers.policy nothing-there
check "  to the end" lacks "$ERR" buffers.policy
printf '%s' '{"meta": {"version": 1}, "digests": {}, "keyrings": {".ima": ["zz"]}}' > wrong.json
check_run "a buffer's digest that is none" 3 "$ASSAY" refgen allowlist -n wrong.json
printf '%s' '{"meta": {"version": 1}, "digests": {}, "ima": {"ignored_keyrings": [1]}}' > wrong.json
check_run "an ignored keyring that is no name" 3 "$ASSAY" refgen allowlist -n wrong.json
for line in 'known-buffer = sha256:00 x' 'known-buffer = any' 'known-buffer = x' "known-buffer = sha256:${a^^} x" 'known-buffer = any  x'; do
    printf '[ima]\n%s\n' "$line" > wrong.policy
    check "a policy's line that names none: $line" run 3 "$ASSAY" audit --policy wrong.policy nothing-there
    check "  is said" contains "$ERR" "wrong.policy"
done

# --- verification keys --------------------------------------------------------------------------------
# As Keylime's tenant makes them: SubjectPublicKeyInfos, and the last four bytes of the SHA-1 of the key's bits.
python3 - "$TOP/tests/vectors/keys/ima-cert.der" << 'PY'
import base64, hashlib, json, subprocess, sys
spki = [subprocess.run(["openssl", *words, "-outform", "DER"], input=data, capture_output=True, check=True).stdout for words, data in (
    (("pkey", "-pubin", "-in", "key.pub", "-pubout"), b""),
    (("pkey", "-pubin", "-pubout"), subprocess.run(["openssl", "x509", "-inform", "DER", "-in", sys.argv[1], "-noout", "-pubkey"],
                                                  capture_output=True, check=True).stdout))]
ring = {"pubkeys": [base64.b64encode(k).decode() for k in spki], "keyids": [1, 2]}
policy = {"meta": {"version": 1}, "digests": {"/usr/bin/a": ["0" * 64]}, "verification-keys": json.dumps(ring)}
json.dump(policy, open("keys.json", "w"))
json.dump({**policy, "verification-keys": json.dumps(json.dumps(ring))}, open("keys-twice.json", "w"))
json.dump({**policy, "verification-keys": "[]"}, open("keys-none.json", "w"))
for name, keys in (("base64", ["Zg"]), ("number", [1]), ("rubbish", [base64.b64encode(b"rubbish").decode()])):
    json.dump({**policy, "verification-keys": json.dumps({"pubkeys": keys})}, open("keys-%s.json" % name, "w"))
json.dump({**policy, "verification-keys": "{"}, open("keys-cut.json", "w"))
# The identifiers that Keylime computes where none is given: of an EC point, and of an RSAPublicKey.
bits = [spki[0][-65:], subprocess.run(["openssl", "rsa", "-pubin", "-inform", "DER", "-RSAPublicKey_out", "-outform", "DER"],
                                      input=spki[1], capture_output=True).stdout]
json.dump(sorted(int.from_bytes(hashlib.sha1(b).digest()[-4:], "big") for b in bits if b), open("ids.json", "w"))
json.dump(sorted(ring["pubkeys"]), open("pubkeys.json", "w"))
PY
check_run "a policy with verification keys" 0 "$ASSAY" refgen allowlist -r keys --db keys.db --write-excludes keys.policy -v keys.json
check "  says what became of them" contains "$ERR" "2 verification keys"
check "  and that signatures count" contains keys.policy "accept-signed = yes"
check_run "  they are the release's" 0 "$ASSAY" db list keys --db keys.db --json
check "  in .ima" json_has '[.. | objects | select(.keyring? == ".ima" and has("fingerprint"))] | length == 2'
check_run "a string in a string is the same" 0 "$ASSAY" refgen allowlist -r twice --db twice.db keys-twice.json
check_run "  " 0 "$ASSAY" db export --db twice.db -o twice-again.json
check_run "they are written" 0 "$ASSAY" db export --db keys.db -o keys-again.json
check "  as they were read" [ "$(jq -c '.["verification-keys"] | fromjson.pubkeys | sort' keys-again.json)" = "$(jq -c . pubkeys.json)" ]
check "  likewise" same keys-again.json twice-again.json
check "  with their identifiers" [ "$(jq -c '.["verification-keys"] | fromjson.keyids | sort' keys-again.json)" = "$(jq -c . ids.json)" ]
check_run "no keys" 0 "$ASSAY" refgen allowlist -r none --db keys-none.db keys-none.json
for name in base64 number rubbish cut; do
    check_run "keys that are none: $name" 3 "$ASSAY" refgen allowlist -r wrong --db keys.db keys-$name.json
done
check_run "  of which nothing is kept" 0 "$ASSAY" db list --db keys.db
check "  not even the files" lacks "$OUT" wrong

# --- real ones ----------------------------------------------------------------------------------------
if [ -n "$CORPUS" ]; then
    kl=$CORPUS/keylime/keylime-keylime__
    check_run "Keylime's own signed policy" 0 "$ASSAY" refgen allowlist -n --json -k "${kl}runtime-policy-pubkey.pub" "${kl}runtime-policy-test-signed.json"
    in_json "  is verified" '.artifacts[0] | .signature == "verified" and .file_count == 20'
    check_run "its bad one is refused" 3 "$ASSAY" refgen allowlist -n -k "${kl}runtime-policy-pubkey.pub" "${kl}runtime-policy-test-signed-bad.json"
    check_run "its flat list" 0 "$ASSAY" refgen allowlist -n --json "${kl}ima-allowlist-short.txt"
    in_json "  has as many files" '.artifacts[0].file_count == 20'
    check_run "its bogus policy is refused" 3 "$ASSAY" refgen allowlist -n "${kl}runtime-policy-bogus.json"
    check_run "a digest of no algorithm is refused" 3 "$ASSAY" refgen allowlist -n "${kl}policy-unknown"
else
    skip "Keylime's own policies" "no corpus"
fi
finish
