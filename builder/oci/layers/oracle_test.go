//go:build linux

package layers_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	containerd "github.com/containerd/containerd/v2/pkg/archive"
	rootpath "github.com/containerd/continuity/fs"
	diff "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/whittle-oci/whittle/builder/tree"
)

// canonical puts markers first, outer ones before inner ones, as the OCI image
// specification advises ("whiteout files appear before sibling directory
// entries"): containerd takes them in the order in which they stand, and hides
// what the layer itself holds. Without links that makes no difference to us.
func canonical(dir string, layer []entry) []entry {
	var marks, rest []entry
	depth := map[string]int{}
	for _, e := range layer {
		if !e.marker() {
			rest = append(rest, e)
			continue
		}
		parent, base := path.Split(path.Clean(e.Name))
		real, err := rootpath.RootPath(dir, parent)
		if err != nil {
			real = parent
		}
		depth[e.Name] = 2 * strings.Count(strings.TrimPrefix(real, dir), "/")
		if base == ".wh..wh..opq" {
			depth[e.Name]--
		}
		marks = append(marks, e)
	}
	slices.SortStableFunc(marks, func(a, b entry) int { return cmp.Compare(depth[a.Name], depth[b.Name]) })
	return append(marks, rest...)
}

// theirs lists what is on disk.
func theirs(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	first := map[uint64]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		rel := strings.TrimPrefix(name, dir)
		e := tree.Entry{Mode: info.Mode(), UID: int(st.Uid), GID: int(st.Gid), ModTime: info.ModTime().UnixNano()}
		if st.Nlink > 1 && !d.IsDir() {
			if _, ok := first[st.Ino]; !ok {
				first[st.Ino] = rel
			}
			e.LinkID = first[st.Ino]
		}
		content := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			content = string(b)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if e.Linkname, err = os.Readlink(name); err != nil {
				return err
			}
		}
		v := make([]byte, 64)
		if n, err := unix.Lgetxattr(name, "security.capability", v); err == nil {
			e.Xattrs = map[string][]byte{"security.capability": v[:n]}
		}
		out = append(out, line(rel, e, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compare applies layers both ways. It reports whether there was something to
// compare.
func compare(t *testing.T, stack [][]entry) bool {
	t.Helper()
	dir := t.TempDir()
	var options []containerd.ApplyOpt
	if !root {
		options = append(options, containerd.WithNoSameOwner())
	}
	var archives [][]byte
	var want error
	for _, l := range stack {
		l = canonical(dir, l)
		archives = append(archives, archive(t, l))
		if want = apply(t, dir, l, options...); want != nil {
			break
		}
	}
	got, err := ours(t.Context(), t, archives...)
	switch {
	case errors.Is(want, syscall.ENOTDIR):
		return false // containerd takes it with overlayfs, but not without
	case errors.Is(want, syscall.ENOENT) && strings.Contains(want.Error(), "UtimesNanoAt"):
		return false // a directory that replaces a link which its own path led through: its time cannot be set by that path
	case (err == nil) != (want == nil):
		t.Fatalf("error %v, of containerd %v, with\n%s", err, want, describe(stack))
	case err != nil:
		return true
	}
	if d := diff.Diff(theirs(t, dir), got); d != "" {
		t.Fatalf("(-containerd +whittle):\n%s\nwith\n%s", d, describe(stack))
	}
	return true
}

// apply has containerd apply a layer, one archive for its markers and one for
// each other entry: in the end it sets the times of the directories it has met,
// and fails where one of them is none any more.
func apply(t *testing.T, dir string, layer []entry, options ...containerd.ApplyOpt) error {
	t.Helper()
	n := 0
	for n < len(layer) && layer[n].marker() {
		n++
	}
	pieces := [][]entry{layer[:n]}
	for i := n; i < len(layer); i++ {
		pieces = append(pieces, layer[i:i+1])
	}
	for _, p := range pieces {
		if _, err := containerd.Apply(t.Context(), dir, bytes.NewReader(archive(t, p)), options...); err != nil {
			return err
		}
	}
	return nil
}

func describe(stack [][]entry) string {
	var b strings.Builder
	for i, l := range stack {
		for _, e := range l {
			fmt.Fprintf(&b, "layer %d: %c %q -> %q %04o %d:%d %q\n", i+1, e.Typeflag, e.Name, e.Linkname, e.Mode, e.Uid, e.Gid, e.data)
		}
	}
	return b.String()
}

// random makes bytes for a generator.
func random(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // a test that can be run again
	out := make([]byte, 20+r.IntN(400))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// TestLikeContainerd holds the tree of random layers to what containerd's
// applier puts on disk: types, modes, owners, times, contents, link targets,
// capabilities and which names are one file. As an ordinary user it compares
// all but owners, and makes no devices.
func TestLikeContainerd(t *testing.T) {
	const stacks = 500
	compared := 0
	for seed := range uint64(stacks) {
		g := generator{bytes: random(seed)}
		if compare(t, g.layers()) {
			compared++
		}
	}
	t.Logf("%d of %d stacks compared, owners: %v", compared, stacks, root)
	if compared < stacks/3 {
		t.Errorf("only %d of %d stacks could be compared", compared, stacks)
	}
}

// TestOrder shuffles the markers of random layers: where they stand makes no
// difference.
func TestOrder(t *testing.T) {
	for seed := range uint64(500) {
		g := generator{bytes: random(seed), plain: true}
		stack := g.layers()
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test that can be run again
		var first, shuffled [][]byte
		for _, l := range stack {
			l = separate(l)
			first = append(first, archive(t, canonical("/nonexistent", l)))
			shuffled = append(shuffled, archive(t, shuffle(r, l)))
		}
		a, errA := ours(t.Context(), t, first...)
		b, errB := ours(t.Context(), t, shuffled...)
		if d := diff.Diff(a, b); d != "" || (errA == nil) != (errB == nil) {
			t.Fatalf("seed %d: %v, %v, (-first +shuffled):\n%s\nwith\n%s", seed, errA, errB, d, describe(stack))
		}
	}
}

// separate takes out of a layer the files that others of its entries, or
// markers, need to be directories.
func separate(layer []entry) []entry {
	return slices.DeleteFunc(slices.Clone(layer), func(e entry) bool {
		if e.marker() || e.Typeflag == '5' {
			return false
		}
		name := path.Clean("/" + e.Name)
		return slices.ContainsFunc(layer, func(o entry) bool {
			other := path.Clean("/" + o.Name)
			return strings.HasPrefix(other, name+"/") || other == name && o.Typeflag != e.Typeflag
		})
	})
}

// shuffle puts the markers of a layer anywhere in it.
func shuffle(r *rand.Rand, layer []entry) []entry {
	var out []entry
	for _, e := range layer {
		if !e.marker() {
			out = append(out, e)
		}
	}
	for _, e := range layer {
		if e.marker() {
			out = slices.Insert(out, r.IntN(len(out)+1), e)
		}
	}
	return out
}

// FuzzLikeContainerd is TestLikeContainerd with layers that a fuzzer makes.
func FuzzLikeContainerd(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(random(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			return
		}
		g := generator{bytes: data}
		compare(t, g.layers())
	})
}
