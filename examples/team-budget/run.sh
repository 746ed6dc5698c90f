#!/bin/sh
# Shares one budget: two people, each on a machine of their own, ask until the money of both is spent.
# usage: sh run.sh postgresql://host/database      (an empty database: createdb llmo)
# Needs the extra `postgres`, and no key: the stand-in `offline` answers, at invented prices.
set -eu
LLMO_LEDGER=${1:-${LLMO_LEDGER:?usage: sh run.sh postgresql://host/database}}
export LLMO_LEDGER
profile=$(dirname "$0")/team.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each data directory stands for a machine.
ask() {
  LLMO_DATA_DIR=$work/$1 llmo -P "$profile" ask -n -q --tag "who=$1" --max-tokens 100 --max-cost 1 "$2"
}

spent=no
for question in "Where is Lima?" "Who wrote Emma?" "What is 7 times 8?"; do
  for who in ada ben; do
    echo "== $who: $question"
    if ask "$who" "$question"; then
      echo
    else
      code=$?
      [ "$code" -eq 3 ] || exit "$code" # 3: a budget refused it, and nothing was sent
      spent=yes
    fi
  done
done

# Anybody sees what everybody spent, and what is left.
llmo -P "$profile" cost --by tag:who
[ "$spent" = yes ]
