#!/bin/sh
# Write a commit message from what is staged, and print it.
# usage: run.sh [HINT]      as in: git commit -e -m "$(sh run.sh "it fixes the login on Windows")"
# Try it without a key: LLMO_PROFILE=offline sh run.sh
set -eu
here=$(dirname "$0")

if git diff --staged --quiet; then
  echo "nothing is staged: git add first" >&2
  exit 1
fi

# A long diff is cut: its beginning says enough, and the cap holds in any case.
git diff --staged --no-color --no-ext-diff | head -c 200000 |
  llmo ask -q --template "$here/commit.md" --max-cost 0.05 --tag job=commit "${1:-}"
echo
