package decide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A grower makes trees and configurations of bytes: few names, so that files,
// links and scripts meet.
type grower struct{ bytes []byte }

func (g *grower) next(n int) int {
	if len(g.bytes) == 0 {
		return 0
	}
	b := g.bytes[0]
	g.bytes = g.bytes[1:]
	return int(b) % n
}

func pick[T any](g *grower, from ...T) T { return from[g.next(len(from))] }

func (g *grower) path() string {
	dir := pick(g, "/", "/srv", "/srv/a", "/srv/a/b", "/usr/bin", "/usr/lib", "/usr/local/lib/plugins", "/opt/p", "/opt/p/lib", "/etc", "/var/run", "/home/u", "/link")
	return path.Join(dir, pick(g, "a", "b", "run.sh", "sh", "tini", "libx.so", "link", "a", "\xff\xfe", "id_rsa", ".env", "x y"))
}

func (g *grower) mode() fs.FileMode {
	m := pick[fs.FileMode](g, 0o644, 0o755, 0o600, 0o700, 0o777, 0o666, 0o640, 0o750, 0, 0o111, 0o220)
	return m | pick[fs.FileMode](g, 0, 0, 0, fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky, fs.ModeSetuid|fs.ModeSetgid)
}

func (g *grower) script() []byte {
	text := pick(g, "#!/bin/sh\n", "#!/usr/bin/env sh\n", "#! /srv/a/run.sh\n", "", "#!/bin/sh -e\n")
	for range g.next(4) {
		text += pick(g, `exec "$@"`, `. /srv/a/a`, `/srv/a/run.sh "$@"`, `exec tini -- "$0" "$@"`, `for f in /srv/a/*; do "$f"; done`, `sh -c 'a | b'`, `if`, `cat /etc/a`, `run.sh`) + "\n"
	}
	return []byte(text)
}

// add adds one file to a tree.
func (g *grower) add(t *tree.Memory) {
	name := g.path()
	e := tree.Entry{Mode: g.mode(), UID: pick(g, 0, 0, 33, 1000, 65532), GID: pick(g, 0, 0, 33, 44, 1000)}
	t.Remove(name)
	switch g.next(9) {
	case 0, 1:
		t.Add(name, e, g.script())
	case 2:
		t.Add(name, e, elftest.File{}.Bytes())
	case 3:
		t.Add(name, e, elftest.File{Interp: pick(g, "/lib64/ld-linux-x86-64.so.2", "/srv/a/link"), Needed: []string{pick(g, "libx.so", "libgone.so")}}.Bytes())
	case 4:
		t.Add(name, e, elftest.File{Library: true, SoName: "libx.so", Needed: []string{pick(g, "libx.so", "liby.so")}}.Bytes())
	case 5:
		e.Mode |= fs.ModeDir
		t.Add(name, e, nil)
	case 6:
		target := pick(g, g.path(), "../"+path.Base(name), ".", "..", "/", path.Base(name), "a/../../../b", "/dev/stdout")
		t.Add(name, tree.Entry{Mode: fs.ModeSymlink | 0o777, Linkname: target, UID: e.UID}, nil)
	case 7:
		t.Link(name, g.path())
	default:
		e.Mode |= pick(g, fs.ModeNamedPipe, fs.ModeSocket, fs.ModeDevice, fs.ModeDevice|fs.ModeCharDevice)
		t.Add(name, e, nil)
	}
}

func (g *grower) argv() []string {
	var out []string
	for range g.next(4) {
		out = append(out, pick(g, g.path(), "run.sh", "sh", "tini", "--", "-c", `exec "$@"`, "a | b", "a", "env", "--config="+g.path(), ""))
	}
	return out
}

// input is a stage: a base image, what was changed in it, what it starts.
func (g *grower) input() Input {
	base, built := &tree.Memory{}, &tree.Memory{}
	start := func(t *tree.Memory) {
		t.File("/usr/bin/sh", 0o755, elftest.File{}.Bytes())
		t.File("/usr/bin/tini", 0o755, elftest.File{}.Bytes())
		t.File("/lib64/ld-linux-x86-64.so.2", 0o755, elftest.File{Library: true}.Bytes())
		t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n"))
		t.Symlink("/bin", "usr/bin")
	}
	n := g.next(6)
	first := slices.Clone(g.bytes)
	for _, t := range []*tree.Memory{base, built} { // the same in both
		g.bytes = slices.Clone(first)
		start(t)
		for range n {
			g.add(t)
		}
	}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	for range g.next(16) {
		g.add(built)
	}
	in := Input{Tree: built, Changed: &tree.Difference{Base: base, Final: built}, Base: base}
	in.Config.Entrypoint, in.Config.Cmd = g.argv(), g.argv()
	if len(in.Config.Entrypoint)+len(in.Config.Cmd) == 0 {
		in.Config.Cmd = []string{"/app"}
	}
	in.Config.User, in.Config.WorkingDir = pick(g, "", "u", "33:44", "1000", "0"), pick(g, "", "/srv/a", "/opt/p", "srv")
	in.Config.Env = []string{"PATH=" + pick(g, "/usr/bin:/bin", "/srv/a:/usr/bin", "/link:.:/usr/bin", ""), "X=" + g.path(), "LD_LIBRARY_PATH=" + pick(g, "", "/opt/p/lib")}
	if g.next(2) > 0 {
		in.Config.Healthcheck = &dockerspec.HealthcheckConfig{Test: append([]string{pick(g, "CMD", "CMD-SHELL", "NONE")}, g.argv()...)}
	}
	in.Options = Options{User: pick(g, "", "", "keep", "1000"), NoShell: g.next(4) == 1}
	for range g.next(3) {
		in.Options.Include = append(in.Options.Include, g.path())
	}
	for range g.next(3) {
		in.Options.Exclude = append(in.Options.Exclude, g.path())
	}
	if g.next(2) > 0 {
		in.Options.Writable = []string{path.Dir(g.path())}
		in.Options.Commands = [][]string{append(g.argv(), "/app")}
	}
	return in
}

// phase is what one run of the phases has at hand.
type phase struct {
	in    Input
	db    *packages.DB
	dist  *distribution.Provider
	gate  *gate
	env   *need.Env
	known []runtime
}

func newPhase(t *testing.T, in Input) phase {
	t.Helper()
	g, err := newGate(in.Tree, in.Options.Exclude)
	if err != nil {
		t.Skip(err) // a pattern that is no glob is refused before any phase
	}
	db := Packages(in.Tree)
	var base *packages.DB
	if in.Base != nil {
		base = Packages(in.Base)
	}
	dist := distribution.New(db, base, true, false)
	return phase{in, db, dist, g, &need.Env{Tree: in.Tree, Vars: in.Config.Env, Dir: in.Config.WorkingDir, Admit: g.admit, NoShell: in.Options.NoShell}, runtimes(db, dist, elf.NewFiles(), true, false)}
}

// judged fails for errors that are no answer.
func judged(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.As(err, new(*image.RefusedError)) && !errors.As(err, new(*image.UnsupportedError)) {
		t.Errorf("error %v of type %T", err, err)
	}
}

func seeds(f *testing.F) {
	f.Helper()
	f.Add([]byte{})
	for n := range 12 {
		b := make([]byte, 160)
		for i := range b {
			b[i] = byte((i*i*7 + i*n*13 + n*91) % 251)
		}
		f.Add(b)
	}
}

// FuzzLaunch launches hostile command lines: what is found names what starts,
// with a reason, and a command line that is written anew is reported.
func FuzzLaunch(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := (&grower{data}).input()
		var first launched
		for round := range 2 {
			p := newPhase(t, in)
			got, err := launch(t.Context(), p.env, in, launchers(p.known))
			if err != nil {
				judged(t, err)
				return
			}
			if round == 0 {
				first = got
			}
			if !reflect.DeepEqual(got, first) {
				t.Fatalf("launched again:\n%+v\n%+v", first, got)
			}
		}
		for _, n := range first.found.Needs {
			if !path.IsAbs(n.Path) || n.Reason == "" || n.Instruction == "" && n.By != "pack" {
				t.Errorf("need %+v", n)
			}
			if _, err := tree.Resolve(t.Context(), in.Tree, n.Path); err != nil && n.Strength == need.Required {
				t.Errorf("%s is required and was not looked up: %v", n.Path, err)
			}
		}
		for _, m := range first.mains {
			if res, err := tree.Resolve(t.Context(), in.Tree, m); err != nil || res.Path != m || !res.Entry.IsRegular() {
				t.Errorf("the program %s: %+v, %v", m, res, err)
			}
		}
		for _, x := range []struct {
			name     string
			old, new []string
		}{{"ENTRYPOINT", in.Config.Entrypoint, first.config.Entrypoint}, {"CMD", in.Config.Cmd, first.config.Cmd}} {
			reported := slices.ContainsFunc(first.changes, func(c image.Change) bool { return c.Kind == "command" && (c.Name == x.name || c.Name == "ENTRYPOINT") })
			if !slices.Equal(x.old, x.new) && !reported {
				t.Errorf("%s %q became %q: %+v", x.name, x.old, x.new, first.changes)
			}
		}
	})
}

// FuzzClose closes hostile trees: files are what the tree has at real paths,
// what exclude: names stays out, links lead to what is in the set or are
// reported, and the order of the work does not matter.
func FuzzClose(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := (&grower{data}).input()
		var first *need.Set
		for round := range 3 {
			p := newPhase(t, in)
			p.env.Next = func(n int) int { return (n - 1) * round / 2 }
			l, err := launch(t.Context(), p.env, in, launchers(p.known))
			if err != nil {
				judged(t, err)
				return
			}
			k, err := keep(t.Context(), p.env, in, p.db, p.dist, p.gate, l.mains, nil)
			if err != nil {
				judged(t, err)
				return
			}
			s, err := closure(t.Context(), p.env, l, k, providers(p.known))
			judged(t, err)
			switch {
			case round == 0:
				first = s
			case (s == nil) != (first == nil):
				t.Fatalf("another order, another answer: %v", err)
			case s != nil && closed(s) != closed(first):
				t.Fatalf("another order, another set:\n%s\n%s", closed(first), closed(s))
			}
		}
		if first == nil {
			return
		}
		closedWell(t, in, first)
		if p, err := Decide(t.Context(), in); err == nil {
			linked(t, in, p)
		}
	})
}

func closed(s *need.Set) string {
	var b strings.Builder
	for _, f := range s.Files() {
		fmt.Fprintf(&b, "%+v\n", *f)
	}
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\n%+v\n%+v", s.Facts, s.Shells, s.Components, s.Warnings, s.Left)
	return b.String()
}

func closedWell(t *testing.T, in Input, s *need.Set) {
	t.Helper()
	for _, x := range s.Files() {
		e, err := in.Tree.Lstat(t.Context(), x.Path)
		if err != nil || !reflect.DeepEqual(e, x.Entry) || x.Reason == "" || path.Clean(x.Path) != x.Path {
			t.Errorf("%+v is %+v in the tree, %v", x, e, err)
		}
		if !e.IsDir() && !e.IsRegular() && !e.IsSymlink() {
			t.Errorf("%s is %s", x.Path, e.Mode)
		}
		for dir := path.Dir(x.Path); dir != "/"; dir = path.Dir(dir) {
			if d, err := in.Tree.Lstat(t.Context(), dir); err != nil || !d.IsDir() || !s.Holds(dir) {
				t.Errorf("%s lies in %s, which is %s, %v", x.Path, dir, d.Mode, err)
			}
		}
		if pattern := excluded(in.Options.Exclude, x.Path); pattern != "" {
			t.Errorf("%s is in the set and excluded by %s", x.Path, pattern)
		}
	}
}

// linked fails for links of a plan that lead to what the built image has and
// the plan neither has nor tells of.
func linked(t *testing.T, in Input, p *image.Plan) {
	t.Helper()
	for _, e := range p.Entries {
		if e.Type != image.Symlink || e.Source == "" {
			continue
		}
		res, err := tree.Resolve(t.Context(), in.Tree, e.Path)
		if err != nil || res.Path == "/" || slices.ContainsFunc(need.Mounted, func(m string) bool { return need.Below(res.Path, m) }) {
			continue
		}
		_, has := p.Find(res.Path)
		told := slices.ContainsFunc(p.Left, func(l image.Left) bool { return need.Below(res.Path, l.Path) })
		if !has && !told {
			t.Errorf("%s leads to %s, which is not in the image", e.Path, res.Path)
		}
		for _, l := range res.Links {
			if _, ok := p.Find(l); !ok && has {
				t.Errorf("%s leads through %s, which is not in the image", e.Path, l)
			}
		}
	}
}

// FuzzOwn gives hostile files their owners: everything has its parents, nobody
// starts a program as somebody else, what only its owner could use stays so,
// and whittle makes nothing writable where code is looked for.
func FuzzOwn(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &grower{data}
		in := g.input()
		given := slices.Clone(g.bytes)
		var first *drafts
		var user identity
		for round := range 2 {
			g.bytes = slices.Clone(given)
			p := newPhase(t, in)
			set, err := need.Close(t.Context(), p.env, need.Found{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			who, err := identify(t.Context(), in, set)
			if err != nil {
				judged(t, err)
				return
			}
			files, empty := fromSet(set), map[string]bool{}
			err = tree.Walk(t.Context(), in.Tree, "/", func(name string, e tree.Entry) error {
				if name == "/" || special(e) || g.next(3) == 2 {
					return nil
				}
				d := fromTree(name, e, "test")
				d.program, d.library = e.IsRegular() && g.next(4) == 1, e.IsRegular() && g.next(4) == 1
				if e.IsDir() {
					d.role, d.asked = pick(g, ordinary, ordinary, userOwned, userTree), g.next(5) == 1
					if _, err := emptyDir(t.Context(), in.Tree, name, empty); err != nil {
						return err
					}
				}
				files.put(d)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := own(t.Context(), p.env, in, files, ownership{who.user, pick(g, "", "/home/u"), set, kept{empty: empty}, p.gate}); err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				first, user = files, who.user
			}
			if got, want := shown(files), shown(first); got != want {
				t.Fatalf("owned again:\n%s\n%s", want, got)
			}
		}
		ownedWell(t, in, user, first)
	})
}

func shown(files *drafts) string {
	var b strings.Builder
	for _, d := range files.entries() {
		fmt.Fprintf(&b, "%+v %s %s\n", d.Entry, d.why, d.modeWhy)
	}
	return b.String()
}

func ownedWell(t *testing.T, in Input, user identity, files *drafts) {
	t.Helper()
	search, err := searchPaths(context.Background(), &need.Env{Tree: in.Tree, Vars: in.Config.Env, Dir: in.Config.WorkingDir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range files.entries() {
		if i > 0 && files.entries()[i-1].Path >= d.Path {
			t.Errorf("%s is not in order", d.Path)
		}
		if dir := path.Dir(d.Path); dir != "/" && (files.find(dir) == nil || files.find(dir).Type != image.Dir) {
			t.Errorf("%s lies in %+v", d.Path, files.find(dir))
		}
		if d.Mode&fs.ModeSetuid != 0 && (d.source.Mode&fs.ModeSetuid == 0 || d.UID != d.source.UID) || d.Mode&fs.ModeSetgid != 0 && (d.source.Mode&fs.ModeSetgid == 0 || d.GID != d.source.GID) {
			t.Errorf("%s is %s %d:%d, its source %s %d:%d", d.Path, d.Mode, d.UID, d.GID, d.source.Mode, d.source.UID, d.source.GID)
		}
		code := d.program || d.library
		if d.Type == image.File && ownersOnly(d.source.Mode) && !code && d.Mode&0o077 != 0 {
			t.Errorf("%s is %s, its source %s", d.Path, d.Mode, d.source.Mode)
		}
		if code && (d.UID != 0 || d.GID != 0 || d.Mode&0o022 != 0) {
			t.Errorf("the program %s is %s %d:%d", d.Path, d.Mode, d.UID, d.GID)
		}
		// What the Dockerfile gave its user, or kept to its owner, it meant, and
		// a credential that include: names is for the user alone.
		meant := strings.HasSuffix(d.why, "only the user may read") || d.source.Mode&0o022 != 0 || d.source.UID != 0 || ownersOnly(d.source.Mode) || d.role != ordinary
		for dir := d.Path; dir != "/" && !meant; dir = path.Dir(dir) {
			meant = files.find(dir) != nil && files.find(dir).role == userTree
		}
		if in := slices.ContainsFunc(search, func(dir string) bool { return need.Below(d.Path, dir) }); in && !meant && d.Type != image.Symlink && writes(d, user) {
			t.Errorf("%s is looked in for code and is %s %d:%d, its source %s", d.Path, d.Mode, d.UID, d.GID, d.source.Mode)
		}
	}
}

// writes reports whether an ordinary user of an image may write to a file.
func writes(d *draft, user identity) bool {
	return !user.root && (d.UID == user.uid || d.GID == user.gid && d.Mode&0o020 != 0 || d.Mode&0o002 != 0)
}
