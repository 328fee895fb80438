package decide_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// forest makes a tree of very many files in directories of a hundred, with
// modes that the image cannot have as they are.
func forest(n int) *tree.Memory {
	x := &tree.Memory{}
	x.File("/app", 0o755, elftest.File{}.Bytes())
	modes := []fs.FileMode{0o644, 0o640, 0o664, 0o755, 0o711, 0o604, 0o444, 0o750, 0o2755}
	for i := range n {
		e := tree.Entry{Mode: modes[i%len(modes)], UID: 0, GID: 0}
		if e.Mode&0o2000 != 0 {
			e.Mode = 0o755 | fs.ModeSetgid
		}
		x.Add(fmt.Sprintf("/srv/d%03d/f%05d", i/100, i), e, []byte("x"))
	}
	return x
}

// TestSubtreesOfManyModes copies 40,000 files of odd modes, one of another
// owner among them, in a few copies.
func TestSubtreesOfManyModes(t *testing.T) {
	x := forest(40_000)
	x.Add("/srv/d123/f12345", tree.Entry{Mode: 0o640, UID: 1000, GID: 1000}, []byte("x"))
	base := &tree.Memory{}
	in := decide.Input{Tree: x, Changed: x, Base: base, Config: config("/app")}
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	single := 0
	whole := map[string]bool{}
	for _, s := range copies(p) {
		for m := range s.Members {
			whole[m] = true
		}
	}
	for _, e := range p.Entries {
		if e.Type != "dir" && !whole[e.Path] {
			single++
		}
	}
	if n := single + len(copies(p)); n > 20 {
		t.Errorf("%d copies: %d subtrees and %d files", n, len(copies(p)), single)
	}
}

// BenchmarkInclude includes 40,000 files, which may add half a second.
func BenchmarkInclude(b *testing.B) {
	x := forest(40_000)
	for _, include := range [][]string{nil, {"/srv"}} {
		b.Run(fmt.Sprint(len(include)), func(b *testing.B) {
			for b.Loop() {
				if _, err := decide.Decide(b.Context(), decide.Input{Tree: x, Config: config("/app"), Options: decide.Options{Include: include}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
