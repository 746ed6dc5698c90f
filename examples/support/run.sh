#!/bin/sh
# Classify customer messages into a schema, stop half-way, and go on where it stopped.
# Needs no key and no network: `-P offline` answers from the prompt. Leave it out to use your own profile.
set -eu
cd "$(dirname "$0")"
out=${1:-classified.jsonl}

classify() {
  llmo batch messages.csv -P offline --template prompt.txt --schema schema.json --keep lang --tag job=support \
    -o "$out" "$@"
}

# What it would send and cost, and the first prompts as they would be sent. Sends nothing.
classify --dry-run

# The first 25 rows.
classify --limit 25

# The same command again takes up the rest: no row that is done is sent or paid a second time.
classify

# One JSON object a row; every row has its line.
wc -l <"$out"
llmo cost --by tag:job
