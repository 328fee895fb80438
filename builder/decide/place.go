package decide

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// take gives the file that a name of the tree leads to with the links on the
// way, nothing when it is not there. The file comes last.
func take(ctx context.Context, t tree.Tree, name, reason string) ([]*draft, error) {
	res, err := tree.Resolve(ctx, t, name)
	if need.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", name, err)
	}
	out, err := links(ctx, t, res.Links, reason)
	return append(out, fromTree(res.Path, res.Entry, reason)), err
}

func links(ctx context.Context, t tree.Tree, names []string, reason string) ([]*draft, error) {
	var out []*draft
	for _, l := range names {
		e, err := t.Lstat(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("reading the link %s: %w", l, err)
		}
		out = append(out, fromTree(l, e, reason))
	}
	return out, nil
}

// place gives a generated file where the links of the tree put it, with those
// links. The file comes last.
func place(ctx context.Context, t tree.Tree, f rootfs.File) ([]*draft, error) {
	dir, out, err := real(ctx, t, path.Dir(f.Path), f.Reason)
	if err != nil {
		return nil, fmt.Errorf("placing %s: %w", f.Path, err)
	}
	f.Path = path.Join(dir, path.Base(f.Path))
	return append(out, generated(f)), nil
}

// directory gives the directory that name leads to, made where the tree has
// none, with the links on the way. The directory comes last; nothing is given
// for the root and for what is no directory.
func directory(ctx context.Context, t tree.Tree, name, reason string) ([]*draft, error) {
	at, out, err := real(ctx, t, name, reason)
	if err != nil || at == "/" {
		return nil, err
	}
	e, err := t.Lstat(ctx, at)
	switch {
	case need.Missing(err):
		return append(out, &draft{Entry: image.Entry{Path: at, Type: image.Dir, Mode: 0o755, Reason: reason}}), nil
	case err != nil:
		return nil, err
	case !e.IsDir():
		return nil, nil
	}
	return append(out, fromTree(at, e, reason)), nil
}

// real gives the path that name has when the links of the tree are followed,
// though its end need not be there, and those links.
func real(ctx context.Context, t tree.Tree, name, reason string) (string, []*draft, error) {
	name = path.Clean("/" + name)
	rest := ""
	for dir := name; ; rest, dir = path.Join(path.Base(dir), rest), path.Dir(dir) {
		res, err := tree.Resolve(ctx, t, dir)
		if dir != "/" && need.Missing(err) && !isLoop(err) {
			continue
		}
		if isLoop(err) {
			return name, nil, nil
		}
		if err != nil && dir != "/" {
			return "", nil, err
		}
		out, err := links(ctx, t, res.Links, reason)
		return path.Join("/", res.Path, rest), out, err
	}
}

func isLoop(err error) bool { return errors.Is(err, tree.ErrLoop) }
