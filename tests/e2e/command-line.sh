#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion in bash and zsh, and that what the program says of itself holds together.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

complete_words() { # complete_words WORD...: what bash offers for the last word
    bash --norc --noprofile -c '
        . "$TOP/man/completion/assay.bash"
        COMP_WORDS=("$ASSAY" "$@") COMP_CWORD=$#
        _assay; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>/dev/null
}
offers() { # offers "WORD..." EXPECTED: EXPECTED is among what is offered
    local words=$1
    # shellcheck disable=SC2086 # split on purpose
    complete_words ${words% } ${words:+$( [[ $words = *' ' ]] && echo '' )} > "$OUT"
    grep -qxF -- "$2" "$OUT" || { echo "# '$words' offers:"; sed 's/^/# /' "$OUT"; return 1; }
}
check "bash: commands" offers "re" replay
check "bash: subcommands" offers "replay t" tcg
check "bash: options" offers "replay tcg --js" --json
check "bash: options of a command without subcommands" offers "audit --pol" --policy
check "bash: algorithms" offers "refgen rpm --algorithms sha3" sha384
if command -v zsh > /dev/null; then
    check "zsh: the function parses" zsh -n "$TOP/man/completion/_assay"
else
    skip "zsh: the function parses" "no zsh"
fi

check_run "--help lists the commands" 0 "$ASSAY" --help
check "--help names audit" contains "$OUT" "audit "
check_run "--version" 0 "$ASSAY" --version
check_run "no command is a usage error" 2 "$ASSAY"
check_run "an unknown command is a usage error" 2 "$ASSAY" frobnicate
check_run "a family without subcommand is a usage error" 2 "$ASSAY" db
check_run "an unknown subcommand is a usage error" 2 "$ASSAY" db frobnicate

# Every command answers --help with its usage and refuses what it does not know.
while read -r command; do
    # shellcheck disable=SC2086 # the words of the command
    check_run "$command --help" 0 "$ASSAY" $command --help
    check "$command --help says its usage" contains "$OUT" "Usage: assay $command "
    # shellcheck disable=SC2086
    check_run "$command: an unknown option is a usage error" 2 "$ASSAY" $command --no-such-option
    # Every option that --help lists stands in the manual page, with its letter.
    page=$TOP/man/assay-${command%% *}.1
    # shellcheck disable=SC2086
    "$ASSAY" $command --help | grep -oE '^  .{4}--[a-z-]+' | grep -oE -- '--[a-z-]+' |
        grep -vxE -- '--(help|version)' | sed 's/^--//' > "$SCRATCH/options"
    documented() {
        local option bad=0
        while read -r option; do
            grep -qE "Fl Fl $option( |\$)" <(sed 's/\\-/-/g' "$page") || { echo "# --$option is not in ${page##*/}"; bad=1; }
        done < "$SCRATCH/options"
        return "$bad"
    }
    check "$command: the manual has every option" documented
done < <("$ASSAY" --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
finish
