package decide_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

const loader = "/lib64/ld-linux-x86-64.so.2"

// A stage is a final stage in a test: what its base image holds, what the
// Dockerfile changed, how it is run, and what should become of it.
type stage struct {
	name    string
	base    func(*tree.Memory) // nil for FROM scratch
	change  func(*tree.Memory) // on top of /app, a static program
	config  func(*dockerspec.DockerOCIImageConfig)
	options decide.Options
	compile []string

	files   []string // as show writes them, but for /app and directories nobody changed; nil for any
	has     []string // some of them
	hasNot  []string // paths
	user    string   // "" for any
	left    []string // "PATH which WHY"
	warns   []string // parts of warnings
	quiet   bool     // no warning
	changes []string // "KIND NAME: FROM -> TO"
	refused string   // part of the error
	unknown string   // the runtime of an UnsupportedError
	check   func(*testing.T, *image.Plan)
}

// debian is a base image with a shell, accounts and directories, all of which
// belong to no package.
func debian(t *tree.Memory) {
	for _, dir := range []string{"/etc", "/home", "/opt", "/srv", "/usr/bin", "/usr/share", "/var/lib", "/var/log", "/var/cache"} {
		t.Dir(dir, 0o755)
	}
	t.Dir("/root", 0o700)
	t.Dir("/tmp", 0o777|fs.ModeSticky)
	t.Symlink("/bin", "usr/bin")
	t.Symlink("/var/run", "/run")
	t.Dir("/run/lock", 0o777|fs.ModeSticky)
	t.Symlink("/var/lock", "/run/lock")
	t.Dir("/run", 0o755)
	for _, name := range []string{"sh", "mkdir", "sed", "gosu", "chown", "su-exec", "tini"} {
		t.File("/usr/bin/"+name, 0o755, elftest.File{}.Bytes())
	}
	t.File("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/bin:/sbin/nologin\nwww:x:33:33::/var/www:/sbin/nologin\n"))
	t.File("/etc/group", 0o644, []byte("root:x:0:\ndaemon:x:1:\nwww:x:33:\nvideo:x:44:\n"))
}

func (s stage) input() decide.Input {
	built, changed := &tree.Memory{}, &tree.Memory{}
	in := decide.Input{Tree: built, Changed: changed, Config: config("/app"), Options: s.options, Compiles: s.compile}
	in.Config.Env = []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin"}
	if s.base != nil {
		base := &tree.Memory{}
		s.base(base)
		s.base(built)
		in.Base = base
	}
	for _, t := range []*tree.Memory{built, changed} {
		t.File("/app", 0o755, elftest.File{}.Bytes())
		if s.change != nil {
			s.change(t)
		}
	}
	// A difference has directories as the built tree has them.
	_ = tree.Walk(context.Background(), changed, "/", func(name string, _ tree.Entry) error {
		if e, err := built.Lstat(context.Background(), name); err == nil && e.IsDir() && name != "/" {
			changed.Add(name, e, nil)
		}
		return nil
	})
	if s.config != nil {
		s.config(&in.Config)
	}
	return in
}

func (s stage) test(t *testing.T) {
	in := s.input()
	p, err := decide.Decide(t.Context(), in)
	if s.refused != "" || s.unknown != "" {
		s.failure(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, in, p)
	got := show(p)
	if s.files != nil {
		mine := slices.DeleteFunc(slices.Clone(got), func(l string) bool {
			return l == "0755 0:0 /app" || strings.HasPrefix(l, "0755 0:0 ") && strings.HasSuffix(l, "/")
		})
		want := slices.DeleteFunc(slices.Clone(s.files), func(l string) bool { return strings.HasPrefix(l, "0755 0:0 ") && strings.HasSuffix(l, "/") })
		slices.Sort(mine)
		slices.Sort(want)
		if d := cmp.Diff(want, mine); d != "" {
			t.Errorf("files (-want +got):\n%s", d)
		}
	}
	for _, want := range s.has {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among\n%s", want, strings.Join(got, "\n"))
		}
	}
	for _, name := range s.hasNot {
		if e, ok := p.Find(name); ok {
			t.Errorf("%s is in the image: %s", name, e.Reason)
		}
	}
	if s.user != "" && p.Config.User != s.user {
		t.Errorf("user %q, want %q", p.Config.User, s.user)
	}
	s.said(t, p)
	if s.check != nil {
		s.check(t, p)
	}
}

func (s stage) failure(t *testing.T, err error) {
	t.Helper()
	if u, ok := errors.AsType[*image.UnsupportedError](err); ok && u.Runtime == s.unknown {
		return
	}
	if r, ok := errors.AsType[*image.RefusedError](err); ok && s.refused != "" && strings.Contains(r.Error(), s.refused) {
		return
	}
	t.Errorf("error %v, want %q%q", err, s.refused, s.unknown)
}

// said compares what a plan tells with what it should.
func (s stage) said(t *testing.T, p *image.Plan) {
	t.Helper()
	var left, warned, changed []string
	for _, l := range p.Left {
		left = append(left, l.Path+" which "+l.Why)
	}
	for _, w := range p.Warnings {
		warned = append(warned, strings.TrimPrefix(w.Instruction+": ", ": ")+w.Message)
	}
	for _, c := range p.Changes {
		changed = append(changed, fmt.Sprintf("%s %s: %s -> %s", c.Kind, c.Name, c.From, c.To))
	}
	for _, part := range s.warns {
		if !slices.ContainsFunc(warned, func(w string) bool { return strings.Contains(w, part) }) {
			t.Errorf("no warning says %q; there are\n%s", part, strings.Join(warned, "\n"))
		}
	}
	if s.quiet && len(warned) > 0 {
		t.Errorf("warnings:\n%s", strings.Join(warned, "\n"))
	}
	for _, want := range s.left {
		if !slices.Contains(left, want) {
			t.Errorf("%q is not among what was left out:\n%s", want, strings.Join(left, "\n"))
		}
	}
	for _, want := range s.changes {
		if !slices.Contains(changed, want) {
			t.Errorf("%q is not among the changes:\n%s", want, strings.Join(changed, "\n"))
		}
	}
}

func run(t *testing.T, stages []stage) {
	t.Helper()
	for _, s := range stages {
		t.Run(s.name, s.test)
	}
}

// owned adds a file or directory with an owner.
func owned(t *tree.Memory, name string, mode fs.FileMode, uid, gid int) {
	t.Add(name, tree.Entry{Mode: mode, UID: uid, GID: gid}, []byte("x"))
}

func entrypoint(argv ...string) func(*dockerspec.DockerOCIImageConfig) {
	return func(c *dockerspec.DockerOCIImageConfig) { c.Entrypoint = argv }
}
