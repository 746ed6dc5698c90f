#!/bin/sh
# A CI step that summarizes the changed files and cannot spend more than its cap.
# usage: step.sh CAP FILE…      CAP in dollars, e.g. 0.05
set -u
here=$(dirname "$0")
cap=$1
shift

# Under a cap, an output limit keeps the reservation of each call small.
llmo batch --files "$@" -P "$here/ci.toml" --prompt 'Summarize {{ name }} in one sentence: {{ text }}' \
  --max-cost "$cap" --max-tokens 200 --tag step=summaries -o summaries.jsonl
code=$?

case $code in
0) echo "all files summarized" ;;
3) echo "stopped at the cap: $(wc -l <summaries.jsonl) files done; run the same command with a higher cap to resume" ;;
5) echo "the provider is busy or unavailable: try again later" && exit 5 ;;
*) exit "$code" ;;
esac

# Check the total: at most 2.50 dollars per day, over all steps of all jobs of this user.
llmo cost -P "$here/ci.toml" --check --max 2.50 --since 1d || exit $?
