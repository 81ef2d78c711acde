# Bash alone lacks these functions of bash-completion, which the rest calls.
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
# Sets words, cword, cur and prev of the caller: the words of the line, with
# those joined that bash cut at = and :.
_get_comp_words_by_ref()
{
    local i word line=$COMP_LINE
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $line != [[:space:]]* ]]; then
            words[${#words[@]} - 1]+=$word
        else
            line=${line#"${line%%[![:space:]]*}"}
            words+=("$word")
        fi
        line=${line#"$word"}
        if ((i == COMP_CWORD)); then
            cword=$((${#words[@]} - 1))
        fi
    done
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword - 1]}
    fi
}
fi
if ! declare -F __ltrim_colon_completions >/dev/null 2>&1; then
# Takes from COMPREPLY what bash already has before the last colon of a word.
__ltrim_colon_completions()
{
    local i head
    if [[ $1 == *:* && $COMP_WORDBREAKS == *:* ]]; then
        head=${1%"${1##*:}"}
        for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
            COMPREPLY[i]=${COMPREPLY[i]#"$head"}
        done
    fi
}
fi

