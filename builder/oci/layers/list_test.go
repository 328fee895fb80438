package layers_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/tree"
)

// line describes one file. Times are those of headers, which directories do
// not keep.
func line(name string, e tree.Entry, content string) string {
	typ := e.Mode.Type()
	perm := e.Mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if e.IsSymlink() {
		perm = 0
	}
	out := fmt.Sprintf("%s %s %s", name, typ, perm)
	if root {
		out += fmt.Sprintf(" %d:%d", e.UID, e.GID)
	}
	if !e.IsDir() {
		out += fmt.Sprintf(" @%d %q -> %q", e.ModTime, content, e.Linkname)
	}
	if v := e.Xattrs["security.capability"]; len(v) > 0 {
		out += fmt.Sprintf(" capability %x", v)
	}
	if e.LinkID != "" {
		out += " = " + e.LinkID
	}
	return out
}

// ours lists what layers.Open makes of archives.
func ours(ctx context.Context, t testing.TB, archives ...[]byte) ([]string, error) {
	x, err := layers.Open(ctx, imageOf(t, archives...), layers.Limits{})
	if err != nil {
		return nil, err
	}
	defer x.Close()
	return list(ctx, x)
}

func list(ctx context.Context, x tree.Tree) ([]string, error) {
	var out []string
	err := tree.Walk(ctx, x, "/", func(name string, e tree.Entry) error {
		content := ""
		if e.IsRegular() {
			r, err := x.Open(ctx, name)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(io.NewSectionReader(r, 0, e.Size))
			if err != nil || int64(len(b)) != e.Size {
				return fmt.Errorf("%s: %d bytes of %d, %w", name, len(b), e.Size, err)
			}
			content = string(b)
		}
		if name != "/" {
			out = append(out, line(name, e, content))
		}
		return nil
	})
	return out, err
}
