# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion for bash. Commands and options are asked of assay itself, so they are never out of date.

_assay_commands() { "$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p'; }

_assay() {
    local cur prev words cword program=${COMP_WORDS[0]}
    if declare -F _init_completion > /dev/null; then
        _init_completion || return
    else
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    local commands command
    commands=$(_assay_commands "$program")
    if [ "$cword" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(cut -d' ' -f1 <<< "$commands" | sort -u) --help --version" -- "$cur")
        return
    fi
    command=${words[1]}
    if grep -q "^$command " <<< "$commands"; then
        if [ "$cword" = 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(sed -n "s/^$command //p" <<< "$commands")" -- "$cur")
            return
        fi
        command="$command ${words[2]}"
    fi
    case $prev in
    --release)
        mapfile -t COMPREPLY < <(compgen -W "$("$program" db list --quiet 2>/dev/null | cut -d' ' -f1)" -- "$cur")
        return ;;
    --format)
        local formats="text json"
        [ "$command" != "db export" ] || formats="keylime allowlist"
        mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$cur")
        return ;;
    --algorithms) mapfile -t COMPREPLY < <(compgen -W "sha1 sha256 sha384 sha512" -- "$cur"); return ;;
    esac
    case $cur in
    -*)
        # shellcheck disable=SC2086 # the words of the command
        mapfile -t COMPREPLY < <(compgen -W "$("$program" $command --help 2>/dev/null |
            grep -oE '^  .{4}--[a-z-]+' | grep -oE -- '--[a-z-]+')" -- "$cur") ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
}
complete -F _assay assay
