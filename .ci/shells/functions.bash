_llmo() {
  local words=() lines=() cur='' path='' profile='' option='' quote='' fixed='' ended='' lists='' given=0 i word
  local commands options valued
  COMPREPLY=()

  _llmo_split
  _llmo_table
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      [[ $option == -P || $option == --profile ]] && _llmo_profile "$word"
      option=''
    elif [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == --profile=* ]]; then
      _llmo_profile "${word#*=}"
    elif [[ -z $ended && $word == -P?* ]]; then
      _llmo_profile "${word#-P}"
    elif [[ -z $ended && $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] && option=$word
    elif [[ -n $commands && ! ($word == help && -z $path) ]]; then
      path=${path:+$path }$word
      _llmo_table
    elif [[ -z $commands ]]; then
      given=$((given + 1))
    fi
  done

  _llmo_read "${words[${#words[@]} - 1]}"
  cur=$REPLY
  if [[ -z $option && -z $ended && $cur == --*=* ]]; then
    option=${cur%%=*}
    cur=${cur#*=}
    fixed=${fixed#*=}
  fi
  if [[ -n $option ]]; then
    _llmo_value
  elif [[ -z $ended && $cur == -* ]]; then
    _llmo_no_files
    IFS=' ' read -ra words <<<"$options"
    _llmo_choose "${words[@]}"
  elif [[ -n $commands ]]; then
    _llmo_no_files
    IFS=' ' read -ra words <<<"$commands"
    _llmo_choose "${words[@]}"
  else
    _llmo_argument
  fi
  _llmo_reply
}

_llmo_split() { # sets words, as typed, quotes and all: bash's own are broken at every colon and equals sign
  local line=${COMP_LINE:0:COMP_POINT} piece
  for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} == 0 || $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words+=('')
    fi
    piece=${piece:0:${#line}} # the cursor may stand inside of it
    words[${#words[@]} - 1]+=$piece
    line=${line#"$piece"}
  done
  [[ -z $line ]] || words+=('')
}

_llmo_read() { # what a typed word means: REPLY; an open quote: quote; the beginning that readline leaves alone: fixed
  local rest=$1 char outside=''
  REPLY='' quote='' fixed=''
  while [[ -n $rest ]]; do
    char=${rest:0:1} rest=${rest:1}
    if [[ $char == \\ && $quote != \' ]]; then
      [[ $quote == \" && ${rest:0:1} != [\"\\\$\`] ]] && REPLY+=$char
      REPLY+=${rest:0:1}
      rest=${rest:1}
    elif [[ -z $quote && $char == [\"\'] ]]; then
      quote=$char outside=$fixed fixed=$REPLY
    elif [[ $char == "$quote" ]]; then
      quote='' fixed=$outside
    else
      REPLY+=$char
      [[ -z $quote && $COMP_WORDBREAKS == *"$char"* ]] && fixed=$REPLY
    fi
  done
}

_llmo_profile() { # sets profile from a typed word
  _llmo_read "$1"
  profile=$REPLY
  [[ $1 == \~/* ]] && profile=~/${profile#??}
}

_llmo_choose() { # of these words, those that begin like cur
  local value
  for value; do
    [[ $value == "$cur"* ]] && COMPREPLY+=("$value")
  done
}

_llmo_names() { # of lists of the profile, or of the shared ones, the names that begin like cur
  local of=$1 list
  shift
  compopt -o nosort 2>/dev/null # models that are ready come first
  [[ $of == shared ]] || _llmo_key
  _llmo_lists "$of"
  if [[ -z $lists ]]; then
    _llmo_lines < <(command llmo ${profile:+-P "$profile"} completion words "$@" 2>/dev/null)
    _llmo_choose "${lines[@]%%$'\t'*}"
    return
  fi
  for list; do
    _llmo_lines <"$lists/$list.names"
    _llmo_search
  done
}

_llmo_lists() { # sets lists to a directory; to nothing when it is missing, or older than what it was made of
  local source cache=${LLMO_CACHE_DIR-}
  if [[ -z $cache && ${XDG_CACHE_HOME-} == /* ]]; then
    cache=$XDG_CACHE_HOME/llmo
  elif [[ -z $cache && $OSTYPE == darwin* ]]; then
    cache=~/Library/Caches/llmo
  elif [[ -z $cache ]]; then
    cache=~/.cache/llmo
  elif [[ $cache == \~/* ]]; then
    cache=~/${cache#??}
  fi
  lists=$cache/completion/$1
  if [[ ! -r $lists/stamp || ! -r $lists/sources ]]; then
    lists=''
    return
  fi
  _llmo_lines <"$lists/sources"
  for source in "${lines[@]}"; do
    [[ $source -nt $lists/stamp ]] && lists='' && return
  done
}

_llmo_key() { # sets of to the name of the profile's directory
  local key=${profile:-${LLMO_PROFILE:-default}} part parts=()
  if [[ $key == */* || $key == *.toml ]]; then
    [[ $key == /* ]] || key=$PWD/$key
    if [[ $key/ == */.*/* || $key == *//* ]]; then
      IFS=/ read -ra parts <<<"$key"
      key=''
      for part in "${parts[@]}"; do
        case $part in
          '' | .) ;;
          ..) key=${key%/*} ;;
          *) key+=/$part ;;
        esac
      done
    fi
  fi
  key=${key//%/%25}
  of=profile-${key//\//%2F}
}

_llmo_lines() { # sets lines from stdin
  lines=()
  if ((BASH_VERSINFO[0] > 3)); then
    mapfile -t lines
  else
    while IFS= read -r REPLY; do lines+=("$REPLY"); done
  fi
}

_llmo_search() { # finds the lines that begin like cur by halving: they are in the order of their bytes
  local LC_ALL=C low=0 high=${#lines[@]} middle first length=${#cur}
  while ((low < high)); do
    middle=$(((low + high) / 2))
    if [[ ${lines[middle]} < $cur ]]; then low=$((middle + 1)); else high=$middle; fi
  done
  first=$low high=${#lines[@]}
  while ((low < high)); do
    middle=$(((low + high) / 2))
    if [[ ${lines[middle]:0:length} == "$cur" ]]; then low=$((middle + 1)); else high=$middle; fi
  done
  COMPREPLY+=("${lines[@]:first:low-first}")
}

_llmo_reply() { # spells what is offered as it has to be typed where the cursor is
  local value found
  [[ -z $fixed ]] || COMPREPLY=("${COMPREPLY[@]#"$fixed"}")
  _llmo_plain && return
  found=("${COMPREPLY[@]}")
  COMPREPLY=()
  for value in "${found[@]}"; do
    case $quote in
      \") _llmo_double_quoted ;;
      \') value=${value//\'/"'\\''"} ;;
      *) [[ $value == *[!A-Za-z0-9_./:@%+=-]* ]] && printf -v value '%q' "$value" ;;
    esac
    COMPREPLY+=("$value")
  done
}

_llmo_plain() { # whether no word has a character that might mean something to the shell
  local LC_ALL=C IFS=/
  [[ ${COMPREPLY[*]} != *[!A-Za-z0-9_./:@%+=-]* ]]
}

_llmo_double_quoted() { # an exclamation mark would recall the history even there
  local rest=$value char
  value=''
  while [[ -n $rest ]]; do
    char=${rest:0:1} rest=${rest:1}
    case $char in
      [\"\\\$\`]) value+=\\$char ;;
      !) value+='"\!"' ;;
      *) value+=$char ;;
    esac
  done
}

_llmo_files() { # files of a pattern beside names; what has no match here readline completes as a file
  local value
  ((${#COMPREPLY[@]})) || return
  for value in "$cur"$1; do
    [[ -e $value ]] && COMPREPLY+=("$value")
  done
}

_llmo_no_files() { # no file names where none belong
  compopt +o default 2>/dev/null
}
