# Completion of llmo for bash. Written by .ci/generate.py from the program: do not edit.

_llmo_offer() { # values on stdin, one a line
  local value
  while IFS= read -r value; do
    [[ $value == "$cur"* ]] && printf -v value '%q' "$value" && COMPREPLY+=("$value")
  done
}

_llmo_run() {
  command llmo ${profile:+-P "$profile"} "$@" 2>/dev/null
}

_llmo() {
  local line=${COMP_LINE:0:COMP_POINT} words=() cur path='' profile='' option='' word i
  local commands options valued
  # Split at blanks only: bash's own words are broken at every colon and equals sign.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${words[${#words[@]} - 1]}
  COMPREPLY=()

  _llmo_table
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      [[ $option == -P || $option == --profile ]] && profile=$word
      option=''
    elif [[ $word == --profile=* ]]; then
      profile=${word#*=}
    elif [[ $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] && option=$word
    elif [[ -n $commands ]]; then
      path=${path:+$path }$word
      _llmo_table
    fi
  done

  if [[ -z $option && $cur == --*=* ]]; then
    option=${cur%%=*}
    cur=${cur#*=}
  fi
  if [[ -n $option ]]; then
    _llmo_value
  elif [[ $cur == -* ]]; then
    _llmo_nothing_else
    IFS=' ' read -ra words <<<"$options"
    _llmo_offer < <(printf '%s\n' "${words[@]}")
  elif [[ -n $commands ]]; then
    _llmo_nothing_else
    IFS=' ' read -ra words <<<"$commands"
    _llmo_offer < <(printf '%s\n' "${words[@]}")
  else
    _llmo_argument
  fi
  # Readline replaces what stands after the last colon.
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
  fi
}

_llmo_nothing_else() { # no file names where none belong
  compopt +o default 2>/dev/null
}

_llmo_table() { # what may follow $path
  case $path in
    '')
      commands='ask batch route history cost models profile'
      options='-V --version -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-P --profile'
      ;;
    'ask')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced -s --system -f --file --template -D --define --schema -o --option -n --no-stdin -c --continue --conversation --no-log --edit --cache --compare --dry-run --stream --no-stream --markdown --raw --json --ndjson --strict -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag -s --system -f --file --template -D --define --schema -o --option --conversation --cache -P --profile'
      ;;
    'batch')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced --prompt --template -s --system --files --input-format --id-field --limit --sample --schema --repair --option -o --output --output-format --errors --keep --ordered --progress --report --json -j --concurrency --rpm --tpm --share --retry-errors --restart --at-most-once --durable --max-failures --compare --no-dedupe --dry-run --check -y --yes --confirm-over --run --reparse -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag --prompt --template -s --system --input-format --id-field --limit --sample --schema --repair --option -o --output --output-format --errors --keep --progress --report -j --concurrency --rpm --tpm --share --max-failures --confirm-over --run --reparse -P --profile'
      ;;
    'route')
      commands=''
      options='-m --model -t --task --strategy --private --allow-private-to --no-fallback --max-cost --fit --max-tokens --temperature --seed --stop --timeout --retries --tag --lenient --allow-unpriced -s --system -f --file --template -D --define --schema -o --option -n --no-stdin --json --probe --rows -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='-m --model -t --task --strategy --allow-private-to --max-cost --max-tokens --temperature --seed --stop --timeout --retries --tag -s --system -f --file --template -D --define --schema -o --option --rows -P --profile'
      ;;
    'history')
      commands='list show export delete'
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
    'cost')
      commands=''
      options='--since --until --run --tag --by --json --csv --plot --budgets --as-if --github-summary --html --check --max --reconcile --billed --prune --export --import -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--since --until --run --tag --by --as-if --html --max --billed --prune --export --import -P --profile'
      ;;
    'models')
      commands=''
      options='--provider --local --ready --max-price --min-context --supports --sort --refresh --refresh-prices --sha256 --json --names -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--provider --max-price --min-context --supports --sort --refresh-prices --sha256 -P --profile'
      ;;
    'profile')
      commands='init show check path list set schema'
      options='-h --help'
      valued=''
      ;;
    'profile init')
      commands=''
      options='--yes -y --name --force -P --profile -q --quiet -v --verbose --debug --no-color -h --help'
      valued='--name -P --profile'
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
    *)
      commands='' options='' valued=''
      ;;
  esac
}

_llmo_value() {
  case "$path:$option" in
    ':-P' | ':--profile' | 'ask:-P' | 'ask:--profile' | 'batch:-P' | 'batch:--profile' | 'route:-P' | 'route:--profile' | 'history list:-P' | 'history list:--profile' | 'history show:-P' | 'history show:--profile' | 'history export:-P' | 'history export:--profile' | 'history delete:-P' | 'history delete:--profile' | 'cost:-P' | 'cost:--profile' | 'models:-P' | 'models:--profile' | 'profile init:-P' | 'profile init:--profile' | 'profile show:-P' | 'profile show:--profile' | 'profile check:-P' | 'profile check:--profile' | 'profile path:-P' | 'profile path:--profile' | 'profile list:-P' | 'profile list:--profile' | 'profile set:-P' | 'profile set:--profile' | 'profile schema:-P' | 'profile schema:--profile')
      _llmo_offer < <(_llmo_run profile list | sed 's/^..//; s/  (built-in)$//')
      ;;
    'ask:--strategy' | 'batch:--strategy' | 'route:--strategy')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' profile cheapest fastest balanced)
      ;;
    'ask:-f' | 'ask:--file' | 'ask:--template' | 'ask:--schema' | 'batch:--template' | 'batch:--schema' | 'batch:-o' | 'batch:--output' | 'batch:--errors' | 'batch:--report' | 'batch:--reparse' | 'route:-f' | 'route:--file' | 'route:--template' | 'route:--schema' | 'route:--rows' | 'history export:-o' | 'history export:--output' | 'cost:--html' | 'cost:--export' | 'cost:--import' | 'models:--refresh-prices')
      : # file names, by readline
      ;;
    'ask:-m' | 'ask:--model' | 'batch:-m' | 'batch:--model' | 'route:-m' | 'route:--model' | 'cost:--as-if')
      _llmo_nothing_else; _llmo_offer < <(echo auto; _llmo_run models --names)
      ;;
    'ask:-t' | 'ask:--task' | 'batch:-t' | 'batch:--task' | 'route:-t' | 'route:--task')
      _llmo_offer < <(printf '%s\n' simple complex general auto)
      ;;
    'batch:--input-format')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' auto jsonl csv tsv lines parquet openai-batch)
      ;;
    'batch:--output-format')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' jsonl csv parquet openai-batch)
      ;;
    'batch:--progress')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' auto bar log none)
      ;;
    'cost:--billed')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' all received)
      ;;
    'cost:--by')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' day week month provider model task run outcome tag:)
      ;;
    'history export:--format')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' markdown json)
      ;;
    'models:--provider')
      _llmo_nothing_else; _llmo_offer < <(_llmo_run models --names | cut -d/ -f1 | sort -u)
      ;;
    'models:--sort')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' price context name)
      ;;
    'models:--supports')
      _llmo_nothing_else; _llmo_offer < <(printf '%s\n' vision schema tools reasoning)
      ;;
    *) _llmo_nothing_else ;;
  esac
}

_llmo_argument() {
  case $path in
    'batch')
      : # file names, by readline
      ;;
    *) _llmo_nothing_else ;;
  esac
}

complete -o default -F _llmo llmo
