#!/bin/sh
# Summarize reports with the workers of a Ray cluster, under one cap, and go on in one process.
# usage: run.sh [OUT]
# Needs Ray (pip install 'ray>=2.40'). Without RAY_ADDRESS, a cluster of its own is started for each run. Ray listens on all
# addresses of the machine: try it where others can't reach that.
# Try it without a key: LLMO_PROFILE=offline sh run.sh
set -eu
cd "$(dirname "$0")"
out=${1:-summaries.jsonl}

summarize() {
  llmo batch reports.jsonl --prompt 'Summarize in one sentence: {{ text }}' --max-tokens 200 --max-cost 0.50 -o "$out" "$@"
}

# The first six rows on the cluster: one worker for each of its processors, and the limits are those of all together.
summarize --engine ray --limit 6

# The same output goes on in this process; rows that are done are not sent again.
summarize

wc -l <"$out"
