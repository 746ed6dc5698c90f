#!/bin/sh
# Classify customer messages into a schema under a cap, stop halfway, and resume.
# usage: run.sh [OUT]
# Try it without a key: LLMO_PROFILE=offline sh run.sh
set -eu
cd "$(dirname "$0")"
out=${1:-classified.jsonl}

classify() {
  llmo batch messages.csv --template prompt.txt --schema schema.json --keep lang --tag job=support \
    --max-cost 0.50 -o "$out" "$@"
}

# Show rows, cost and the first prompts, without sending anything.
classify --dry-run

# The first 25 rows.
classify --limit 25

# The same command again resumes: rows that are done are not sent or paid again.
classify

# One JSON object per row.
wc -l <"$out"
llmo cost --by tag:job
