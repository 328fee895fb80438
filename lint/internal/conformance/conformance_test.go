package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/source"
)

// corpus writes a small corpus. DL3004 is about sudo and DL4000 about
// MAINTAINER; hadolint's answers are given.
func corpus(t *testing.T, cases, real string) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	text := "FROM a:1\nRUN true && \\\n sudo b\nUSER 1\nHEALTHCHECK CMD [\"c\"]\n"
	if err := tw.WriteHeader(&tar.Header{Name: "realworld/x", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{func() error { _, err := tw.Write([]byte(text)); return err }(), tw.Close(), zw.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string]string{
		"hadolint-cases.json": cases, "hadolint-config-cases.json": "[]", "buildkit-cases.json": "[]", "realworld.tar.gz": b.String(),
		"realworld-hadolint-dev.json": `{"x":` + real + `}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	const (
		fires   = `[{"id":1,"rule":"DL3004","dockerfile":"RUN sudo a","expect":"fires"}]`
		silent  = `[{"id":1,"rule":"DL3004","dockerfile":"RUN sudo a","expect":"silent"}]`
		refused = `[{"id":1,"rule":"DL3004","dockerfile":"FROM a b c\nRUN sudo a","expect":"fires"}]`
		same    = `[["DL3004",2]]`
		missing = `[["DL3004",2],["DL4000",4]]`
		line    = "DL3004 refused-by-buildkit: no build takes it\n"
	)
	for _, c := range []struct{ name, cases, real, list, want string }{
		{"agreement", fires, same, "", ""},
		{"a finding of ours alone", silent, same, "", "hadolint's cases: 0.00 % is below"},
		{"a finding of theirs alone", fires, missing, "", "recall is below"},
		{"a file hadolint could not parse", fires, "null", "", ""},
		{"a listed difference", refused, same, line, ""},
		{"the same, not listed", refused, same, "", "is below"},
		{"a line that explains nothing", fires, same, line, "DL3004 refused-by-buildkit explains nothing"},
		{"a line of no known kind", fires, same, "DL3061 because: so\n", `no kind "because"`},
		{"a line without a reason", fires, same, "DL3061 refused-by-buildkit\n", "RULE[,RULE] KIND: why"},
		{"too many lines", fires, same, strings.Repeat(line, maxDifferences+1), "lists 26 differences"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := filepath.Join(t.TempDir(), "list.txt")
			if err := os.WriteFile(list, []byte(c.list), 0o644); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			none := filepath.Join(t.TempDir(), "refusals.txt")
			if err := os.WriteFile(none, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			err := run(t.Context(), &out, corpus(t, c.cases, c.real), list, none, "all")
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if (err != nil) != (c.want != "") || !strings.Contains(said, c.want) {
				t.Errorf("want %q, got\n%s", c.want, said)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	for cases, want := range map[string]bool{
		`[{"id":"a","kind":"argv","argv":["-f","json","x"],"config":{"formats":["json"],"files":["x"]}}]`:       true,
		`[{"id":"a","kind":"argv","argv":["-f","json"],"config":{}}]`:                                           false,
		`[{"id":"a","kind":"argv","argv":["--nope"],"fails":true}]`:                                             true,
		`[{"id":"a","kind":"argv","argv":["-v"],"fails":true}]`:                                                 false,
		`[{"id":"a","kind":"env","env":{"HADOLINT_NOFAIL":"0"},"config":{"no-fail":false}}]`:                    true,
		`[{"id":"a","kind":"file","yaml":"override: {info: [DL3000]}","config":{"override.info":["DL3000"]}}]`:  true,
		`[{"id":"a","kind":"file","yaml":"override: {info: [DL3000]}","config":{"override.error":["DL3000"]}}]`: false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "hadolint-config-cases.json"), []byte(cases), 0o644); err != nil {
			t.Fatal(err)
		}
		r := &report{out: &strings.Builder{}}
		if err := settingsCases(r, dir); err != nil || r.failed == want {
			t.Errorf("%s: failed %v, %v", cases, r.failed, err)
		}
	}
}

// TestBoth compares what BuildKit and we refuse.
func TestBoth(t *testing.T) {
	for text, refused := range map[string]bool{
		"FROM a:1\nEXPOSE ${PORT}/tcp\n":                 false, // the base may set it
		"FROM scratch\nEXPOSE ${PORT}/tcp\n":             true,
		"ARG V\nFROM a:${V}\n":                           false, // for the build to give
		"ARG V=\nFROM a:${V}\n":                          true,
		"FROM a:1\nSTOPSIGNAL SIGFOO\n":                  true,
		"FROM --platform=$P a:1\n":                       true,
		"FROM a:1\nRUN --mount=type=$T,target=/x true\n": false,
		"# check=error=true\nFROM a:1 as b\n":            false, // that is a check's
		"FROM a:1\nCOPY --chmod=${A:-99} a /\n":          false,
		"FROM scratch\nCOPY --chmod=${A:-99} a /\n":      true,
		"FROM a:1\nUSER ${B:?need}\n":                    false,
		"FROM a:1\nRUN --mount=type=cache true\n":        false, // the base may set WORKDIR
	} {
		theirs, ours, err := both(t.Context(), source.NewFile("Dockerfile", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		if (theirs != "") != refused || (ours != "") != refused {
			t.Errorf("%q: want refused %v\nBuildKit: %s\nours: %s", text, refused, theirs, ours)
		}
	}
}

// TestDifferences holds the project's own list to its form.
func TestDifferences(t *testing.T) {
	if _, err := readDifferences(filepath.Join("..", "..", "..", "testdata", "differences", "hadolint.txt")); err != nil {
		t.Error(err)
	}
	if _, err := readRefusals(filepath.Join("..", "..", "..", "testdata", "differences", "refusals.txt")); err != nil {
		t.Error(err)
	}
}
