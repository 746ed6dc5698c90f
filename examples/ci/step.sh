#!/bin/sh
# A CI step that summarises the changed files and can not spend more than it may.
# usage: step.sh CAP FILE…      CAP in dollars, e.g. 0.05
set -u
here=$(dirname "$0")
cap=$1
shift

# Under a cap every call needs an output limit: the worst case is what is held before it is sent.
llmo batch --files "$@" -P "$here/ci.toml" --prompt 'Summarise {{ name }} in one sentence: {{ text }}' \
  --max-cost "$cap" --max-tokens 200 --tag step=summaries -o summaries.jsonl
code=$?

case $code in
0) echo "all files summarised" ;;
3) echo "stopped at the cap: $(wc -l <summaries.jsonl) files done; with a higher one the same command goes on" ;;
5) echo "the provider is busy or away: try again later" && exit 5 ;;
*) exit "$code" ;;
esac

# The last word: not more than 2.50 dollars in one day, over every step of every job of this user.
llmo cost -P "$here/ci.toml" --check --max 2.50 --since 1d || exit $?
