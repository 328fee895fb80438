//go:build linux

// Package sink_test holds the sinks to each other: one plan gives one tar.
package sink_test

import (
	"archive/tar"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	llbsink "github.com/whittle-oci/whittle/builder/sink/llb"
	ocisink "github.com/whittle-oci/whittle/builder/sink/oci"
	"github.com/whittle-oci/whittle/builder/tree"
)

var created = time.Unix(86400, 0).UTC()

// conform makes the image of a plan both ways. base is the tree of the base
// image, nil where no layer is of it.
func conform(t *testing.T, p *image.Plan, x, base tree.Tree) {
	t.Helper()
	img, err := ocisink.New(t.Context(), p, x, ocisink.Options{Created: created})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var want [][]string
	var sum int64
	for _, l := range layers {
		rc, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		files := list(t, rc)
		rc.Close()
		slices.Sort(files)
		want, sum = append(want, files), sum+sizes(files)
	}
	built := t.TempDir()
	unpack(t, x, built)
	roots := map[string]string{"": built}
	if base != nil {
		dir := t.TempDir()
		unpack(t, base, dir)
		roots["docker-image://"+baseRef+":latest"] = dir
	}
	from := llbsink.Sources{Built: llb.Image(builtRef), Base: llb.Image(baseRef)}
	for _, can := range []llbsink.Can{{Symlinks: true, SymbolicModes: true}, {}} {
		var got [][]string
		for _, layer := range solve(t, llbsink.State(p, from, created, can), roots) {
			files := list(t, bytes.NewReader(layer))
			slices.Sort(files)
			got = append(got, files)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("a builder that can %+v (-go-containerregistry +BuildKit):\n%s", can, d)
		}
	}
	conformDockerfile(t, p, slices.Concat(want...), built)
	if sum != size(p) {
		t.Errorf("the tars hold %d bytes of files, the plan says %d", sum, size(p))
	}
}

func size(p *image.Plan) int64 {
	n, _ := p.Size()
	return n
}

// sizes sums the sizes of listed files.
func sizes(lines []string) (sum int64) {
	for _, l := range lines {
		var n int64
		if _, err := fmt.Sscanf(l[strings.LastIndex(l, " size=")+1:], "size=%d", &n); err == nil {
			sum += n
		}
	}
	return sum
}

// list writes the entries of a tar. The names of one file are told by the first
// of them in the order of names, whichever the tar has it under.
func list(t *testing.T, r io.Reader) []string {
	t.Helper()
	type file struct {
		header  *tar.Header
		content string
	}
	var all []file
	groups := map[string][]string{} // by the name that a tar has the content under
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeLink {
			groups[h.Linkname] = append(groups[h.Linkname], h.Name)
		}
		all = append(all, file{h, string(b)})
	}
	first, whole := map[string]string{}, map[string]file{}
	for from, names := range groups {
		names = append(names, from)
		for _, n := range names {
			first[n] = slices.Min(names)
		}
	}
	for _, f := range all {
		if f.header.Typeflag == tar.TypeReg {
			whole[first[f.header.Name]] = f
		}
	}
	var out []string
	for _, f := range all {
		h := f.header
		line := fmt.Sprintf("%q %c %04o %d:%d %d", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix())
		line = strings.Replace(line, fmt.Sprintf(" %c ", tar.TypeLink), fmt.Sprintf(" %c ", tar.TypeReg), 1)
		if v := h.PAXRecords["SCHILY.xattr.security.capability"]; v != "" {
			line += fmt.Sprintf(" capability=%x", v)
		}
		if h.Typeflag == tar.TypeSymlink {
			line += fmt.Sprintf(" -> %q", h.Linkname)
		}
		switch group := first[h.Name]; {
		case group != "" && group != h.Name:
			line += fmt.Sprintf(" = %q", group)
		case group != "":
			line += fmt.Sprintf(" %q size=%d", whole[group].content, whole[group].header.Size)
		case h.Typeflag == tar.TypeReg:
			line += fmt.Sprintf(" %q size=%d", f.content, h.Size)
		}
		out = append(out, line)
	}
	return out
}

// unpack puts a tree on disk.
func unpack(t *testing.T, x tree.Tree, dir string) {
	t.Helper()
	linked := map[string]string{}
	err := tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
		to := filepath.Join(dir, name)
		if name == "/" {
			return nil
		}
		if from := linked[e.LinkID]; from != "" {
			return os.Link(from, to)
		}
		if e.LinkID != "" {
			linked[e.LinkID] = to
		}
		if err := put(t, x, name, e, to); err != nil {
			return err
		}
		if err := os.Lchown(to, e.UID, e.GID); err != nil || e.IsSymlink() {
			return err
		}
		if err := os.Chmod(to, e.Mode); err != nil {
			return err
		}
		for k, v := range e.Xattrs {
			if err := unix.Lsetxattr(to, k, v, 0); err != nil {
				return fmt.Errorf("%s of %s: %w", k, name, err)
			}
		}
		return os.Chtimes(to, time.Time{}, time.Unix(1e9, 5))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put makes a file without attributes.
func put(t *testing.T, x tree.Tree, name string, e tree.Entry, to string) error {
	switch {
	case e.IsDir():
		return os.Mkdir(to, 0o700)
	case e.IsSymlink():
		return os.Symlink(e.Linkname, to)
	case e.IsRegular():
		r, err := x.Open(t.Context(), name)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.NewSectionReader(r, 0, e.Size))
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	case e.Mode&fs.ModeNamedPipe != 0:
		return unix.Mknod(to, unix.S_IFIFO|0o600, 0)
	case e.Mode&fs.ModeSocket != 0:
		return unix.Mknod(to, unix.S_IFSOCK|0o600, 0)
	}
	return unix.Mknod(to, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) //nolint:gosec // small
}

// asRoot skips what only root can do: give files to others.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("giving files to their owners takes root, which continuous integration is")
	}
}

// TestGolden takes every plan that the tests of builder/decide make.
func TestGolden(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), "go", "test", "-count=1", "../decide")
	c.Env = append(os.Environ(), "WHITTLE_GOLDEN_PLANS="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("the tests of builder/decide: %v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 100 {
		t.Fatalf("%d plans, %v", len(names), err)
	}
	for _, name := range names {
		dt, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Name  string
			Plan  image.Plan
			Files []goldenFile
			Base  []goldenFile
		}
		if err := gob.NewDecoder(bytes.NewReader(dt)).Decode(&g); err != nil {
			t.Fatal(err)
		}
		t.Run(g.Name, func(t *testing.T) { conform(t, &g.Plan, inMemory(g.Files), inMemory(g.Base)) })
	}
}

// A goldenFile is one file of a recorded tree.
type goldenFile struct {
	Path  string
	Entry tree.Entry
	Data  []byte
}

// inMemory gives a recorded tree, nil for one without files.
func inMemory(files []goldenFile) tree.Tree {
	if len(files) == 0 {
		return nil
	}
	x := &tree.Memory{}
	for _, f := range files {
		x.Add(f.Path, f.Entry, f.Data)
	}
	return x
}

// TestNasty makes plans of trees with everything that a sink may stumble over.
func TestNasty(t *testing.T) {
	asRoot(t)
	for _, tc := range nasty {
		t.Run(tc.name, func(t *testing.T) {
			base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
			for _, x := range []*tree.Memory{built, changed} {
				x.File("/app", 0o755, elftest.File{}.Bytes())
				tc.change(x)
			}
			var c dockerspec.DockerOCIImageConfig
			c.Entrypoint, c.User = []string{"/app"}, tc.user
			p, err := decide.Decide(t.Context(), decide.Input{Tree: built, Changed: changed, Base: base, Config: c, Options: tc.options})
			if err != nil {
				t.Fatal(err)
			}
			conform(t, p, built, nil)
		})
	}
}
