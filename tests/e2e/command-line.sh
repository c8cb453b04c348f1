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
check "bash: the next algorithm of a list" offers "refgen tree -a sha1,sha5" sha1,sha512
check "bash: banks" offers "replay tcg --bank sm" sm3_256
check "bash: keyrings of the kernel" offers "refgen keys --keyring .bl" .blacklist
check "bash: formats" offers "audit --format j" json
: > "$SCRATCH/some-bundle"
check "bash: files" offers "audit $SCRATCH/some-b" "$SCRATCH/some-bundle"
check "bash: files after an option without a value" offers "audit --json $SCRATCH/some-b" "$SCRATCH/some-bundle"
check "bash: files of an option" offers "audit -q --db $SCRATCH/some-b" "$SCRATCH/some-bundle"
offers_nothing() { complete_words "$@" > "$OUT"; ! grep -q . "$OUT"; }
check "bash: no files for a number" offers_nothing audit --jobs "$SCRATCH/some-b"
# A database with two releases, whose names completion asks for.
mkdir "$SCRATCH/tree"
: > "$SCRATCH/tree/file"
for release in first second; do
    run 0 "$ASSAY" refgen tree -q --release "$release" --db "$SCRATCH/golden.db" "$SCRATCH/tree"
done
check "bash: releases" offers "audit --db $SCRATCH/golden.db --release sec" second
check "bash: releases after a letter" offers "db list --db $SCRATCH/golden.db -r fi" first

# What zsh's own functions would be given to show.
zsh_words() {
    zsh -f -c '
        _describe() { local a=$2; print -rl -- ${(P)a} }
        _values() { print -rl -- $* }
        _files() { print FILES }
        words=("$@") CURRENT=$#
        . $TOP/man/completion/_assay' zsh "$ASSAY" "$@" 2> /dev/null
}
zsh_offers() { # zsh_offers EXPECTED WORD...
    local expected=$1; shift
    zsh_words "$@" > "$OUT"
    sed 's/:.*//' "$OUT" | grep -qxF -- "$expected" || { echo "# '$*' offers:"; sed 's/^/# /' "$OUT"; return 1; }
}
if command -v zsh > /dev/null; then
    ZSH_IS_HERE=1
    check "zsh: commands" zsh_offers replay re
    check "zsh: subcommands" zsh_offers tcg replay t
    check "zsh: what a subcommand is for" contains "$OUT" "tcg:decode and replay a firmware event log"
    check "zsh: banks" zsh_offers sm3_256 replay ima --bank ''
    check "zsh: formats" zsh_offers json audit --format ''
    check "zsh: releases" zsh_offers second audit --db "$SCRATCH/golden.db" --release ''
    check "zsh: releases after a letter" zsh_offers first db list --db "$SCRATCH/golden.db" -r ''
    check "zsh: files" zsh_offers FILES audit ''
    check "zsh: files of an option" zsh_offers FILES refgen rpm -k ''
    zsh_offers_nothing() { ! zsh_words "$@" | grep -q .; }
    check "zsh: no files for a number" zsh_offers_nothing audit -j ''
else
    ZSH_IS_HERE=
    skip "zsh: completion" "no zsh"
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
    # Completion offers what --help lists, all of it and nothing else.
    "$ASSAY" $command --help | grep -oE '^  .{4}--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort > "$SCRATCH/listed"
    bash_options() { complete_words $command - | sort | diff - "$SCRATCH/listed"; }
    check "$command: bash offers every option" bash_options
    zsh_options() { zsh_words $command - | sed 's/:.*//' | sort | diff - "$SCRATCH/listed"; }
    [ -z "$ZSH_IS_HERE" ] || check "$command: zsh offers every option" zsh_options
done < <("$ASSAY" --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
finish
