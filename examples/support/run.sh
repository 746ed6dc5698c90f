#!/bin/sh
# Classify customer messages into a schema, stop halfway, and resume.
# Needs no key and no network: `-P offline` answers from the prompt. Leave it out to use your own profile.
set -eu
cd "$(dirname "$0")"
out=${1:-classified.jsonl}

classify() {
  llmo batch messages.csv -P offline --template prompt.txt --schema schema.json --keep lang --tag job=support \
    -o "$out" "$@"
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
