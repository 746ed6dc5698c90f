#!/bin/sh
# Translate product texts overnight at half the price: run it in the evening, and again in the morning.
# usage: run.sh [OUT]
# It needs a model at OpenAI or Anthropic: their batch services answer within 24 hours.
set -eu
cd "$(dirname "$0")"
out=${1:-german.jsonl}

# The first time this submits all rows and ends. Later it takes what has come, and submits only what expired or is new.
# The price of every row is reserved before it is sent, so the cap holds over the night.
id=$(llmo batch products.csv --prompt 'Translate into German, nothing else: {{ text }}' --keep text \
  --tag job=overnight --max-cost 0.50 --deferred -o "$out")

# What is there now: exit status 5 says that some rows have no answer yet.
if [ -n "$id" ]; then
  llmo runs show "$id"
  llmo runs fetch "$id" || [ $? -eq 5 ]
fi

wc -l <"$out"
llmo cost --by tag:job
