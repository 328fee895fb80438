package tree

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
)

// A Difference is the Tree of what Final has and Base has not, for builders
// that cannot compute it themselves. Directories that exist in both are shown,
// since only a walk can tell whether something in them differs.
//
// Files count as equal when type, mode, owner, size, time and link target are:
// a build that makes a file anew gives it a new time.
type Difference struct{ Base, Final Tree }

// Lstat implements Tree.
func (d Difference) Lstat(ctx context.Context, name string) (Entry, error) {
	e, err := d.Final.Lstat(ctx, name)
	if err != nil {
		return e, err
	}
	same, err := d.same(ctx, name, e)
	if err != nil {
		return Entry{}, err
	}
	if same && !e.IsDir() {
		return Entry{}, notExist("lstat", name)
	}
	return e, nil
}

// ReadDir implements Tree.
func (d Difference) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	all, err := d.Final.ReadDir(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, e := range all {
		same, err := d.same(ctx, path.Join(name, e.Name), e)
		if err != nil {
			return nil, err
		}
		if !same || e.IsDir() {
			out = append(out, e)
		}
	}
	return out, nil
}

// Open implements Tree.
func (d Difference) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	return d.Final.Open(ctx, name)
}

func (d Difference) same(ctx context.Context, name string, e Entry) (bool, error) {
	b, err := d.Base.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return b.Mode == e.Mode && b.UID == e.UID && b.GID == e.GID && b.Size == e.Size && b.ModTime == e.ModTime && b.Linkname == e.Linkname, nil
}
