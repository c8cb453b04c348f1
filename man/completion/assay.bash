# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion for bash. Commands and options are asked of assay itself, so they are never out of date.

_assay_commands() { "$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p'; }

# The options of a command, one a line: "-r --release NAME", "--json".
_assay_options() {
    "$@" --help 2>/dev/null | sed -nE 's/^  (-.|  )(, |  )(--[a-z-]+)( [^ ]+)?(  .*)?$/\1 \3\4/p' | sed 's/^ *//'
}

# Names of releases, of the database the command line names.
_assay_releases() {
    local program=$1 i
    local -a db=()
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        [ "${words[i]}" = --db ] && db=(--db "${words[i + 1]}")
    done
    "$program" db list "${db[@]}" 2>/dev/null | sed 's/  .*//'
}

# What follows the last comma, of a list.
_assay_list() {
    local before=
    [[ $cur = *,* ]] && before=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
}

_assay() {
    local cur prev words cword program=${COMP_WORDS[0]}
    if declare -F _init_completion > /dev/null; then
        _init_completion || return
    else
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    local commands command options value
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
    # shellcheck disable=SC2086 # the words of the command
    options=$(_assay_options "$program" $command)
    if [[ $cur = -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '--[a-z-]+' <<< "$options")" -- "$cur")
        return
    fi
    # The long name of the option before, and what it takes.
    value=
    [[ $prev = -?* ]] && value=$(sed -nE "/(^| )$prev( |\$)/s/.*(--[a-z-]+)/\1/p" <<< "$options")
    case $value in
    '--release NAME')
        mapfile -t COMPREPLY < <(compgen -W "$(_assay_releases "$program")" -- "$cur")
        return ;;
    '--format FORMAT')
        local formats="text json"
        [ "$command" != "db export" ] || formats="keylime allowlist reference-state"
        mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$cur")
        return ;;
    '--keyring KEYRING')
        mapfile -t COMPREPLY < <(compgen -W ".ima .evm .builtin_trusted_keys .secondary_trusted_keys .machine .platform .fs-verity .blacklist .ima_blacklist" -- "$cur")
        return ;;
    '--algorithms LIST'|'--bank LIST') _assay_list "sha1 sha256 sha384 sha512 sm3_256"; return ;;
    *' FILE'|*' DISK'|*' LOG') ;;
    --*' '*) return ;; # a name, a number: nobody knows which
    esac
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _assay assay
