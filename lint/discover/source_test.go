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
	"github.com/whittle-oci/whittle/lint/embedded"
	"github.com/whittle-oci/whittle/lint/source"
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
			if *p == "" {
				continue
			}
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
      additional_contexts: {shared: ../shared, alpine: "docker-image://alpine:3"}
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
      additional_contexts: ["one=$UNSET", two]
      platforms: [linux/amd64, "$UNSET"]
  e: {build: {context: "${UNSET}"}}
  f: {build: {context: "https://example.com/x.git"}}
  g: {build: {context: ../nowhere}}
  h: {build: {context: .., dockerfile_inline: "FROM a"}}
  i: {build: {context: "${UNSET:-../api}", dockerfile: "${FILE:-prod}.docker"}}
`)
	want := []discover.Build{
		{Source: "sub/compose.yml", Name: "b", Dockerfile: "Dockerfile", Context: ".", Platforms: []string{"linux/arm64"}},
		{Source: "sub/compose.yml", Name: "c", Dockerfile: "api/prod.docker", Context: "api", Target: "dev", Args: map[string]string{"NUMBER": "3", "DEFAULT": "x-$y", "ALSO": "z", "NOT": ""}, Platforms: []string{"linux/amd64", "linux/arm64"}, Contexts: []string{"alpine", "shared"}},
		{Source: "sub/compose.yml", Name: "d", Dockerfile: "api/Dockerfile", Context: "api", Args: map[string]string{"A": "b=c"}, Contexts: []string{"one"}},
		{Source: "sub/compose.yml", Name: "h", Inline: &embedded.Block{First: 29, Last: 29, Text: []byte("FROM a"), Escapes: []string{"$", "$$"}}, Context: "."},
		{Source: "sub/compose.yml", Name: "i", Dockerfile: "api/prod.docker", Context: "api"},
	}
	if d := cmp.Diff(want, builds(t, dir, "sub/compose.yml"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

// TestDotenv fills variables in from the file that Compose has for them.
func TestDotenv(t *testing.T) {
	dir := unpack(t, `
-- .env --
VERSION=3 # the next
export NAME="a b"
EMPTY=
-- Dockerfile --
-- compose.yaml --
services:
  a:
    build:
      context: .
      args:
        VERSION:
        A: ${VERSION}-$NAME
        B: ${EMPTY:-x}${EMPTY-y}
        C: ${VERSION:+z}${EMPTY:+z}
        D: ${OTHER}
  b: {build: {context: ., args: [VERSION, OTHER]}}
`)
	want := []map[string]string{{"VERSION": "3", "A": "3-a b", "B": "x", "C": "z"}, {"VERSION": "3"}}
	var got []map[string]string
	for _, b := range builds(t, dir, "compose.yaml") {
		got = append(got, b.Args)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestInline finds Dockerfiles that stand in Compose and Bake files.
func TestInline(t *testing.T) {
	dir := unpack(t, `
-- compose.yaml --
x-build: &build
  dockerfile_inline: |

      FROM debian:${V:-12}

        RUN a
services:
  a: {build: *build}
  b:
    build:
      <<: [{target: x}, *build]
      context: "${UNSET}"
  c:
    build:
      <<: *build
      target: y
  d:
    build:
      dockerfile_inline: FROM $UNSET
  e:
    build:
      dockerfile_inline: >
        FROM a
        AS b
-- docker-bake.hcl --
variable "V" { default = "12" }
target "a" {
  dockerfile-inline = <<EOT
FROM debian:${V}
RUN echo $HOME $${X}
EOT
}
target "b" {
  dockerfile-inline = <<-EOT
    FROM debian

      RUN a
  EOT
  args = { A = V }
}
target "c" { inherits = ["b"] }
target "d" { dockerfile-inline = "FROM a\nRUN b" }
`)
	block := func(first, last, indent int, text, of string) *embedded.Block {
		escapes := []string{"${", "$${", "%{", "%%{"}
		if of == "compose" {
			escapes = []string{"$", "$$"}
		}
		return &embedded.Block{First: first, Last: last, Indent: indent, Text: []byte(text), Escapes: escapes}
	}
	shared := block(3, 6, 6, "\nFROM debian:12\n\n  RUN a\n", "compose")
	want := []discover.Build{
		{Name: "a", Inline: shared, Context: "."},
		{Name: "c", Inline: shared, Context: ".", Target: "y"},
		{Name: "e", Inline: block(22, 22, 0, "FROM a AS b\n", "compose"), Context: "."},
	}
	ignoreSource := cmpopts.IgnoreFields(discover.Build{}, "Source")
	if d := cmp.Diff(want, builds(t, dir, "compose.yaml"), cmpopts.EquateEmpty(), ignoreSource); d != "" {
		t.Error(d)
	}
	want = []discover.Build{
		{Name: "a", Inline: block(4, 5, 0, "FROM debian:12\nRUN echo $HOME ${X}\n", "bake"), Context: "."},
		{Name: "b", Inline: block(10, 12, 4, "FROM debian\n\n  RUN a\n", "bake"), Context: ".", Args: map[string]string{"A": "12"}},
		{Name: "c", Inline: block(10, 12, 4, "FROM debian\n\n  RUN a\n", "bake"), Context: ".", Args: map[string]string{"A": "12"}},
		{Name: "d", Inline: block(17, 17, 0, "FROM a\nRUN b", "bake"), Context: "."},
	}
	if d := cmp.Diff(want, builds(t, dir, "docker-bake.hcl"), cmpopts.EquateEmpty(), ignoreSource); d != "" {
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
  contexts = { shared = "../shared", base = "target:${UNSET}" }
}
target "app" {
  inherits = ["_common"]
  context  = "./api"
  target   = "final"
  args     = { GO = upper("x"), LOST = UNSET, ALSO_LOST = twice("a"), N = 3 }
  tags     = ["x:${TAG}"]
  contexts = { shared = "..", "x/y" = "docker-image://x" }
}
target "many" {
  name       = "many-${v}"
  matrix     = { v = ["a", "b"] }
  context    = "api"
  dockerfile = "${v}.Dockerfile"
}
target "unknown" { target = UNSET }
target "loop" { inherits = ["loop"] }
target "remote" { context = "https://example.com/x.git" }
-- docker-bake.json --
{"variable": {"V": {"default": "9"}}, "target": {"j": {"context": "api", "args": {"V": "${V}"}}}}
`)
	want := []discover.Build{
		{Name: "_common", Dockerfile: "Dockerfile", Context: ".", Args: map[string]string{"GO": "1.26", "TAG": "1.2"}, Platforms: []string{"linux/amd64", "linux/A"}, Contexts: []string{"base", "shared"}},
		{Name: "app", Dockerfile: "api/Dockerfile", Context: "api", Target: "final", Args: map[string]string{"GO": "X", "TAG": "1.2", "N": "3"}, Platforms: []string{"linux/amd64", "linux/A"}, Contexts: []string{"base", "shared", "x/y"}},
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
	f.Add("compose.yml", []byte("a: &a {dockerfile_inline: |}\nservices:\n  a:\n    build:\n      <<: *a\n      dockerfile_inline: |2\n\n         FROM $$a\n        b"))
	f.Add("docker-bake.hcl", []byte("target \"a\" {\n  dockerfile-inline = <<-EOT\n    FROM a\n  EOT\n}"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if name != filepath.Base(name) || !discover.IsSource(name) {
			return
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		list, _ := discover.Builds(file)
		for _, one := range list {
			if one.Inline == nil {
				continue
			}
			in := embedded.In(source.NewFile(name, b), *one.Inline)
			for at := range len(in.Bytes) + 1 {
				if s := in.Span(source.Span{Start: at, End: len(in.Bytes)}); s.Start < 0 || s.End < s.Start || s.End > len(b) {
					t.Fatalf("%d is at %+v of %d", at, s, len(b))
				}
			}
			_, _ = in.Replace(append([]byte("FROM b\n"), in.Bytes...))
		}
	})
}
