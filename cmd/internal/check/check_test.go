package check_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/cmd/internal/check"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

const (
	team   = "lint: {ignore: [untagged-base]}"
	digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func TestDockerfile(t *testing.T) {
	for name, tc := range map[string]struct {
		text, config, target string
		args                 map[string]string
		skip, contexts       []string
		want                 string // rules, ! before those that fail a build
	}{
		"a finding":        {text: "FROM example\nUSER 1001\n", want: "untagged-base"},
		"that fails":       {text: "# check=error=true\nFROM example\nUSER 1001\n", want: "!untagged-base"},
		"ignored":          {text: "# check=skip=untagged-base;error=true\nFROM example\nUSER 1001\n"},
		"configured":       {text: "FROM example\nUSER 1001\n", config: "lint: {overrides: [{files: Dockerfile, ignore: [untagged-base]}]}"},
		"a build argument": {text: "ARG BASE=example\nFROM $BASE\nUSER 1001\n", args: map[string]string{"BASE": "example:1"}},
		"a context":        {text: "FROM example\nUSER 1001\n", contexts: []string{"example"}},
		"a target":         {text: "FROM example:1 AS a\nFROM scratch\nUSER 1001\n", target: "a", want: "missing-user"},
		"a custom rule":    {text: "FROM scratch\nUSER 1001\n", config: "lint: {rules: [{name: acme-user, message: m, instruction: USER}]}", want: "acme-user"},
		"no Dockerfile":    {text: "FROM\n"},
		"what it extends":  {text: "FROM example\nUSER 1001\n", config: "lint: {extends: [team.yaml]}"},
		"from the network": {text: "FROM example\nUSER 1001\n", config: "lint: {extends: ['https://example.com/team.yaml#sha256:" + digest + "']}"},
		"switched off":     {text: "FROM example\nUSER 1001\n", skip: []string{"DL3006"}},
		"all switched off": {text: "FROM example\n", skip: []string{"all"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := check.Dockerfile(t.Context(), frontend.Checked{
				Name: "Dockerfile", Dockerfile: []byte(tc.text), ConfigName: "testdata/.whittle.yaml", Config: []byte(tc.config), Target: tc.target, Args: tc.args, Contexts: tc.contexts, Skip: tc.skip,
				Read: func(_ context.Context, path string) ([]byte, error) {
					if path != "testdata/team.yaml" {
						t.Errorf("%s is read", path)
					}
					return []byte(team), nil
				},
				Fetch: func(_ context.Context, address, sum string) ([]byte, error) {
					if address != "https://example.com/team.yaml" || sum != "sha256:"+digest {
						t.Errorf("%s with %s is fetched", address, sum)
					}
					return []byte(team), nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				if f.Severity == "info" || f.Severity == "style" {
					continue
				}
				if f.Fatal {
					f.Rule = "!" + f.Rule
				}
				got = append(got, f.Rule)
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
	if _, err := check.Dockerfile(t.Context(), frontend.Checked{Config: []byte("lnit: {}")}); err == nil {
		t.Error("a wrong configuration is taken")
	}
}

// TestIgnoreFile looks at the ignore file beside the Dockerfile.
func TestIgnoreFile(t *testing.T) {
	for name, c := range map[string]struct {
		ignore, config string
		skip           []string
		want           string // rule, line and severity
	}{
		"a finding":             {ignore: "*.log\n../secrets\n", want: "ignore-file 2 warning"},
		"nothing to say":        {ignore: "*.log\n"},
		"no file":               {},
		"switched off":          {ignore: "../secrets\n", config: "lint: {ignore: [ignore-file]}"},
		"by the build":          {ignore: "../secrets\n", skip: []string{"ignore-file"}},
		"a severity of its own": {ignore: "../secrets\n", config: "lint: {severity: {ignore-file: error}}", want: "ignore-file 1 error"},
	} {
		t.Run(name, func(t *testing.T) {
			in := frontend.Checked{Name: "Dockerfile", Dockerfile: []byte("FROM scratch\nUSER 1001\n"), ConfigName: ".whittle.yaml", Config: []byte(c.config), Skip: c.skip, IgnoreFile: ".dockerignore"}
			if c.ignore != "" {
				in.Ignore = []byte(c.ignore)
			}
			found, err := check.Dockerfile(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range found {
				if f.InIgnore != (f.Rule == "ignore-file") {
					t.Errorf("%+v", f)
				}
				if f.InIgnore {
					got += fmt.Sprintf("%s %d %s", f.Rule, f.Line, f.Severity)
				}
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// about is a builder that notes what it is asked.
type about struct {
	files map[string][]byte
	users map[string]string
	asked []string
}

// Files implements frontend.About.
func (a *about) Files(names []string) map[string][]byte {
	a.asked = append(a.asked, "files")
	if !slices.Contains(names, ".env") || !slices.Contains(names, "*/*.pem") {
		a.asked = append(a.asked, "too few names")
	}
	return a.files
}

// User implements frontend.About.
func (a *about) User(ref string) (string, bool) {
	a.asked = append(a.asked, ref)
	user, ok := a.users[ref]
	return user, ok
}

// TestAbout holds the check to what it asks the builder, and to asking once.
func TestAbout(t *testing.T) {
	pinned := "company/app:1@sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		name, text string
		asked      []string
		want       []string // rules and, of some, a part of their message
	}{
		{"nothing to ask", "FROM scratch\nCOPY go.mod /\nUSER 1000\n", nil, nil},
		{"the base's user", "FROM " + pinned + "\n", []string{pinned}, nil},
		{"root", "# syntax=docker/dockerfile:1\nFROM debian:12-slim\n", []string{"debian:12-slim"}, []string{"base-without-digest", "missing-user: and debian:12-slim runs as root"}},
		{"files", "FROM scratch\nCOPY . /app\nUSER 1000\n", []string{"files"}, []string{"secret-in-context: keys/id_rsa, which holds a private key"}},
		{"a build stage's files", "FROM scratch AS a\nCOPY . /app\nFROM scratch\nCOPY --from=a /x /x\nUSER 1000\n", nil, nil},
		{"by value", "FROM scratch\nLABEL x=glpat-1a2B3c4D5e6F7g8H9i0J\nUSER 1000\n", nil, []string{"secret-value"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &about{
				files: map[string][]byte{".env": []byte("PORT=80\n"), "keys/id_rsa": []byte("x"), "tests/id_rsa": []byte("x"), "cert.pem": []byte("-----BEGIN CERTIFICATE-----\n")},
				users: map[string]string{"debian:12-slim": "", pinned: "app"},
			}
			found, err := check.Dockerfile(t.Context(), frontend.Checked{Name: "Dockerfile", Dockerfile: []byte(c.text), About: a})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.asked, a.asked); d != "" {
				t.Errorf("asked: -want +got\n%s", d)
			}
			if len(found) != len(c.want) {
				t.Fatalf("%d findings, want %d: %+v", len(found), len(c.want), found)
			}
			for i, want := range c.want {
				name, message, _ := strings.Cut(want, ": ")
				if found[i].Rule != name || !strings.Contains(found[i].Message, message) {
					t.Errorf("got %+v, want %s", found[i], want)
				}
			}
		})
	}
}

// TestWith adds a checker to the rules.
func TestWith(t *testing.T) {
	var chosen []rule.Rule
	look := check.With(func(rules []rule.Rule) []lint.Checker {
		chosen = rules
		return nil
	})
	if _, err := look(t.Context(), frontend.Checked{Name: "Dockerfile", Dockerfile: []byte("FROM scratch\n")}); err != nil || len(chosen) < 50 {
		t.Errorf("%d rules (%v)", len(chosen), err)
	}
}

// TestFails marks what the configuration counts as a failure.
func TestFails(t *testing.T) {
	for config, want := range map[string]bool{"": true, "lint: {fail-on: error}": false, "lint: {fail-on: none}": false, "lint: {severity: {untagged-base: info}}": false} {
		found, err := check.Dockerfile(t.Context(), frontend.Checked{Name: "docker/Dockerfile", Dockerfile: []byte("FROM example\nUSER 1001\n"), ConfigName: "docker/.whittle.yaml", Config: []byte(config)})
		if err != nil {
			t.Fatal(err)
		}
		fails := slices.ContainsFunc(found, func(f frontend.Finding) bool { return f.Fails })
		if len(found) == 0 || fails != want {
			t.Errorf("%s: %+v", config, found)
		}
	}
}
