#!/usr/bin/env bash
# Lints what is to be built: annotations, SARIF, and a summary in Markdown.
set -euo pipefail

sarif=$RUNNER_TEMP/whittle-lint.sarif
echo "sarif=$sarif" >>"$GITHUB_OUTPUT"
args=(lint --format github --format "sarif=$sarif" --fail-on "$INPUT_FAIL_ON")
if [[ $INPUT_SUMMARY == true ]]; then
  args+=(--format "markdown=$RUNNER_TEMP/whittle-lint.md")
  trap 'cat "$RUNNER_TEMP/whittle-lint.md" >>"$GITHUB_STEP_SUMMARY" 2>/dev/null || true' EXIT
fi
file=$INPUT_FILE
if [[ -z $file ]]; then
  file=$INPUT_CONTEXT/Dockerfile
fi
if [[ ! -f $file ]]; then
  echo "there is no $file here to lint"
  exit 0
fi
if [[ -d $INPUT_CONTEXT ]]; then
  args+=(--context "$INPUT_CONTEXT")
fi
whittle "${args[@]}" -- "$file"
