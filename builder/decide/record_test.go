package decide_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A golden is a plan, the tree that it is of and that of the base image, for the tests of sinks. They
// set WHITTLE_GOLDEN_PLANS to the directory that they want plans in.
type golden struct {
	Name  string
	Plan  image.Plan
	Files []goldenFile
	Base  []goldenFile // none where there is no layer of it
}

type goldenFile struct {
	Path  string
	Entry tree.Entry
	Data  []byte
}

var goldens atomic.Int64

// record writes a plan for the tests of sinks.
func record(t *testing.T, x, base tree.Tree, p *image.Plan) {
	t.Helper()
	dir := os.Getenv("WHITTLE_GOLDEN_PLANS")
	if dir == "" {
		return
	}
	g := golden{Name: t.Name(), Plan: *p}
	g.Plan.Config = dockerspec.DockerOCIImageConfig{} // sinks that write files do not look at it
	g.Files = recorded(t, x)
	if len(p.Layers) > 0 && p.Layers[0].Base {
		g.Base = recorded(t, base)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(g); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", goldens.Add(1))), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// recorded lists what a tree has.
func recorded(t *testing.T, x tree.Tree) []goldenFile {
	t.Helper()
	var out []goldenFile
	err := tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
		f := goldenFile{Path: name, Entry: e}
		if e.IsRegular() {
			r, err := x.Open(t.Context(), name)
			if err != nil {
				return err
			}
			if f.Data, err = io.ReadAll(io.NewSectionReader(r, 0, e.Size)); err != nil {
				return err
			}
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
