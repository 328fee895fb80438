package layers_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/tree"
)

// everything writes all that a tree says of its files.
func everything(t *testing.T, x *layers.Tree) string {
	t.Helper()
	var b strings.Builder
	err := tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
		fmt.Fprintf(&b, "%s %+v", name, e)
		if e.IsRegular() {
			content, err := tree.ReadFile(t.Context(), x, name, 1<<20)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", content)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTwo gives the trees that the images have one by one, whatever the layers
// are that they have in common, each readable when the other is closed.
func TestTwo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // for layers
	opened, shared := 0, 0
	for i := range 700 {
		g := &generator{bytes: make([]byte, 40+r.IntN(200)), plain: i%4 > 0}
		for i := range g.bytes {
			g.bytes[i] = byte(r.Uint32())
		}
		var all [][]byte
		for _, l := range g.layers() {
			all = append(all, archive(t, l))
		}
		common, middle := r.IntN(len(all)+1), 0
		if common < len(all) {
			middle = r.IntN(len(all) - common)
		}
		images := [2]v1.Image{imageOf(t, all[:common+middle]...), imageOf(t, append(slices.Clone(all[:common]), all[common+middle:]...)...)}
		var want [2]string
		failed := error(nil)
		for i, img := range images {
			x, err := layers.Open(t.Context(), img, layers.Limits{})
			if err != nil {
				failed = err
				continue
			}
			want[i] = everything(t, x)
			x.Close()
		}
		a, b, err := layers.OpenTwo(t.Context(), images[0], images[1], layers.Limits{})
		if (err == nil) != (failed == nil) {
			t.Fatalf("together: %v, one by one: %v", err, failed)
		}
		if err != nil {
			continue
		}
		opened++
		if got := everything(t, a); got != want[0] {
			t.Errorf("the first has\n%s\nwant\n%s", got, want[0])
		}
		for name := range strings.Lines(want[0]) {
			name, _, _ = strings.Cut(name, " ")
			if !a.Shares(b, name) {
				continue
			}
			shared++
			x, errX := tree.ReadFile(t.Context(), a, name, 1<<20)
			y, errY := tree.ReadFile(t.Context(), b, name, 1<<20)
			if errX != nil || errY != nil || string(x) != string(y) {
				t.Errorf("%s is shared, and %q and %q", name, x, y)
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if got := everything(t, b); got != want[1] {
			t.Errorf("the second has\n%s\nwant\n%s", got, want[1])
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if opened < 100 || shared < 100 {
		t.Errorf("%d pairs of images with %d files in common are too few to show anything", opened, shared)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// counting counts how often layers are read.
type counting struct {
	v1.Image
	reads *atomic.Int32
}

func (c counting) Layers() ([]v1.Layer, error) {
	list, err := c.Image.Layers()
	for i, l := range list {
		list[i] = countingLayer{l, c.reads}
	}
	return list, err
}

type countingLayer struct {
	v1.Layer
	reads *atomic.Int32
}

func (c countingLayer) Uncompressed() (io.ReadCloser, error) {
	c.reads.Add(1)
	return c.Layer.Uncompressed()
}

// TestOnce reads what two images have in common once, and nothing else less
// often: a layer in another place may make other files.
func TestOnce(t *testing.T) {
	one, two, three := archive(t, layer("a: 1", "b: 2")), archive(t, layer("a: 3", "c: 4")), archive(t, layer(".wh.b"))
	for _, tc := range []struct {
		a, b  [][]byte
		reads int32
	}{
		{[][]byte{one, two}, [][]byte{one, two}, 2},
		{[][]byte{one, two}, [][]byte{one, three}, 3},
		{[][]byte{one}, [][]byte{one, two, three}, 3},
		{[][]byte{one, two}, [][]byte{two, one}, 4},
		{[][]byte{one, two, three}, [][]byte{two, two, three}, 6},
		{nil, [][]byte{one}, 1},
	} {
		var reads atomic.Int32
		a, b, err := layers.OpenTwo(t.Context(), counting{imageOf(t, tc.a...), &reads}, counting{imageOf(t, tc.b...), &reads}, layers.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if reads.Load() != tc.reads {
			t.Errorf("%d and %d layers: %d reads, want %d", len(tc.a), len(tc.b), reads.Load(), tc.reads)
		}
		a.Close()
		b.Close()
	}
	if _, _, err := layers.OpenTwo(t.Context(), imageOf(t, one), imageOf(t, one, []byte("no archive at all")), layers.Limits{}); err == nil {
		t.Error("an image with a layer that is none is opened")
	}
}
