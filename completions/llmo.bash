# Completion of llmo for bash. Written by .ci/generate.py from the program: do not edit.

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

_llmo_table() { # what may follow $path
  case $path in
    '')
      commands='ask chat batch runs route history templates cost models profile completion help'
      options='-V --version -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'ask')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced -s --system -f --file --template -D --define --schema -o --option -n --no-stdin -c --continue --conversation --no-log --edit --cache --compare --dry-run --stream --no-stream --markdown --raw --json --ndjson --strict -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag -s --system -f --file --template -D --define --schema -o --option --conversation --cache -P --profile'
      ;;
    'chat')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced -c --continue --conversation --no-log -s --system -o --option --markdown --raw -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag --conversation -s --system -o --option -P --profile'
      ;;
    'batch')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced --prompt --template -s --system --files --input-format --id-field --limit --sample --schema --repair --option -o --output --output-format --errors --keep --ordered --progress --report --json -j --concurrency --rpm --tpm --share --retry-errors --restart --at-most-once --durable --max-failures --compare --no-dedupe --cache --dry-run --check -y --yes --confirm-over --run --reparse --engine --deferred --wait --fallback-after -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag --prompt --template -s --system --input-format --id-field --limit --sample --schema --repair --option -o --output --output-format --errors --keep --progress --report -j --concurrency --rpm --tpm --share --max-failures --cache --confirm-over --run --reparse --engine --fallback-after -P --profile'
      ;;
    'runs')
      commands='list show fetch cancel resume'
      options='-h --help'
      valued=''
      ;;
    'runs list')
      commands=''
      options='--limit --json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--limit -P --profile'
      ;;
    'runs show')
      commands=''
      options='--json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'runs fetch')
      commands=''
      options='-o --output --output-format -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-o --output --output-format -P --profile'
      ;;
    'runs cancel')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'runs resume')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'route')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced -s --system -f --file --template -D --define --schema -o --option -n --no-stdin --json --probe --rows --eval --diff --calibrate --write -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag -s --system -f --file --template -D --define --schema -o --option --rows --eval -P --profile'
      ;;
    'history')
      commands='list show export delete rate'
      options='-h --help'
      valued=''
      ;;
    'history list')
      commands=''
      options='--conversation --limit --json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--conversation --limit -P --profile'
      ;;
    'history show')
      commands=''
      options='--json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'history export')
      commands=''
      options='--all --format -o --output -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--format -o --output -P --profile'
      ;;
    'history delete')
      commands=''
      options='--all -y --yes -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'history rate')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'templates')
      commands='list show edit path'
      options='-h --help'
      valued=''
      ;;
    'templates list')
      commands=''
      options='--json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'templates show')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'templates edit')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'templates path')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'cost')
      commands=''
      options='--since --until --run --tag --by --json --csv --plot --budgets --as-if --github-summary --html --check --max --reconcile --billed --prune --export --import -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--since --until --run --tag --by --as-if --html --max --billed --prune --export --import -P --profile'
      ;;
    'models')
      commands=''
      options='--provider --all --local --ready --max-price --min-context --supports --sort --refresh --refresh-prices --sha256 --json --names -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--provider --max-price --min-context --supports --sort --refresh-prices --sha256 -P --profile'
      ;;
    'profile')
      commands='init show check path list set schema'
      options='-h --help'
      valued=''
      ;;
    'profile init')
      commands=''
      options='--name --yes -y --force --daily --no-probe -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--name --daily -P --profile'
      ;;
    'profile show')
      commands=''
      options='--json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'profile check')
      commands=''
      options='--probe --json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'profile path')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'profile list')
      commands=''
      options='--json -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'profile set')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'profile schema')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'completion')
      commands='show install words'
      options='-h --help'
      valued=''
      ;;
    'completion show')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'completion install')
      commands=''
      options='--uninstall -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'completion words')
      commands=''
      options='-P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    *)
      commands='' options='' valued=''
      ;;
  esac
}

_llmo_value() {
  case "$path:$option" in
    ':-P' | ':--profile' | 'ask:-P' | 'ask:--profile' | 'chat:-P' | 'chat:--profile' | 'batch:-P' | 'batch:--profile' | 'runs list:-P' | 'runs list:--profile' | 'runs show:-P' | 'runs show:--profile' | 'runs fetch:-P' | 'runs fetch:--profile' | 'runs cancel:-P' | 'runs cancel:--profile' | 'runs resume:-P' | 'runs resume:--profile' | 'route:-P' | 'route:--profile' | 'history list:-P' | 'history list:--profile' | 'history show:-P' | 'history show:--profile' | 'history export:-P' | 'history export:--profile' | 'history delete:-P' | 'history delete:--profile' | 'history rate:-P' | 'history rate:--profile' | 'templates list:-P' | 'templates list:--profile' | 'templates show:-P' | 'templates show:--profile' | 'templates edit:-P' | 'templates edit:--profile' | 'templates path:-P' | 'templates path:--profile' | 'cost:-P' | 'cost:--profile' | 'models:-P' | 'models:--profile' | 'profile init:-P' | 'profile init:--profile' | 'profile show:-P' | 'profile show:--profile' | 'profile check:-P' | 'profile check:--profile' | 'profile path:-P' | 'profile path:--profile' | 'profile list:-P' | 'profile list:--profile' | 'profile set:-P' | 'profile set:--profile' | 'profile schema:-P' | 'profile schema:--profile' | 'completion show:-P' | 'completion show:--profile' | 'completion install:-P' | 'completion install:--profile' | 'completion words:-P' | 'completion words:--profile')
      _llmo_names shared profiles; _llmo_files '*.toml'
      ;;
    'ask:--allow-private-to' | 'chat:--allow-private-to' | 'batch:--allow-private-to' | 'route:--allow-private-to' | 'models:--provider')
      _llmo_no_files; _llmo_names profile providers
      ;;
    'ask:--conversation' | 'chat:--conversation' | 'history list:--conversation')
      _llmo_no_files; _llmo_names shared conversations
      ;;
    'ask:--strategy' | 'chat:--strategy' | 'batch:--strategy' | 'route:--strategy')
      _llmo_no_files; _llmo_choose profile cheapest fastest balanced
      ;;
    'ask:--tag' | 'chat:--tag' | 'batch:--tag' | 'route:--tag' | 'cost:--tag')
      _llmo_no_files; _llmo_names shared tags
      ;;
    'ask:--template' | 'batch:--template' | 'route:--template')
      _llmo_names shared templates; _llmo_files '*'
      ;;
    'ask:-f' | 'ask:--file' | 'ask:--schema' | 'batch:--schema' | 'batch:-o' | 'batch:--output' | 'batch:--errors' | 'batch:--report' | 'batch:--reparse' | 'runs fetch:-o' | 'runs fetch:--output' | 'route:-f' | 'route:--file' | 'route:--schema' | 'route:--rows' | 'route:--eval' | 'history export:-o' | 'history export:--output' | 'cost:--html' | 'cost:--export' | 'cost:--import' | 'models:--refresh-prices')
      : # file names, by readline
      ;;
    'ask:-m' | 'ask:--model' | 'chat:-m' | 'chat:--model' | 'batch:-m' | 'batch:--model' | 'route:-m' | 'route:--model')
      _llmo_no_files; _llmo_choose auto; _llmo_names profile aliases ready models
      ;;
    'ask:-t' | 'ask:--task' | 'chat:-t' | 'chat:--task' | 'batch:-t' | 'batch:--task' | 'route:-t' | 'route:--task')
      _llmo_no_files; _llmo_names profile tasks
      ;;
    'batch:--engine')
      _llmo_no_files; _llmo_choose local ray
      ;;
    'batch:--input-format')
      _llmo_no_files; _llmo_choose auto jsonl csv tsv lines parquet openai-batch
      ;;
    'batch:--output-format' | 'runs fetch:--output-format')
      _llmo_no_files; _llmo_choose jsonl csv parquet openai-batch
      ;;
    'batch:--progress')
      _llmo_no_files; _llmo_choose auto bar log none
      ;;
    'cost:--as-if')
      _llmo_no_files; _llmo_names profile aliases ready models
      ;;
    'cost:--billed')
      _llmo_no_files; _llmo_choose all received
      ;;
    'cost:--by')
      _llmo_no_files; _llmo_choose day week month provider model task run outcome billing; _llmo_names shared tag-keys
      ;;
    'cost:--run')
      _llmo_no_files; _llmo_names shared runs
      ;;
    'history export:--format')
      _llmo_no_files; _llmo_choose markdown json
      ;;
    'models:--sort')
      _llmo_no_files; _llmo_choose price context name
      ;;
    'models:--supports')
      _llmo_no_files; _llmo_choose vision schema tools reasoning
      ;;
    *) _llmo_no_files ;;
  esac
}

_llmo_argument() {
  case "$path:$given" in
    'batch:'*)
      : # file names, by readline
      ;;
    'completion show:0' | 'completion install:0')
      _llmo_no_files; _llmo_choose bash zsh fish powershell
      ;;
    'completion words:'*)
      _llmo_no_files; _llmo_choose profiles templates runs tags tag-keys conversations aliases ready models tasks providers keys
      ;;
    'history rate:1')
      _llmo_no_files; _llmo_choose good bad
      ;;
    'history show:0' | 'history export:'* | 'history delete:'* | 'history rate:0')
      _llmo_no_files; _llmo_names shared conversations
      ;;
    'profile set:0')
      _llmo_no_files; _llmo_names profile keys
      ;;
    'runs show:0' | 'runs fetch:0' | 'runs cancel:0' | 'runs resume:0')
      _llmo_no_files; _llmo_names shared runs
      ;;
    'templates show:0' | 'templates edit:0' | 'templates path:0')
      _llmo_names shared templates; _llmo_files '*'
      ;;
    *) _llmo_no_files ;;
  esac
}

complete -o default -F _llmo llmo
