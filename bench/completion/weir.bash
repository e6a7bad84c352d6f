# Programs by their names, options by what the program's --help says: nothing here to be kept up to date.
_weir() {
  local word=${COMP_WORDS[COMP_CWORD]} offers
  if [ "$COMP_CWORD" = 1 ]; then
    offers="$(weir --help | sed -nE 's/^  ([a-z]+)  .*/\1/p') --help --version --completion"
  elif [ "$COMP_CWORD" = 2 ] && [ "${COMP_WORDS[1]}" = --completion ]; then
    offers="bash zsh fish"
  elif [[ $word == -* ]]; then
    offers=$(weir "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z0-9-]*' | sort -u)
  else
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  COMPREPLY=($(compgen -W "$(echo $offers)" -- "$word"))
}
complete -o filenames -F _weir weir
