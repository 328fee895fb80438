package need_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// lines is a provider for files that list what they need, a line a file:
// KIND STRENGTH PATH. "broken" could not run, "unknown" has a runtime that is
// not known.
type lines struct{}

func (lines) Claims(v need.Visit) bool {
	return v.Need.Kind == need.Program || v.Need.Kind == need.Config
}

func (lines) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	text, err := tree.ReadFile(ctx, env.Tree, v.Path, 1<<20)
	if err != nil {
		return out, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && f[0] == "broken":
			return out, &image.RefusedError{Instruction: v.Need.Instruction, Message: v.Path + " is broken"}
		case len(f) == 1 && f[0] == "unknown":
			return out, &image.UnsupportedError{Instruction: v.Need.Instruction, Program: v.Path, Runtime: "x"}
		case len(f) == 2 && f[0] == "fact":
			out.Facts = append(out.Facts, need.Fact{Kind: need.Temp, Subject: f[1], Reason: v.Path})
		case len(f) == 3:
			kind := map[string]need.Kind{"program": need.Program, "config": need.Config, "data": need.Data, "named": need.Named}[f[0]]
			strength := map[string]need.Strength{"required": need.Required, "expected": need.Expected, "optional": need.Optional}[f[1]]
			out.Needs = append(out.Needs, need.Need{Kind: kind, Path: f[2], By: v.Path, Reason: "needed by " + v.Path, Strength: strength})
		}
	}
	return out, nil
}

func root(path string) need.Found {
	return need.Found{Needs: []need.Need{{Kind: need.Program, Path: path, By: "CMD", Reason: "CMD", Strength: need.Required, Instruction: "CMD"}}}
}

// files makes a tree of a text: "PATH: line; line" each.
func files(text string) *tree.Memory {
	t := &tree.Memory{}
	for line := range strings.Lines(text) {
		name, body, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		if target, ok := strings.CutPrefix(strings.TrimSpace(body), "->"); ok {
			t.Symlink(name, strings.TrimSpace(target))
			continue
		}
		t.File(name, 0o755, []byte("#!x\n"+strings.ReplaceAll(body, ";", "\n")))
	}
	return t
}

func TestClose(t *testing.T) {
	for _, tc := range []struct {
		name, tree string
		want       []string // paths, with what is not what a program's files are
		warns      []string
		err        string
	}{
		{"a circle", "/a: program required /b\n/b: program required /c\n/c: program required /a", []string{"/a", "/b", "/c"}, nil, ""},
		{"itself", "/a: program required /a", []string{"/a"}, nil, ""},
		{"links in a circle", "/a: config expected /l1; config optional /l2\n/l1: -> /l2\n/l2: -> /l1", []string{"/a"}, nil, ""},
		{"a link on the way", "/a: config required /lib/x\n/lib: -> usr/lib\n/usr/lib/x:", []string{"/a", "/lib", "/usr/lib/x"}, nil, ""},
		{"required and not there", "/a: config required /x", nil, nil, "CMD: /x is not in the built image"},
		{"expected and not there", "/a: config expected /x", []string{"/a"}, nil, ""},
		{"required by what is expected", "/a: program expected /b\n/b: program required /x", []string{"/a", "/b"}, []string{"/x, needed by /b, could not run: /x is not in the built image"}, ""},
		{"broken, expected and required", "/a: program expected /b; program required /c\n/b: broken\n/c: program required /b", nil, nil, "/b is broken"},
		{"broken and expected alone", "/a: program expected /b\n/b: broken", []string{"/a", "/b"}, []string{"could not run: /b is broken"}, ""},
		{"unknown before refused", "/a: config required /x; program expected /b\n/b: unknown", nil, nil, "/b runs on x"},
		{"unknown and optional", "/a: program optional /b\n/b: unknown", []string{"/a", "/b"}, []string{"/b runs on x"}, ""},
		{"account files are written anew", "/a: named expected /etc/passwd\n/etc/passwd:", []string{"/a"}, nil, ""},
		{"what a runtime mounts", "/a: named expected /proc\n/proc/x:", []string{"/a"}, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var first *need.Set
			for seed := range uint64(20) {
				r := rand.New(rand.NewPCG(seed, 1))
				s, err := need.Close(t.Context(), &need.Env{Tree: files(tc.tree), Next: r.IntN}, root("/a"), []need.Provider{lines{}})
				if tc.err != "" {
					if err == nil || !strings.Contains(err.Error(), tc.err) {
						t.Fatalf("error %v, want %q", err, tc.err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, f := range s.Files() {
					got = append(got, f.Path)
				}
				if d := cmp.Diff(tc.want, got); d != "" {
					t.Fatalf("(-want +got)\n%s", d)
				}
				for _, w := range tc.warns {
					if !slices.ContainsFunc(s.Warnings, func(x image.Warning) bool { return strings.Contains(x.Message, w) }) {
						t.Fatalf("no warning says %q: %v", w, s.Warnings)
					}
				}
				if first == nil {
					first = s
				}
				if d := cmp.Diff(fmt.Sprint(first.Warnings, first.Facts, shown(first)), fmt.Sprint(s.Warnings, s.Facts, shown(s))); d != "" {
					t.Fatalf("another order, another set\n%s", d)
				}
			}
		})
	}
}

func shown(s *need.Set) string {
	var b strings.Builder
	for _, f := range s.Files() {
		fmt.Fprintf(&b, "%s %s %v %v %v\n", f.Path, f.Reason, f.Program, f.Droppable, f.Instructions)
	}
	return b.String()
}

// TestExclude keeps needs out of the closure with what they alone need, and
// refuses to keep out what the start needs.
func TestExclude(t *testing.T) {
	text := "/a: program expected /tool; program required /must\n/tool: config required /tool.conf\n/tool.conf:\n/must:"
	env := func(out string) *need.Env {
		return &need.Env{Tree: files(text), Admit: func(_ context.Context, v need.Visit) (need.Verdict, error) {
			if v.Path == out {
				return need.Verdict{Left: "exclude: " + out, Exclude: out}, nil
			}
			return need.Verdict{}, nil
		}}
	}
	s, err := need.Close(t.Context(), env("/tool"), root("/a"), []need.Provider{lines{}})
	if err != nil {
		t.Fatal(err)
	}
	if s.File("/tool") != nil || s.File("/tool.conf") != nil || s.File("/must") == nil {
		t.Errorf("files %s", shown(s))
	}
	if len(s.Left) != 1 || s.Left[0].Path != "/tool" || !s.Matched["/tool"] {
		t.Errorf("left %+v, matched %v", s.Left, s.Matched)
	}
	_, err = need.Close(t.Context(), env("/must"), root("/a"), []need.Provider{lines{}})
	if !errors.As(err, new(*image.RefusedError)) || !strings.Contains(err.Error(), "exclude: /must takes out /must, which /a cannot start without") {
		t.Errorf("error %v", err)
	}
}

// TestExcludeOfWhatMayStart takes out what a program needs that may never be
// started: it stays behind, and everyone who misses it is named, whoever comes
// first.
func TestExcludeOfWhatMayStart(t *testing.T) {
	text := "/a: program expected /tool; program optional /other\n/tool: data required /lib\n/other: data required /lib; data expected /nice\n/lib:\n/nice:"
	want := []string{
		"exclude: /lib takes out /lib, which /other cannot start without: needed by /other",
		"exclude: /lib takes out /lib, which /tool cannot start without: needed by /tool",
	}
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, err := need.Close(t.Context(), &need.Env{Tree: files(text), Next: r.IntN, Admit: func(_ context.Context, v need.Visit) (need.Verdict, error) {
			if v.Path == "/lib" || v.Path == "/nice" {
				return need.Verdict{Left: "exclude: " + v.Path, Exclude: v.Path}, nil
			}
			return need.Verdict{}, nil
		}}, root("/a"), []need.Provider{lines{}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range s.Warnings {
			got = append(got, w.Message)
		}
		if d := cmp.Diff(want, got); d != "" || s.File("/lib") != nil || len(s.Left) != 2 {
			t.Errorf("left %+v, warnings (-want +got)\n%s", s.Left, d)
		}
	}
}

// TestTooMuch gives up on what cannot be looked at within the limits, whatever
// the order: nothing is cut off in silence, even where a provider goes on
// without what it could not read.
func TestTooMuch(t *testing.T) {
	text := "/a: program optional /b; program optional /c\n/b: data required /d\n/c:\n/d:"
	deep := "/a:\n"
	for _, tc := range []struct {
		name, tree string
		roots      need.Found
		max        int64
		want       string
	}{
		{"enough", text, root("/a"), 4096, ""},
		{"bytes", text, root("/a"), 60, "more than 60 B would have to be read"},
		{"rounds", deep, ladder(150), 0, "in more than 100 steps"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, 1))
				x := files(tc.tree)
				for i := range 150 {
					x.Symlink(fmt.Sprintf("/l/%d/link", i), fmt.Sprintf("/l/%d", i+1))
				}
				x.File("/l/150/file", 0o644, nil)
				_, err := need.Close(t.Context(), &need.Env{Tree: x, Next: r.IntN, MaxRead: tc.max}, tc.roots, []need.Provider{lenient{}})
				u, ok := errors.AsType[*image.UnsupportedError](err)
				if tc.want == "" && err != nil || tc.want != "" && (!ok || !strings.Contains(u.Error(), tc.want)) {
					t.Fatalf("error %v, want %q", err, tc.want)
				}
			}
		})
	}
}

// ladder asks for n links, each to the directory that the next one lies in: a
// link is kept once there is something in that directory.
func ladder(n int) need.Found {
	out := need.Found{Needs: []need.Need{{Kind: need.Data, Path: fmt.Sprintf("/l/%d/file", n), By: "x", Reason: "x"}}}
	for i := range n {
		out.Needs = append(out.Needs, need.Need{Kind: need.KeptLink, Path: fmt.Sprintf("/l/%d/link", i), By: "x", Reason: "x"})
	}
	return out
}

// lenient is lines, but for files that it cannot read, which need nothing.
type lenient struct{ lines }

func (l lenient) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	f, err := l.lines.Needs(ctx, env, v)
	if err != nil && !errors.As(err, new(*image.RefusedError)) {
		return need.Found{}, nil
	}
	return f, err
}

// again is a launcher that never settles.
type again struct{}

func (again) Resolve(_ context.Context, _ *need.Env, c need.Command) (need.Step, bool, error) {
	return need.Step{Next: c}, true, nil
}

func TestLaunchSettles(t *testing.T) {
	argv := make([]string, 100_000)
	for i := range argv {
		argv[i] = "word"
	}
	_, err := need.Launch(t.Context(), &need.Env{Tree: &tree.Memory{}}, need.Command{Argv: argv, Instruction: "CMD"}, []need.Launcher{again{}})
	if !errors.As(err, new(*image.RefusedError)) || !strings.Contains(err.Error(), "does not settle") || len(err.Error()) > 400 {
		t.Errorf("error %v", err)
	}
}

// packaged is a provider of a package whose files all bring its data.
type packaged struct{ data *need.Bundle }

func (packaged) Claims(v need.Visit) bool { return v.Need.Kind == need.Config }

func (p packaged) Needs(context.Context, *need.Env, need.Visit) (need.Found, error) {
	return need.Found{Bundles: []*need.Bundle{p.data}}, nil
}

// TestBundle closes a package of 3,000 files, each of which brings all of them:
// asked for once a file, they would be more than may be looked at. How surely
// something is needed is told apart all the same.
func TestBundle(t *testing.T) {
	const files = 3000
	x := &tree.Memory{}
	data := &need.Bundle{Facts: []need.Fact{{Kind: need.Temp, Reason: "data"}}}
	var roots need.Found
	for i := range files {
		name := fmt.Sprintf("/data/%d", i)
		x.File(name, 0o644, []byte("x"))
		strength := []need.Strength{need.Optional, need.Expected}[i%2]
		data.Needs = append(data.Needs, need.Need{Kind: need.Config, Path: name, By: "package", Reason: "data", Strength: need.Expected})
		roots.Needs = append(roots.Needs, need.Need{Kind: need.Config, Path: name, By: "CMD", Reason: "CMD", Strength: strength, Instruction: "CMD"})
	}
	missing := need.Need{Kind: need.Config, Path: "/more", By: "package", Reason: "data", Strength: need.Expected}
	data.Needs = append(data.Needs, missing)
	x.File(missing.Path, 0o644, []byte("x"))
	set, err := need.Close(t.Context(), &need.Env{Tree: x}, roots, []need.Provider{packaged{data}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Files()); n != files+1 {
		t.Errorf("%d files, want %d", n, files+1)
	}
	if set.File(missing.Path) == nil || len(set.Facts) != 1 {
		t.Errorf("the file of the bundle is %v, the facts are %v", set.File(missing.Path), set.Facts)
	}
}
