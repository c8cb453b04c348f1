#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The whole main job on real input, in a folder that is kept: packages into a golden database, an
# honest machine, a tampered one, and two that were really booted.
# usage: make demo [DEMO_DIR=DIR]     $ASSAY is the program, $TEST_PROGRAMS the built tests folder
set -euo pipefail
export LC_ALL=C
top=$(cd "$(dirname "$0")/../.." && pwd)
: "${ASSAY:=$top/build/assay}" "${TEST_PROGRAMS:=$top/build/tests}"
export TEST_PROGRAMS
demo=${1:-$(mktemp -d "${TMPDIR:-/tmp}/assay-demo.XXXXXX")}
if [ -e "$demo" ] && [ -n "$(ls -A "$demo")" ]; then
    echo "demo: $demo is not empty; choose another folder" >&2
    exit 2
fi
mkdir -p "$demo"
demo=$(cd "$demo" && pwd)
cd "$demo"
PATH=$(dirname "$ASSAY"):$PATH
unset ASSAY_DB
. "$top/tests/e2e/swtpm.sh"
. "$top/tests/tools/machine.sh"
trap 'tpm_stop tpm 2> /dev/null || true' EXIT

bold='' plain='' green='' red=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m' green=$'\e[32m' red=$'\e[31m'; fi
wrong=()

title() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
say() { printf '%s\n' "$@" | fold -s -w 100 | sed 's/ *$//'; }
show() { # the command as one would type it
    printf '\n%s$' "$bold"
    printf ' %s' "$@"
    printf '%s\n' "$plain"
}
run() { show "$@"; "$@"; }
# expect STATUS REPORT COMMAND...: its report goes to the screen and to reports/REPORT.txt, and as
# JSON to reports/REPORT.json
expect() {
    local want=$1 report=reports/$2 got=0
    shift 2
    show "$@"
    "$@" > "$report.txt" || got=$?
    cat "$report.txt"
    "$@" --json > "$report.json" || true
    if [ $got = "$want" ]; then
        printf '%s(exit status %s, as expected)%s\n' "$green" $got "$plain"
    else
        printf '%s(exit status %s, expected %s)%s\n' "$red" $got "$want" "$plain"
        wrong+=("$report.txt")
    fi
}

started=$(date +%s)
vectors=$top/tests/vectors
capture=$vectors/captures/sb-grub
pcrs=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14

title "1. What was shipped: packages"
say "Everything happens in $demo." \
    "A vendor, Acme, packs programs of this machine with rpmbuild: an agent, tools and a shell, with gzip, xz and zstd payloads, signed with a key made just now; the files of the shell have IMA signatures, too. Release acme-2 brings a new agent. Both releases run on the same small system."
mkdir -p keys repo evidence reports
"$top/tests/tools/packages.sh" .
cp -r "$vectors/rpms" repo/system
cp "$vectors/initrd.img" repo/
cp "$vectors/keys/rpm-key.asc" keys/system.asc
run ls repo/system repo/acme-1 repo/acme-2

title "2. Golden values: what a machine may report"
for release in acme-1 acme-2; do
    run assay refgen rpm --release $release --keyring keys/acme.asc --keyring keys/system.asc repo/system repo/$release
    run assay refgen initrd --release $release repo/initrd.img
done
run assay db info
say "" "Which package and release is a file from, and what changed between the two?"
run assay db lookup /usr/sbin/acme-agent
run assay db diff acme-1 acme-2

title "3. An honest machine"
say "A TPM (swtpm) with four PCR banks is extended, event by event, with what a virtual machine measured when it booted with Secure Boot, shim, GRUB and Linux; then with its IMA list, and with the Acme programs it runs. The TPM signs its PCRs for the nonce of a verifier, with a key the verifier knows."
tpm_start tpm
tpm_ak machine-ak rsa
cp tpm/machine-ak.pub keys/machine-ak.pub
nonce=$(head -c 16 /dev/urandom | xxd -p)
machine_install machine/files repo/acme-2/*.rpm
cp "$capture/binary_runtime_measurements" machine/list
machine_measure machine/files machine/list /usr/sbin/acme-agent /etc/acme/agent.conf \
    /opt/acme/bin/{bash,tidy,sort,uniq} /opt/acme/share/numbers.txt
quote() { # NAME IMA_LIST
    mkdir -p "evidence/$1"
    machine_boot tpm "$capture/binary_bios_measurements" "$2"
    run tpm2_quote -Q -c tpm/machine-ak.ctx --scheme=rsassa -g sha256 -l "$pcrs" -q "$nonce" \
        -m "evidence/$1/quote.msg" -s "evidence/$1/quote.sig" -o "evidence/$1/quote.pcrs"
    cp keys/machine-ak.pub "evidence/$1/ak.pub"
    cp "$capture/binary_bios_measurements" "evidence/$1/"
    cp "$2" "evidence/$1/binary_runtime_measurements"
}
quote honest machine/list
run ls evidence/honest
expect 0 honest assay audit evidence/honest --release acme-2 --ak keys/machine-ak.pub --nonce "$nonce"

title "4. A tampered machine"
say "The same machine, but somebody started a program that no package has, and the agent of the older release. The quote is genuine: this TPM has seen all of it."
mkdir -p machine/intruder/usr/local/bin
{ cat "$(command -v id)"; echo "implant"; } > machine/intruder/usr/local/bin/implant
chmod 755 machine/intruder/usr/local/bin/implant
machine_install machine/intruder repo/acme-1/acme-agent-*.rpm
cp machine/list machine/tampered-list
machine_measure machine/intruder machine/tampered-list /usr/local/bin/implant /usr/sbin/acme-agent
quote tampered machine/tampered-list
expect 1 tampered assay audit evidence/tampered --release acme-2 --ak keys/machine-ak.pub --nonce "$nonce"

title "5. And if the intruder removes it from the list?"
say "Then the list no longer gives what the TPM signed."
cp -r evidence/tampered evidence/concealed
implant=$("$log_edit" ima -a machine/tampered-list | awk '$5 == "/usr/local/bin/implant" { print NR - 1 }')
"$log_edit" ima machine/tampered-list "remove=$implant" > evidence/concealed/binary_runtime_measurements
expect 1 concealed assay audit evidence/concealed --release acme-2 --ak keys/machine-ak.pub --nonce "$nonce"

title "6. Machines that were really booted"
say "Evidence from virtual machines with QEMU, OVMF and swtpm: one that ran what was shipped, and one with a changed program, two implants and files opened for writing behind IMA's back."
for name in sb-grub sb-grub-ima-attack; do
    cp -r "$vectors/captures/$name" evidence/
    cp "evidence/$name/ak.pub" "keys/$name-ak.pub"
    cp "evidence/$name/ak-ecc.pub" "keys/$name-ak-ecc.pub"
done
really_booted() { # STATUS NAME
    expect "$1" "$2" assay audit "evidence/$2" --ak "keys/$2-ak.pub" --ak "keys/$2-ak-ecc.pub" \
        --nonce "$(cat "evidence/$2/nonce")"
}
really_booted 0 sb-grub
really_booted 1 sb-grub-ima-attack

title "In short"
for name in honest tampered concealed sb-grub sb-grub-ima-attack; do
    jq -r --arg name "$name" '"\(.verdict | ascii_upcase)  \($name)"' "reports/$name.json"
    jq -r '[.bundles[0].findings[] | select(.severity == "critical" or .severity == "high")] as $wrong |
        ($wrong[:3][] | "\(.subject): \(.message)"),
        (if ($wrong | length) > 3 then "and \(($wrong | length) - 3) more" else empty end)' "reports/$name.json" |
        fold -s -w 92 | sed 's/^/      /; s/ *$//'
done

title "What is left"
tpm_stop tpm
say "golden.db   the golden values of both releases" \
    "repo/       the packages and the initrd they are from" \
    "keys/       who signed the packages; the TPM keys a verifier knows" \
    "evidence/   a folder for each machine: logs, quote, key" \
    "reports/    the verdicts you just read, as text and as JSON" \
    "machine/    the programs that were measured" \
    "" "All of it is in $demo ($(du -sh . | cut -f1), $(($(date +%s) - started)) s)."
if [ ${#wrong[@]} -gt 0 ]; then
    printf '%sNot as expected: %s%s\n' "$red" "${wrong[*]}" "$plain"
    exit 1
fi
printf '%sEvery verdict is as it should be: the honest machines pass, the others fail.%s\n' "$green" "$plain"
