# bash completion for microgpt: commands, options and values, from the program's own help. To try
# it: . src/shell/microgpt.bash

# Prints the choices that an option of a command has, one per line; nothing for an unknown option.
_microgpt_choices()
{
    case $2 in
        --engine) printf '%s\n' scalar tensor ;;
        --simd) printf '%s\n' auto none neon avx2 avx512 ;;
        --format)
            if [[ $1 == attention ]]; then
                printf '%s\n' text svg json
            else
                printf '%s\n' dot svg json
            fi
            ;;
        --op) printf '%s\n' const add mul pow log exp relu param ;;
    esac
}

_microgpt_files()
{
    compopt -o filenames 2>/dev/null # unknown outside a completion
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_microgpt()
{
    local program=${1/#\~/$HOME} word=${COMP_WORDS[COMP_CWORD]} option= command= help value
    if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]]; then
        command=${COMP_WORDS[1]}
    fi
    # bash splits --engine=sc into three words.
    if [[ $word == '=' ]]; then
        word=
        option=${COMP_WORDS[COMP_CWORD - 1]}
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    else
        option=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    COMPREPLY=()
    help=$("$program" ${command:+"$command"} --help 2>/dev/null)
    value=
    if [[ $option =~ ^--[a-z0-9-]+$ ]]; then
        value=$(sed -n "s/^  $option \([A-Z]*\)  .*/\1/p" <<< "$help")
    fi
    if [[ $value == FILE ]]; then
        _microgpt_files "$word"
    elif [[ -n $value ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_microgpt_choices "$command" "$option")" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(
            compgen -W "$(sed -n 's/^  \(--[a-z0-9-]*\) .*/\1/p' <<< "$help")" -- "$word")
    elif [[ $COMP_CWORD -eq 1 ]]; then
        mapfile -t COMPREPLY < <(
            compgen -W "$(sed -n 's/^  \([a-z][a-z0-9-]*\) .*/\1/p' <<< "$help")" -- "$word")
    elif [[ $command == compare ]]; then
        _microgpt_files "$word"
    fi
}

complete -F _microgpt microgpt
