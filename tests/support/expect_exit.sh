#!/usr/bin/env bash
# Runs a command and fails unless it ends within SECONDS, returns CODE, and says something that matches PATTERN (an
# extended regular expression).
# usage: expect_exit.sh CODE SECONDS PATTERN COMMAND [ARGUMENT...]
set -uo pipefail
expected=$1 seconds=$2 pattern=$3
shift 3
said=$(timeout --kill-after=5 "$seconds" "$@" 2>&1)
code=$?
printf '%s\n' "$said"
if [ $code -eq 124 ] || [ $code -eq 137 ]; then
  echo "FAILED: still there after $seconds s"
elif [ $code -ne "$expected" ]; then
  echo "FAILED: returned $code, not $expected"
elif ! grep -qE -- "$pattern" <<<"$said"; then
  echo "FAILED: said nothing like: $pattern"
else
  exit 0
fi
exit 1
