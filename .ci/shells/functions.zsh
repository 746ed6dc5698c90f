_llmo_profile() { # sets profile to what -P says on this line
  local i word
  profile=''
  for ((i = 2; i < $#typed; i++)); do
    word=${typed[i]}
    case $word in
      -P | --profile) word=${typed[i + 1]} ;;
      --profile=*) word=${word#*=} ;;
      -P?*) word=${word#-P} ;;
      *) continue ;;
    esac
    profile=${(Q)word}
    [[ $word == \~/* ]] && profile=~/${profile#??}
  done
}

_llmo_lists() { # sets lists to a directory; to nothing when it is missing, or older than what it was made of
  local file key=${profile:-${LLMO_PROFILE:-default}} cache=${LLMO_CACHE_DIR-}
  if [[ -z $cache && ${XDG_CACHE_HOME-} == /* ]]; then
    cache=$XDG_CACHE_HOME/llmo
  elif [[ -z $cache && $OSTYPE == darwin* ]]; then
    cache=~/Library/Caches/llmo
  elif [[ -z $cache ]]; then
    cache=~/.cache/llmo
  elif [[ $cache == \~/* ]]; then
    cache=~/${cache#??}
  fi
  lists=$cache/completion/shared
  if [[ $1 == profile ]]; then
    [[ $key == */* || $key == *.toml ]] && key=${key:a}
    key=${key//\%/%25}
    lists=$cache/completion/profile-${key//\//%2F}
  fi
  if [[ ! -r $lists/stamp || ! -r $lists/sources ]]; then
    lists=''
    return
  fi
  for file in "${(@f)$(<$lists/sources)}"; do
    [[ $file -nt $lists/stamp ]] && lists='' && return
  done
}

_llmo_names() { # offers names of lists of the profile, or of the shared ones, with what they are
  local of=$1 list lists='' profile='' found=1
  local -a lines
  shift
  _llmo_profile
  _llmo_lists $of
  for list; do
    if [[ -n $lists ]]; then
      lines=("${(@f)$(<$lists/$list)}")
    else
      lines=("${(@f)$(command llmo ${profile:+-P} ${profile:+$profile} completion words $list 2>/dev/null)}")
      _llmo_lists $of
    fi
    _llmo_described ${list//-/ } "${(@)lines:#}" && found=0
  done
  return found
}

_llmo_described() { # offers words that have what they are behind a tab, in this order
  local group=$1
  shift
  local -a lines=("${(@)argv//\\/\\\\}")
  lines=("${(@)lines//:/\\:}")
  lines=("${(@)${(@)lines%$'\t'}/$'\t'/:}")
  (($#lines)) && _describe -V -t llmo-${group// /-} $group lines
}

_llmo_named() { # offers names of lists, and files of a pattern
  local pattern=$1
  shift
  _llmo_names "$@"
  _files -g "$pattern"
}
