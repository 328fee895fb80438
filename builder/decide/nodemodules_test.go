package decide_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// nodeModules is an application with very many files in node_modules, twenty a
// package, as npm installs them.
func nodeModules(files int) decide.Input {
	change := func(t *tree.Memory) {
		nodeApp(`{"name":"a","version":"1.0.0","scripts":{"start":"node server.js"}}`)(t)
		var lock strings.Builder
		for p := range files / 20 {
			dir := fmt.Sprintf("/srv/app/node_modules/p%05d", p)
			fmt.Fprintf(&lock, `,"node_modules/p%05d":{"version":"1.0.%d"}`, p, p)
			t.File(dir+"/package.json", 0o644, []byte(`{}`))
			for f := range 18 {
				t.File(fmt.Sprintf("%s/lib/f%02d.js", dir, f), 0o644, []byte("x"))
			}
			if p%100 == 0 {
				t.File(dir+"/build/Release/a.node", 0o755, elftest.File{Library: true, Needed: []string{"libc.so.6"}}.Bytes())
				continue
			}
			t.File(dir+"/README.md", 0o644, []byte("x"))
		}
		t.File("/srv/app/node_modules/.package-lock.json", 0o644, []byte(`{"packages":{"node_modules/express":{"version":"4.18.2"}`+lock.String()+`}}`))
		for f := range 200 {
			t.File(fmt.Sprintf("/srv/app/lib/f%03d.js", f), 0o644, []byte("x"))
		}
	}
	in := stage{base: nodeBase, change: change, config: nodeConfig(official, []string{"npm", "start"})}.input()
	return in
}

// counting is a tree that counts what is asked of it, as each is a call of a
// daemon elsewhere: directories once, files as often as they are read.
type counting struct {
	tree.Tree
	dirs  map[string]bool
	opens int
}

func (c *counting) ReadDir(ctx context.Context, name string) ([]tree.Entry, error) {
	c.dirs[name] = true
	return c.Tree.ReadDir(ctx, name)
}

func (c *counting) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	c.opens++
	return c.Tree.Open(ctx, name)
}

// TestNodeModules decides about 40,000 files without reading each package.json.
func TestNodeModules(t *testing.T) {
	in := nodeModules(40_000)
	c := &counting{Tree: in.Tree, dirs: map[string]bool{}}
	in.Tree = c
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Components); n != 2002 {
		t.Errorf("%d components", n)
	}
	if native := 20; c.opens > native+500 {
		t.Errorf("%d files are read", c.opens)
	}
	if n := len(copies(p)); n == 0 || n > 20 {
		t.Errorf("%d subtrees", n)
	}
}

// BenchmarkNodeModules holds the plan to being linear: 40,000 files may take
// 2.3 times as long as 20,000, at most 1.5 s, and 250 MB.
func BenchmarkNodeModules(b *testing.B) {
	for _, files := range []int{20_000, 40_000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			in := nodeModules(files)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			for b.Loop() {
				p, err := decide.Decide(b.Context(), in)
				if err != nil {
					b.Fatal(err)
				}
				runtime.KeepAlive(p)
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.Sys-before.Sys)/1e6, "MB-more")
		})
	}
}
