#!/bin/sh
# A session in the shell: ask, pipe in, pipe out, batch over files, and what it all cost.
# Needs no key and no network: the `offline` profile answers from the prompt.
set -eu
export LLMO_PROFILE=offline
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Ask. A pipe or a file gets the exact text of the answer, without a line end of its own.
llmo ask "Name three rivers of Europe."
echo

# Pipe a file in, pipe the answer out: stdout carries the answer and nothing else.
printf 'eggs\nflour\nmilk\n' | llmo ask "Which cake can I bake with this?" | tr '[:lower:]' '[:upper:]'
echo

# Why that model? Nothing is sent.
llmo route "Rewrite this sentence more politely: give me the report."

# A program reads JSON, and the exit code.
llmo ask "Say hello." --json >"$work/answer.json"
grep -q '"ok": *true' "$work/answer.json"

# Every file is a row.
mkdir "$work/notes"
echo "Monday: the pump is loud again." >"$work/notes/monday.txt"
echo "Tuesday: pump replaced, quiet since." >"$work/notes/tuesday.txt"
llmo batch --files "$work/notes/*.txt" --prompt 'Summarise {{ name }}: {{ text }}' -o "$work/summaries.jsonl"

# In a loop, -n keeps llmo from reading the loop's own input.
while read -r word; do
  llmo ask -n -q "Translate into French: $word"
  echo
done <<WORDS
bread
river
WORDS

# What it cost.
llmo cost --by model
