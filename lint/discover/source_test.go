package discover_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint/discover"
)

// unpack writes an archive into a new directory.
func unpack(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// builds reads one file of a directory; paths come relative to it.
func builds(t *testing.T, dir, file string) []discover.Build {
	t.Helper()
	out, err := discover.Builds(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		for _, p := range []*string{&out[i].Source, &out[i].Dockerfile, &out[i].Context} {
			if *p, err = filepath.Rel(dir, *p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestCompose(t *testing.T) {
	dir := unpack(t, `
-- Dockerfile --
-- api/Dockerfile --
-- api/prod.docker --
-- sub/compose.yml --
x-build: &build
  context: ../api
  dockerfile: prod.docker
services:
  a: {image: debian}
  b: {build: .., platform: "${P:-linux/arm64}"}
  c:
    build:
      <<: *build
      target: dev
      platforms: [linux/amd64, "linux/arm64"]
      args:
        NUMBER: 3
        DEFAULT: ${UNSET:-x}-$$y
        ALSO: ${UNSET-z}
        NOT: ${UNSET:+more}
        UNKNOWN: ${UNSET}
        EMPTY:
  d:
    build:
      context: ../api
      args: [A=b=c, B, "C=$UNSET"]
      platforms: [linux/amd64, "$UNSET"]
  e: {build: {context: "${UNSET}"}}
  f: {build: {context: "https://example.com/x.git"}}
  g: {build: {context: ../nowhere}}
  h: {build: {context: .., dockerfile_inline: "FROM a"}}
  i: {build: {context: "${UNSET:-../api}", dockerfile: "${FILE:-prod}.docker"}}
`)
	want := []discover.Build{
		{Source: "sub/compose.yml", Name: "b", Dockerfile: "Dockerfile", Context: ".", Platforms: []string{"linux/arm64"}},
		{Source: "sub/compose.yml", Name: "c", Dockerfile: "api/prod.docker", Context: "api", Target: "dev", Args: map[string]string{"NUMBER": "3", "DEFAULT": "x-$y", "ALSO": "z", "NOT": ""}, Platforms: []string{"linux/amd64", "linux/arm64"}},
		{Source: "sub/compose.yml", Name: "d", Dockerfile: "api/Dockerfile", Context: "api", Args: map[string]string{"A": "b=c"}},
		{Source: "sub/compose.yml", Name: "i", Dockerfile: "api/prod.docker", Context: "api"},
	}
	if d := cmp.Diff(want, builds(t, dir, "sub/compose.yml"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestBake(t *testing.T) {
	dir := unpack(t, `
-- Dockerfile --
-- api/Dockerfile --
-- api/a.Dockerfile --
-- api/b.Dockerfile --
-- docker-bake.hcl --
variable "TAG" { default = "1.${MINOR}" }
variable "MINOR" { default = "2" }
variable "UNSET" {}
function "twice" {
  params = [x]
  result = "${x}${x}"
}
group "default" { targets = ["app"] }
target "_common" {
  args = { GO = "1.26", TAG = TAG }
  platforms = ["linux/amd64", "linux/${upper("a")}"]
}
target "app" {
  inherits = ["_common"]
  context  = "./api"
  target   = "final"
  args     = { GO = upper("x"), LOST = UNSET, ALSO_LOST = twice("a"), N = 3 }
  tags     = ["x:${TAG}"]
}
target "many" {
  name       = "many-${v}"
  matrix     = { v = ["a", "b"] }
  context    = "api"
  dockerfile = "${v}.Dockerfile"
}
target "unknown" { target = UNSET }
target "loop" { inherits = ["loop"] }
target "inline" { dockerfile-inline = "FROM a" }
target "remote" { context = "https://example.com/x.git" }
-- docker-bake.json --
{"variable": {"V": {"default": "9"}}, "target": {"j": {"context": "api", "args": {"V": "${V}"}}}}
`)
	want := []discover.Build{
		{Name: "_common", Dockerfile: "Dockerfile", Context: ".", Args: map[string]string{"GO": "1.26", "TAG": "1.2"}, Platforms: []string{"linux/amd64", "linux/A"}},
		{Name: "app", Dockerfile: "api/Dockerfile", Context: "api", Target: "final", Args: map[string]string{"GO": "X", "TAG": "1.2", "N": "3"}, Platforms: []string{"linux/amd64", "linux/A"}},
		{Name: "many", Dockerfile: "api/a.Dockerfile", Context: "api"},
		{Name: "many", Dockerfile: "api/b.Dockerfile", Context: "api"},
	}
	ignoreSource := cmpopts.IgnoreFields(discover.Build{}, "Source")
	if d := cmp.Diff(want, builds(t, dir, "docker-bake.hcl"), cmpopts.EquateEmpty(), ignoreSource); d != "" {
		t.Error(d)
	}
	want = []discover.Build{{Name: "j", Dockerfile: "api/Dockerfile", Context: "api", Args: map[string]string{"V": "9"}}}
	if d := cmp.Diff(want, builds(t, dir, "docker-bake.json"), ignoreSource); d != "" {
		t.Error(d)
	}
}

func TestBrokenSources(t *testing.T) {
	for name, text := range map[string]string{
		"compose.yaml": "services: [", "docker-compose.yml": "services: 3", "docker-bake.hcl": "target {", "docker-bake.json": "{",
		"docker-bake.override.hcl": "x = " + strings.Repeat("[", 300),
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := discover.Builds(file); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
	}
	if _, err := discover.Builds(filepath.Join(t.TempDir(), "compose.yaml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestIsSource(t *testing.T) {
	for name, want := range map[string]bool{
		"compose.yaml": true, "docker-compose.yml": true, "docker-compose.dev.yml": true, "compose.test.yaml": true, "docker-bake.hcl": true, "docker-bake.override.json": true,
		"composer.json": false, "compose.txt": false, "my-compose.yml": false, "bake.hcl": false,
	} {
		if got := discover.IsSource(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzBuilds(f *testing.F) {
	f.Add("compose.yaml", []byte("services: {a: {build: {context: ., args: {A: $B}}}}"))
	f.Add("docker-bake.hcl", []byte("variable \"a\" { default = \"b\" }\ntarget \"c\" {\n matrix = { x = [1, 2] }\n args = { d = \"${a}${x}\" }\n inherits = [\"c\"]\n}"))
	f.Add("docker-bake.json", []byte(`{"target": {"a": {"args": {"b": "c"}}}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if !discover.IsSource(name) {
			return
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = discover.Builds(file)
	})
}
