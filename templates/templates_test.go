package templates_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/templates"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/projects")

// A testProject is an archive below testdata/projects: the files of a project, and
// below want/ what is made of it: Dockerfile and said, or error.
type testProject struct {
	name string
	ar   *txtar.Archive
	fsys fstest.MapFS
}

func projects(t testing.TB) (out []testProject) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "projects", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no projects: %v", err)
	}
	for _, f := range files {
		ar, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := testProject{f, ar, fstest.MapFS{}}
		for _, x := range ar.Files {
			if !strings.HasPrefix(x.Name, "want/") {
				p.fsys[x.Name] = &fstest.MapFile{Data: x.Data, Mode: 0o644}
			}
		}
		out = append(out, p)
	}
	return out
}

// made is what a project makes, as the archive holds it.
func made(p *templates.Project, err error) (out []txtar.File) {
	if e, ok := errors.AsType[*templates.Error](err); ok {
		return []txtar.File{{Name: "want/error", Data: fmt.Appendf(nil, "%s\nhint: %s\n", err, e.Hint)}}
	}
	if err != nil {
		return []txtar.File{{Name: "want/error", Data: fmt.Appendf(nil, "unexpected: %v\n", err)}}
	}
	var said strings.Builder
	for _, e := range p.Evidence {
		fmt.Fprintf(&said, "%s: %s (%s)\n", e.What, e.Value, e.Why)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&said, "warning: %s\n", w)
	}
	return []txtar.File{{Name: "want/said", Data: []byte(said.String())}, {Name: "want/Dockerfile", Data: p.Dockerfile}}
}

func TestProjects(t *testing.T) {
	for _, tc := range projects(t) {
		t.Run(strings.TrimSuffix(filepath.Base(tc.name), ".txtar"), func(t *testing.T) {
			p, err := templates.For(tc.fsys, templates.Options{})
			got := made(p, err)
			out := &txtar.Archive{Comment: tc.ar.Comment}
			want := map[string][]byte{}
			for _, f := range tc.ar.Files {
				if strings.HasPrefix(f.Name, "want/") {
					want[f.Name] = f.Data
				} else {
					out.Files = append(out.Files, f)
				}
			}
			out.Files = append(out.Files, got...)
			if *update {
				if err := os.WriteFile(tc.name, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(want) != len(got) {
				t.Errorf("%d files are wanted, %d made", len(want), len(got))
			}
			for _, f := range got {
				if d := diff.Diff("want", want[f.Name], "got", f.Data); d != nil {
					t.Errorf("%s", d)
				}
			}
		})
	}
}

// digest is what pins an image in a test.
const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var (
	from       = regexp.MustCompile(`(?m)^(FROM (?:--platform=\S+ )?)(\S+)`)
	copiedFrom = regexp.MustCompile(`(--from=)(\S+/\S+)`)
)

// pinned writes digests behind all images, as whittle pin does.
func pinned(text []byte) []byte {
	text = from.ReplaceAllFunc(text, func(m []byte) []byte {
		if bytes.HasSuffix(m, []byte("scratch")) {
			return m
		}
		return append(bytes.Clone(m), digest...)
	})
	return copiedFrom.ReplaceAll(text, []byte("${1}${2}"+digest))
}

// TestLint holds every Dockerfile that a template writes to all rules, those of
// BuildKit included: as written, what they ask for is digests; with digests,
// nothing.
func TestLint(t *testing.T) {
	run, err := setup.For(rules.All(), config.Config{}, config.Layer{Preset: "strict"})
	if err != nil {
		t.Fatal(err)
	}
	linted := map[string]bool{}
	for _, tc := range projects(t) {
		p, err := templates.For(tc.fsys, templates.Options{})
		if err != nil {
			continue
		}
		linted[p.Template] = true
		for text, allowed := range map[string][]string{string(p.Dockerfile): {"base-without-digest", "image-without-digest"}, string(pinned(p.Dockerfile)): nil} {
			opts := run.Options
			opts.Checkers = []lint.Checker{&buildkit.Checker{}}
			found, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(text)), opts)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				if !slices.Contains(allowed, d.Rule.Name) && !slices.Contains(accepted[p.Template], d.Rule.Name) {
					t.Errorf("%s: %s: %s\n%s", tc.name, d.Rule.Name, d.Message, text)
				}
			}
		}
	}
	for _, name := range templates.Names() {
		if !linted[name] {
			t.Errorf("no project has a Dockerfile of the template %s", name)
		}
	}
}

// accepted are the rules that a template does not follow. A version of a package
// of Debian is taken out of Debian's archive as soon as there is a newer one, so a
// Dockerfile that names it would not build for long. PHP's server and extensions
// live in an image with compilers, and there is no other.
var accepted = map[string][]string{
	"rust":   {"unpinned-apt"},
	"python": {"unpinned-apt"},
	"ruby":   {"unpinned-apt"},
	"php":    {"unpinned-apt", "fat-base", "build-tools-left"},
}

// TestOne holds that no two templates claim one project: where one writes a
// Dockerfile, it is the only one that would without being asked to.
func TestOne(t *testing.T) {
	for _, tc := range projects(t) {
		p, err := templates.For(tc.fsys, templates.Options{})
		if err != nil {
			continue
		}
		for _, name := range templates.Names() {
			q, err := templates.For(tc.fsys, templates.Options{Template: name})
			if err != nil || name == p.Template {
				continue
			}
			if !slices.ContainsFunc(p.Evidence, func(e templates.Evidence) bool { return e.What == "passed over" }) {
				t.Errorf("%s is %s's and %s's, too:\n%s", tc.name, p.Template, name, q.Dockerfile)
			}
		}
	}
}

// TestAsked holds what a user says to it.
func TestAsked(t *testing.T) {
	find := func(name string) testProject {
		for _, p := range projects(t) {
			if strings.HasSuffix(p.name, "/"+name+".txtar") {
				return p
			}
		}
		t.Fatalf("no project %s", name)
		return testProject{}
	}
	for _, tc := range []struct {
		project string
		options templates.Options
		want    string // in the Dockerfile or in the error
	}{
		{"two-languages", templates.Options{Template: "python", Start: "flask run"}, `CMD ["flask", "run"]`},
		{"two-languages", templates.Options{Template: "node"}, `CMD ["node", "x.js"]`},
		{"two-languages", templates.Options{Template: "ruby"}, "the template ruby finds nothing here that is its own: Gemfile"},
		{"two-languages", templates.Options{Template: "cobol"}, `there is no template "cobol"`},
		{"go-two-commands", templates.Options{Start: "worker"}, " ./cmd/worker\n"},
		{"go-two-commands", templates.Options{Start: "./cmd/api"}, " ./cmd/api\n"},
		{"go-two-commands", templates.Options{Start: "cmd"}, "--start cmd is no package main"},
		{"rust-two-binaries", templates.Options{Start: "worker"}, "--bin worker"},
		{"rust-two-binaries", templates.Options{Start: "other"}, "--start other is no binary"},
		{"python-two-apps", templates.Options{Start: `gunicorn "two:app"`}, `CMD ["gunicorn", "two:app"]`},
		{"python-nothing-starts", templates.Options{Start: "echo $HOME"}, `--start "echo $HOME" needs a shell`},
		{"node-nothing-starts", templates.Options{Start: "node worker.js"}, `CMD ["node", "worker.js"]`},
		{"static-plain", templates.Options{Start: "x"}, "--start has no meaning"},
		{"php-web", templates.Options{Start: "php bin/console work"}, "FROM php:8.3-cli\n"},
	} {
		p, err := templates.For(find(tc.project).fsys, tc.options)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = string(p.Dockerfile)
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s with %+v:\n%s\nwant %q", tc.project, tc.options, got, tc.want)
		}
	}
}

// FuzzFor reads projects of any content: no file makes it panic, and no name or
// version brings an instruction of its own into a Dockerfile.
func FuzzFor(f *testing.F) {
	for _, tc := range projects(f) {
		f.Add(txtar.Format(tc.ar))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{}
		for _, x := range txtar.Parse(data).Files {
			if fs.ValidPath(x.Name) && !strings.HasPrefix(x.Name, "want/") {
				fsys[x.Name] = &fstest.MapFile{Data: x.Data, Mode: 0o644}
			}
		}
		p, err := templates.For(fsys, templates.Options{})
		if err != nil {
			return
		}
		file, err := dockerfile.Parse(source.NewFile("Dockerfile", p.Dockerfile))
		if err != nil {
			t.Fatalf("%v\n%s", err, p.Dockerfile)
		}
		var got []string
		for _, in := range file.Instructions {
			got = append(got, in.Keyword)
		}
		texts, err := filepath.Glob(filepath.Join(p.Template, "*.Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(texts, func(name string) bool { return within(got, keywords(t, name)) }) {
			t.Fatalf("there are instructions that no text has: %q\n%s", got, p.Dockerfile)
		}
	})
}

var keyword = regexp.MustCompile(`(?m)^(?:\{\{[^}]*\}\})?([A-Z]+) `)

// keywords lists the instructions of a text.
func keywords(t *testing.T, name string) (out []string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range keyword.FindAllSubmatch(data, -1) {
		out = append(out, strings.ToLower(string(m[1])))
	}
	return out
}

// within reports whether a list is another one with some left out.
func within(short, long []string) bool {
	for _, s := range long {
		if len(short) > 0 && short[0] == s {
			short = short[1:]
		}
	}
	return len(short) == 0
}
