#!/bin/sh
# A Git hook: git commit opens your editor with a message that is already written.
#   mkdir -p "$(llmo templates path)" && cp commit.md "$(llmo templates path)"
#   cp prepare-commit-msg.sh .git/hooks/prepare-commit-msg && chmod +x .git/hooks/prepare-commit-msg
set -eu

# Git names where the message comes from; merges, amended commits and -m have one.
[ -z "${2:-}" ] || exit 0

# A commit does not depend on a model: without an answer, Git's own text stays.
message=$(git diff --staged --no-color --no-ext-diff | head -c 200000 |
  llmo ask -q --template commit --max-cost 0.05 --timeout 30 --tag job=commit) || exit 0
own=$(cat "$1")
printf '%s\n%s\n' "$message" "$own" >"$1"
