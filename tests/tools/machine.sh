# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A machine for tests and the demo: files installed from packages, measured as IMA would, and a TPM
# that is extended with what its logs say. Sourced after tests/e2e/swtpm.sh; $TEST_PROGRAMS points
# to the built tests folder.
#
#   machine_install ROOT RPM...           what the packages hold, below ROOT; their IMA signatures,
#                                         which would be extended attributes, in ROOT.signatures
#   machine_measure ROOT LIST PATH...     IMA measures ROOT/PATH as /PATH: records appended to LIST
#   machine_violation LIST PATH           and a violation
#   machine_boot DIR BOOT_LOG IMA_LIST    the TPM in DIR is reset and extended with both, event by
#                                         event, in four banks. PCR 10 of sha384 and sha512 gets
#                                         padded SHA-1 template hashes, as with Debian's kernel

ima_measure=${TEST_PROGRAMS:?}/tools/ima_measure
log_edit=$TEST_PROGRAMS/tools/log_edit

machine_install() {
    local root=$1 rpm
    shift
    mkdir -p "$root"
    for rpm; do
        rpm2cpio "$rpm" | (cd "$root" && cpio -idmu --quiet --no-absolute-filenames) &&
            rpm -qp --nosignature --qf '[%{FILENAMES} %{FILESIGNATURES}\n]' "$rpm" |
            sed -n 's/^\([^ ]*\) \(03[0-9a-f]*\)$/\1 \2/p' >> "$root.signatures" || return 1
    done
}

machine_measure() {
    local root=$1 list=$2 path signature arguments=()
    shift 2
    for path; do
        signature=$(awk -v path="$path" '$1 == path { found = $2 } END { print found }' "$root.signatures")
        [ -z "$signature" ] || arguments+=(-S "$signature")
        arguments+=(-n "$path=$root$path")
    done
    "$ima_measure" -s "${arguments[@]}" >> "$list" 3> /dev/null
}

machine_violation() { "$ima_measure" -s -v "$2" >> "$1" 3> /dev/null; }

machine_boot() {
    tpm_reset "$1" &&
        { "$log_edit" tcg -x "$2" && "$log_edit" ima -x -p sha384,sha512 "$3"; } > "$1/extends" &&
        tpm_extend "$1/extends"
}
