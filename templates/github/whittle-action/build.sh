#!/usr/bin/env bash
# Builds as the inputs say, and tells the workflow what came out. Inputs come as
# variables alone: no text of a pull request is ever part of a script.
set -euo pipefail

if ! command -v jq >/dev/null; then
  echo "::error::jq is not installed; the runners of GitHub have it"
  exit 1
fi

args=(build --json --metadata-file "$RUNNER_TEMP/whittle-metadata.json" --progress plain)
text() { # FLAG VALUE
  [[ -z $2 ]] || args+=("$1=$2")
}
list() { # FLAG LINES
  local line
  while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    [[ -z $line ]] || args+=("$1=$line")
  done <<<"$2"
}
switch() { # FLAG VALUE
  case $2 in
    true) args+=("$1") ;;
    false | "") ;;
    *)
      echo "::error::$1 is $2; it is true or false"
      exit 1
      ;;
  esac
}

text --file "$INPUT_FILE"
list --tag "${INPUT_TAGS//,/$'\n'}"
list --label "$INPUT_LABELS"
list --annotation "$INPUT_ANNOTATIONS"
text --platform "${INPUT_PLATFORMS//$'\n'/,}"
switch --push "$INPUT_PUSH"
switch --load "$INPUT_LOAD"
text --target "$INPUT_TARGET"
list --build-arg "$INPUT_BUILD_ARGS"
list --build-context "$INPUT_BUILD_CONTEXTS"
list --cache-from "$INPUT_CACHE_FROM"
list --cache-to "$INPUT_CACHE_TO"
list --output "$INPUT_OUTPUTS"
text --provenance "$INPUT_PROVENANCE"
text --sbom "$INPUT_SBOM"
switch --no-cache "$INPUT_NO_CACHE"
switch --pull "$INPUT_PULL"
text --builder "$INPUT_BUILDER"
text --verify-base "$INPUT_VERIFY_BASE"
text --smoke "$INPUT_SMOKE"
text --max-size "$INPUT_MAX_SIZE"
switch --if-stale "$INPUT_IF_STALE"
if [[ $INPUT_SIGN == true ]]; then
  args+=(--sign --keyless)
fi

# Secrets are handed over in files that nobody else may read and that are gone
# at the end.
secrets=$(mktemp -d "$RUNNER_TEMP/whittle-secrets.XXXXXX")
trap 'rm -rf "$secrets"' EXIT
umask 077
n=0
while IFS= read -r line; do
  [[ -n $line ]] || continue
  if [[ $line != *=* ]]; then
    echo "::error::secrets has a line without ID=VALUE"
    exit 1
  fi
  n=$((n + 1))
  printf %s "${line#*=}" >"$secrets/$n"
  args+=("--secret=id=${line%%=*},src=$secrets/$n")
done <<<"$INPUT_SECRETS"

report=$RUNNER_TEMP/whittle-report.json
whittle "${args[@]}" -- "$INPUT_CONTEXT" >"$report"

field() { jq -r "$1" "$report"; }
built=$(field 'if .stale == false then "false" else "true" end')
{
  echo "digest=$(field '.digest // ""')"
  echo "report=$report"
  echo "built=$built"
  echo "size-before=$(field '.reports[0].before.bytes // ""')"
  echo "size-after=$(field '.reports[0].after.bytes // ""')"
  if [[ -f $RUNNER_TEMP/whittle-metadata.json ]]; then
    echo "metadata<<whittle-end-of-metadata"
    cat "$RUNNER_TEMP/whittle-metadata.json"
    echo
    echo "whittle-end-of-metadata"
  fi
} >>"$GITHUB_OUTPUT"

if [[ $INPUT_SUMMARY == true && $built == true ]]; then
  jq -r '
    def mb: if . == null then "?" else (. / 10000 | round / 100 | tostring) + " MB" end;
    "### Image\n",
    (if .digest then "`\(.digest)`\n" else empty end),
    "| platform | before | after | files | packages | user | shell |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    (.reports[] | "| \(.platform) | \(.before.bytes | mb) | \(.after.bytes | mb) | \(.before.files) → \(.after.files) | \(.before.packages) → \(.after.packages) | \(.before.user) → \(.after.user) | \(.after.shell // "none") |"),
    (.reports[] | select(.warnings) | "\n**\(.platform)**", (.warnings[:20][] | "- " + (.text // .message // tostring) | gsub("[|<>]"; " ")))
  ' "$report" >>"$GITHUB_STEP_SUMMARY"
fi
