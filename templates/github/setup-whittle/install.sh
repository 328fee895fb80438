#!/usr/bin/env bash
# Downloads the archive of a release, compares its checksum, and puts the command
# on PATH. Reads INPUT_VERSION, INPUT_SHA256, INPUT_BASE_URL and the runner's
# variables.
set -euo pipefail

fail() {
  echo "::error::$1"
  exit 1
}

version=${INPUT_VERSION#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail "version $INPUT_VERSION is no release; write one such as 0.1.0"
case $RUNNER_OS in
  Linux) os=linux ;;
  macOS) os=darwin ;;
  Windows) os=windows ;;
  *) fail "there is no whittle for $RUNNER_OS" ;;
esac
case $RUNNER_ARCH in
  X64) arch=amd64 ;;
  ARM64) arch=arm64 ;;
  *) fail "there is no whittle for $RUNNER_ARCH" ;;
esac

archive=whittle_${version}_${os}_$arch.tar.gz
want=$INPUT_SHA256
if [[ -z $want ]]; then
  want=$(awk -v name="$archive" '$2 == name { print $1 }' "$(dirname "$0")/checksums.txt")
fi
[[ $want =~ ^[0-9a-f]{64}$ ]] || fail "the checksum of $archive is not known; give it as sha256"

dir=$RUNNER_TEMP/whittle-$version
mkdir -p "$dir"
trap 'rm -f "$dir/$archive"' EXIT
curl --fail --silent --show-error --location --retry 3 --output "$dir/$archive" "$INPUT_BASE_URL/v$version/$archive" || fail "downloading $archive failed"
if command -v sha256sum >/dev/null; then
  got=$(sha256sum <"$dir/$archive")
else
  got=$(shasum -a 256 <"$dir/$archive")
fi
[[ ${got%% *} == "$want" ]] || fail "the checksum of $archive is ${got%% *}, not $want"
tar -xzf "$dir/$archive" -C "$dir"
program=$dir/whittle
[[ $os != windows ]] || program+=.exe
[[ -x $program ]] || fail "$archive has no whittle in it"
"$program" version

echo "$dir" >>"$GITHUB_PATH"
{
  echo "version=$version"
  echo "path=$program"
} >>"$GITHUB_OUTPUT"
