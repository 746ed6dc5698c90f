#!/bin/sh
# A session in the shell: ask, pipe in, pipe out, run a batch over files, and show what it cost.
# Needs no key and no network: the `offline` profile answers from the prompt.
set -eu
export LLMO_PROFILE=offline
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Ask. A pipe or a file gets the exact text of the answer, without an extra newline.
llmo ask "Name three rivers of Europe."
echo

# Pipe a file in and the answer out: stdout carries only the answer.
printf 'eggs\nflour\nmilk\n' | llmo ask "Which cake can I bake with this?" | tr '[:lower:]' '[:upper:]'
echo

# Show which model would answer and why, without sending anything.
llmo route "Rewrite this sentence more politely: give me the report."

# Programs read JSON and the exit code.
llmo ask "Say hello." --json >"$work/answer.json"
grep -q '"ok": *true' "$work/answer.json"

# Each file is a row.
mkdir "$work/notes"
echo "Monday: the pump is loud again." >"$work/notes/monday.txt"
echo "Tuesday: pump replaced, quiet since." >"$work/notes/tuesday.txt"
llmo batch --files "$work/notes/*.txt" --prompt 'Summarize {{ name }}: {{ text }}' -o "$work/summaries.jsonl"

# In a loop, -n keeps llmo from reading the input of the loop.
while read -r word; do
  llmo ask -n -q "Translate into French: $word"
  echo
done <<WORDS
bread
river
WORDS

# Show what it cost.
llmo cost --by model
