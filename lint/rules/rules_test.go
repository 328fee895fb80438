package rules_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/lint")

// TestArchives runs every archive in testdata/lint. An archive is named after
// its rule and holds cases: NAME is a Dockerfile, NAME.settings the settings as
// JSON where they are not the rule's own, NAME.want what is reported and
// NAME.fixed the text after every fix.
func TestArchives(t *testing.T) {
	for _, r := range rules.All() {
		t.Run(r.Name, func(t *testing.T) {
			path := filepath.Join("..", "..", "testdata", "lint", r.Name+".txtar")
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out := &txtar.Archive{Comment: ar.Comment}
			have := map[string][]byte{}
			for _, f := range ar.Files {
				have[f.Name] = f.Data
			}
			for _, f := range ar.Files {
				if strings.HasSuffix(f.Name, ".want") || strings.HasSuffix(f.Name, ".fixed") {
					continue
				}
				out.Files = append(out.Files, f)
				if strings.HasSuffix(f.Name, ".settings") {
					continue
				}
				settings := r.Settings
				if text, ok := have[f.Name+".settings"]; ok {
					settings = rule.Settings{}
					if err := json.Unmarshal(text, &settings); err != nil {
						t.Fatal(err)
					}
				}
				want, fixed := check(t, r, f.Name, f.Data, settings)
				for _, g := range []txtar.File{{Name: f.Name + ".want", Data: want}, {Name: f.Name + ".fixed", Data: fixed}} {
					if len(g.Data) == 0 {
						if have[g.Name] != nil && !*update {
							t.Errorf("%s: there is nothing any more", g.Name)
						}
						continue
					}
					out.Files = append(out.Files, g)
					if d := diff.Diff(g.Name, have[g.Name], "got", g.Data); d != nil && !*update {
						t.Errorf("%s", d)
					}
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// files is a build context.
type files []string

func (f files) Files() []string { return f }

func (f files) Ignored(string) bool { return false }

func (f files) Holds(string, string) (holds, known bool) { return false, false }

// known gives a rule that needs to know more than the file what it needs.
func known(r rule.Rule) lint.Options {
	opts := lint.Options{Rules: []rule.Rule{r}, Settings: r.Settings, Context: r.Context}
	switch r.Name {
	case "secret-in-context":
		opts.Context = files{".env", ".git/config", "certs/server.pem", "deploy/id_rsa", "deploy/prod/.env"}
	case "build-arg-typo":
		opts.Builds = []dockerfile.Build{{Args: map[string]string{"GOVERSION": "1.26", "TAG": "1", "NODE_VERSION": "22", "HTTPS_PROXY": "x"}}}
	case "base-platform":
		opts.Images = images{"arm64v8/debian:12": {Platforms: []string{"linux/arm64/v8"}}}
	}
	return opts
}

// check runs one rule over one file and holds it to what it declares.
func check(t *testing.T, r rule.Rule, name string, data []byte, settings rule.Settings) (want, fixed []byte) {
	t.Helper()
	opts := known(r)
	opts.Settings, opts.Unsafe = settings, true
	src := source.NewFile(name, data)
	diags, err := lint.Run(t.Context(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		if d.Span.Start < 0 || d.Span.End < d.Span.Start || d.Span.End > len(data) {
			t.Errorf("%s: span %v lies outside the file", name, d.Span)
		}
		if has := d.Fix != nil; r.Fixable == rule.Always && !has || r.Fixable == rule.Never && has {
			t.Errorf("%s: declared fixable %s, but a fix is present: %v", name, r.Fixable, has)
		}
	}
	var b strings.Builder
	if err := format.Text(&b, diags, format.Options{}); err != nil {
		t.Fatal(err)
	}
	out, left, err := lint.Fix(t.Context(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range left {
		if r.Fixable == rule.Always && d.Fix != nil && d.Fix.Safety != rule.Suggestion {
			t.Errorf("%s: left after fixing: %s", name, d.Message)
		}
	}
	if again, _, err := lint.Fix(t.Context(), out, opts); err != nil || again != out {
		t.Errorf("%s: fixing the fixed text changed it again (%v)", name, err)
	}
	if out == src {
		return []byte(b.String()), nil
	}
	return []byte(b.String()), out.Bytes
}

func TestExamples(t *testing.T) {
	for _, r := range rules.All() {
		for name, text := range map[string]string{"Bad": r.Bad, "Good": r.Good} {
			src := source.NewFile("Dockerfile", []byte(text))
			diags, err := lint.Run(t.Context(), src, known(r))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(diags) > 0, name == "Bad"; got != want {
				t.Errorf("%s: %s example reported: %v, want %v", r.Name, name, got, want)
			}
		}
	}
}

// TestAllIsComplete finds the rules by reading the source, so that one left
// out of All cannot go unnoticed.
func TestAllIsComplete(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{"rules": true}
	for _, r := range rules.All() {
		in[strings.ReplaceAll(r.Name, "-", "_")] = true
	}
	for _, name := range names {
		if base := strings.TrimSuffix(name, ".go"); !in[base] && !strings.HasSuffix(base, "_test") {
			t.Errorf("%s is not in All", name)
		}
	}
}

// shared are names of other tools that mean several rules of ours: they judge
// together what has reasons, fixes and presets of its own here.
var shared = []string{
	"CIS-DI-0001", "DS-0002", // a USER that is root, and none
	"CKV_DOCKER_7", "DKL-DI-0006", "DS-0001", // a base without a tag, and latest
	"CKV_DOCKER_10", "DL3000", "DS-0009", "6b376af8-cfe8-49ab-a08d-f32de23661a4", // the first relative WORKDIR, and later ones
	"DL3025", "b86987e1-6397-4619-81d5-8807f2387c79", "prefer-json-notation", // the shell form, behind SHELL, and of HEALTHCHECK
	"DS-0031",                        // a secret in a variable, and in a copied file
	"SecretsUsedInArgOrEnv",          // a secret, and an empty place for one
	"MultipleInstructionsDisallowed", // of CMD, ENTRYPOINT and HEALTHCHECK
}

// TestNames holds names and aliases apart: an ignore means one rule, unless the
// name is a shared one. All of those are shared.
func TestNames(t *testing.T) {
	seen := map[string][]string{}
	families := map[rule.Family]int{}
	for _, r := range rules.All() {
		families[r.Family]++
		for _, n := range append([]string{r.Name}, r.Aliases...) {
			seen[n] = append(seen[n], r.Name)
		}
	}
	for name, of := range seen {
		if many := len(of) > 1; many != slices.Contains(shared, name) {
			t.Errorf("%s names %v; it is among the shared names: %v", name, of, !many)
		}
		if slices.Contains(of, name) && len(of) > 1 {
			t.Errorf("%s is the name of a rule and another's alias", name)
		}
	}
	for _, f := range []rule.Family{rule.Root, rule.Secrets, rule.Fat, rule.Pins} {
		if families[f] < 4 {
			t.Errorf("%d rules about %s, want four or more", families[f], f)
		}
	}
}
