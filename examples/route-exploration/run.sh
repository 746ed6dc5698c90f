#!/bin/sh
# Find out which model would answer which prompt, and what that would cost, before anything is sent.
# usage: run.sh [PROFILE [PROMPTS]]     as in: sh run.sh default prompts.txt
# Needs no key and sends nothing, whatever the profile.
set -eu
here=$(dirname "$0")
profile=${1:-$here/profile.toml}
prompts=${2:-$here/prompts.txt}
export EXPLORE_KEY="${EXPLORE_KEY:-unused}" # the example's profile wants one to call its models ready

for flags in "" "--strategy cheapest" "--private"; do
  echo "== llmo route $flags"
  # shellcheck disable=SC2086 # none, one or two words
  llmo -P "$profile" route --rows "$prompts" --json $flags | python3 "$here/table.py" "$prompts"
done

# Why, for one of them.
llmo -P "$profile" route "$(head -n 1 "$prompts")"
