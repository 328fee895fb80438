#!/usr/bin/env bash
# Runs a command and prints the processor time that it and all that it started
# took, beside a budget of seconds: budget.sh NAME PROCESSOR CLOCK COMMAND...
# Over the budget it warns; with BUDGET=strict it fails.
set -u
name=$1 processor=$2 clock=$3
shift 3
began=$(date +%s)
"$@"
code=$?
took=$(($(date +%s) - began))
# times prints the shell's own time, then that of its children that have ended,
# as 1m2.500s 0m3.250s: user and system. In a pipe it would be another shell's.
file=$(mktemp) && times >"$file"
used=$(awk 'NR == 2 { gsub("s", ""); split($1, u, "m"); split($2, s, "m"); printf "%d", u[1]*60 + u[2] + s[1]*60 + s[2] + 0.5 }' "$file")
rm -f "$file"
echo "make $name: processor time $used s of $processor s, $took s of $clock s on the clock"
if [ "$code" != 0 ]; then exit "$code"; fi
if [ "$used" -gt "$processor" ] || [ "$took" -gt "$clock" ]; then
  echo "make $name: OVER ITS BUDGET" >&2
  if [ "${BUDGET:-}" = strict ]; then exit 1; fi
fi
