package dockerfile_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/sink/dockerfile"
)

var update = flag.Bool("update", false, "write the goldens anew")

func file(name string, mode fs.FileMode, reason string) image.Entry {
	return image.Entry{Path: name, Source: name, Type: image.File, Mode: mode, Built: mode, Size: 1, Reason: reason}
}

func dir(name string, mode fs.FileMode, uid int, reason string) image.Entry {
	return image.Entry{Path: name, Source: name, Type: image.Dir, Mode: mode, Built: 0o755, UID: uid, Reason: reason}
}

// service is a plan of everything that there is: libraries and licences of
// packages, a directory that is copied whole, accounts, directories of the user.
func service() *image.Plan {
	p := &image.Plan{}
	link := image.Entry{Path: "/lib64", Source: "/lib64", Type: image.Symlink, Mode: 0o777, Linkname: "usr/lib64", Reason: "PT_INTERP of /app/serve"}
	p.Entries = []image.Entry{
		dir("/app", 0o775, 65532, "WORKDIR"), file("/app/serve", 0o755, "ENTRYPOINT"),
		dir("/app/static", 0o755, 0, "holds /app/static/a.css"),
	}
	t := image.Subtree{Root: "/app/static", Mode: "a+rX", Exclude: []string{".git", "draft [1].md"}, Members: map[string]bool{}}
	for i := range 5 {
		e := file(fmt.Sprintf("/app/static/%d.css", i), 0o644, "the final stage put it there")
		t.Members[e.Path] = true
		p.Entries = append(p.Entries, e)
	}
	p.Layers = []image.Layer{{Subtrees: []image.Subtree{t}}}
	p.Entries = append(p.Entries,
		dir("/etc", 0o755, 0, "holds /etc/passwd"),
		image.Entry{Path: "/etc/passwd", Type: image.File, Mode: 0o644, Data: []byte("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"), Reason: "tells who the image's user is"},
		image.Entry{Path: "/etc/group", Type: image.File, Mode: 0o644, Data: []byte("root:x:0:\n"), Reason: "tells who the image's user is"},
		dir("/home", 0o755, 0, "holds /home/nonroot"),
		image.Entry{Path: "/home/nonroot", Type: image.Dir, Mode: 0o770, UID: 65532, Reason: "home of the user"},
		link,
		image.Entry{Path: "/tmp", Source: "/tmp", Type: image.Dir, Mode: fs.ModeSticky | 0o777, Built: fs.ModeSticky | 0o777, Reason: "/app/serve makes temporary files"},
	)
	for _, name := range []string{"/usr", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/share", "/usr/share/doc"} {
		p.Entries = append(p.Entries, dir(name, 0o755, 0, "holds files"))
	}
	p.Entries = append(p.Entries, file("/usr/lib64/ld-linux-x86-64.so.2", 0o755, "PT_INTERP of /app/serve"))
	for i := range 9 {
		p.Entries = append(p.Entries, file(fmt.Sprintf("/usr/lib/x86_64-linux-gnu/lib%d.so.6", i), 0o644, "DT_NEEDED of /app/serve"))
		p.Entries = append(p.Entries, dir(fmt.Sprintf("/usr/share/doc/lib%d", i), 0o755, 0, "holds a licence"), file(fmt.Sprintf("/usr/share/doc/lib%d/copyright", i), 0o644, fmt.Sprintf("licence of lib%d", i)))
	}
	p.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "MODE=production $x"}
	p.Config.Entrypoint, p.Config.User, p.Config.WorkingDir = []string{"/app/serve"}, "65532:65532", "/app"
	p.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	return p
}

// TestGolden writes a Dockerfile of everything, with heredocs and with files in
// the context, for the last stage and for another one.
func TestGolden(t *testing.T) {
	const user = "# syntax=docker/dockerfile:1.4\nFROM golang:1.26 AS build\nRUN go build -o /serve .\n\nFROM debian:12 # the base\nCOPY --from=build /serve /app/serve\n"
	const named = "# syntax=registry.example/whittle:1\nARG V=12\nFROM debian:${V} as App\nRUN make\nFROM app AS test\nRUN make test\n"
	for name, tc := range map[string]struct {
		source  dockerfile.Source
		options dockerfile.Options
	}{
		"heredocs": {dockerfile.Source{Text: []byte(strings.Replace(user, " # the base", "", 1))}, dockerfile.Options{Platform: "linux/amd64"}},
		"files":    {dockerfile.Source{Text: []byte(named), Target: "app"}, dockerfile.Options{Platform: "linux/amd64", Files: "minimal", Notes: []string{"The Go programs of line 3 are compiled as written."}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := dockerfile.New(service(), tc.source, tc.options)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".Dockerfile")
			if *update {
				if err := os.WriteFile(golden, r.Text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(r.Text)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if r.Added > 60 {
				t.Errorf("%d lines are added", r.Added)
			}
			parsed, err := parser.Parse(bytes.NewReader(r.Text))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{})); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLines keeps to its bound of lines, however many files there are.
func TestLines(t *testing.T) {
	p := &image.Plan{}
	for i := range 2000 {
		p.Entries = append(p.Entries, dir(fmt.Sprintf("/opt/%04d", i), 0o755, 0, "holds a file"), file(fmt.Sprintf("/opt/%04d/a-file-of-some-length", i), 0o644, "the final stage put it there"))
	}
	r, err := dockerfile.New(p, dockerfile.Source{Text: []byte("FROM debian:12\n")}, dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Added > 60 {
		t.Errorf("%d lines are added", r.Added)
	}
	for line := range strings.Lines(string(r.Text)) {
		if len(line) > 64<<10 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
}

// TestSource names stages and keeps the rest of the text as it is.
func TestSource(t *testing.T) {
	for from, want := range map[string]string{
		"FROM a\n":                                                 "FROM a AS built\n",
		"FROM a\r\nRUN b\r\n":                                      "FROM a AS built\r\nRUN b\r\n",
		"FROM a":                                                   "FROM a AS built",
		"FROM \\\n  # which\n  a  \nRUN b\n":                       "FROM \\\n  # which\n  a AS built  \nRUN b\n",
		"FROM a AS built\nFROM b\n":                                "FROM a AS built\nFROM b AS built-2\n",
		"FROM a AS Built\nFROM b\n":                                "FROM a AS Built\nFROM b AS built-2\n",
		"FROM a\nCOPY --from=built x /\n":                          "FROM a AS built-2\nCOPY --from=built x /\n",
		"FROM a AS x\nRUN <<E\nFROM b\nE\n":                        "FROM a AS x\nRUN <<E\nFROM b\nE\n",
		"# syntax=docker/dockerfile:1\nFROM a\n":                   "# syntax=docker/dockerfile:1\nFROM a AS built\n",
		"# syntax=docker/dockerfile:1.7-labs\nFROM a\n":            "# syntax=docker/dockerfile:1\nFROM a AS built\n",
		"# syntax=mirror:5000/docker/dockerfile:1.20\nFROM a\n":    "# syntax=mirror:5000/docker/dockerfile:1.20\nFROM a AS built\n",
		"# syntax=ghcr.io/x/whittle:1\n# check=skip=all\nFROM a\n": "# check=skip=all\nFROM a AS built\n",
	} {
		r, err := dockerfile.New(&image.Plan{}, dockerfile.Source{Text: []byte(from)}, dockerfile.Options{})
		if err != nil {
			t.Errorf("%q: %v", from, err)
			continue
		}
		if got, _, _ := strings.Cut(string(r.Text), "\n\n# From here on"); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%q became %q, want %q", from, got, want)
		}
	}
	if _, err := dockerfile.New(&image.Plan{}, dockerfile.Source{Text: []byte("nonsense")}, dockerfile.Options{}); err == nil {
		t.Error("it took nonsense")
	}
}

// TestUnwritable refuses what a Dockerfile cannot bring.
func TestUnwritable(t *testing.T) {
	for name, e := range map[string]image.Entry{
		"a name of two lines": file("/a\nb", 0o644, ""),
		"a name of bytes":     file("/a\xff", 0o644, ""),
		"a link of ours":      {Path: "/l", Type: image.Symlink, Linkname: "x"},
		"generated bytes":     {Path: "/b", Type: image.File, Mode: 0o644, Data: []byte{0, 1}},
		"no end of line":      {Path: "/b", Type: image.File, Mode: 0o644, Data: []byte("x")},
		"carriage returns":    {Path: "/b", Type: image.File, Mode: 0o644, Data: []byte("x\r\n")},
	} {
		_, err := dockerfile.New(&image.Plan{Entries: []image.Entry{e}}, dockerfile.Source{Text: []byte("FROM a\n")}, dockerfile.Options{})
		if _, ok := errors.AsType[*dockerfile.UnwritableError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSource gives it any text that a person may have in a Dockerfile: what is
// read comes out as a Dockerfile again.
func FuzzSource(f *testing.F) {
	for _, s := range []string{"FROM a\n", "# syntax=x\nFROM a AS b\nCOPY <<E /x\nFROM\nE\n", "# escape=`\nFROM a `\n b\n", "FROM a\r\n", "\ufeffFROM a\nRUN \\\n# c\n\n x"} {
		f.Add(s, "")
	}
	f.Add("FROM a as x\nFROM b", "x")
	f.Fuzz(func(t *testing.T, text, target string) {
		r, err := dockerfile.New(service(), dockerfile.Source{Text: []byte(text), Target: target}, dockerfile.Options{})
		if err != nil {
			return
		}
		parsed, err := parser.Parse(bytes.NewReader(r.Text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, r.Text)
		}
		if _, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{})); err != nil {
			t.Fatalf("%v in\n%s", err, r.Text)
		}
	})
}
