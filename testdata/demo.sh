#!/usr/bin/env bash
# The whole path on one careless Dockerfile: lint, build, sign, verify, run.
# Safe to run twice; what it makes lies below .cache/demo.
set -eu
cd "$(dirname "$0")/.."
dir=$PWD/.cache/demo
bases=$PWD/.cache/bases
app=testdata/apps/web
mkdir -p "$dir"
say() { printf '\n== %s\n' "$*"; }

say "base images: the public registry's where it answers, else made here"
images="golang:latest"
go run ./testdata/bases/serve -dir "$bases" -images "$images" -make
go build -o "$dir/serve" ./testdata/bases/serve
rm -f "$dir/serve.out"
"$dir/serve" -dir "$bases" -images "$images" -addr 127.0.0.1:0 -config "$dir/buildkitd.toml" >"$dir/serve.out" &
serve=$!
run=whittle-demo-$$
cleanup() {
  runc kill "$run" KILL >/dev/null 2>&1 || true
  runc delete --force "$run" >/dev/null 2>&1 || true
  kill "$serve" 2>/dev/null || true
}
trap cleanup EXIT
until grep -q ready "$dir/serve.out" 2>/dev/null; do kill -0 "$serve"; sleep 0.1; done
registry=$(awk '{print $2}' "$dir/serve.out")
image=$registry/demo/web:1
export BUILDKITD_CONFIG=$dir/buildkitd.toml XDG_DATA_HOME=$dir/state COSIGN_PASSWORD=demo

say "whittle lint $app"
bin/whittle lint "$app" || test $? = 1

say "whittle keygen"
rm -f "$dir"/cosign.*
bin/whittle keygen --output-key-prefix "$dir/cosign"

say "whittle build $app --sign (the Dockerfile as it is)"
bin/whittle build "$app" -t "$image" --push --sign --key "$dir/cosign.key" --sbom --provenance

say "whittle verify"
bin/whittle verify --key "$dir/cosign.pub" --attestation spdx,contents,slsaprovenance1 "$image"

say "whittle why"
bin/whittle why "$image"

say "run it: user 65532, read-only root, no capabilities"
rm -rf "$dir/bundle"; mkdir -p "$dir/bundle"
go run ./testdata/bases/unpack "$image" "$dir/bundle"
(cd "$dir/bundle" && runc run --detach --pid-file "$dir/pid" "$run" >"$dir/web.log" 2>&1 </dev/null)
for i in $(seq 100); do curl -fsS http://127.0.0.1:18099/healthz >/dev/null 2>&1 && break; sleep 0.1; done
curl -fsS http://127.0.0.1:18099/whoami
curl -fsS http://127.0.0.1:18099/ | sed 's/^/    /'

say "it works: the service answers as 65532"
