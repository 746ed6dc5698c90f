#!/bin/sh
# Judge the events of a log into a schema, and print them worst first.
# usage: run.sh [LOG [OUT]]     as in: journalctl -p warning --since today | sh run.sh - triage.jsonl
# Run it again tomorrow with the same OUT: the event is the id of a row, so only new events are sent and paid.
# Try it without a key: LLMO_PROFILE=offline sh run.sh
set -eu
here=$(dirname "$0")
log=${1:-$here/app.log}
out=${2:-triage.jsonl}
events=$(mktemp)
trap 'rm -f "$events"' EXIT

if [ "$log" = - ]; then cat; else cat "$log"; fi | python3 "$here/events.py" >"$events"
llmo batch "$events" --input-format jsonl --template "$here/triage.md" --id-field event \
  --max-cost 0.50 --tag job=triage -o "$out"
python3 "$here/report.py" "$events" "$out"
