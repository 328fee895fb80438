package tree

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// An Overlay is Upper laid over Lower: a file of Upper hides the one of Lower
// at the same path, and directories that both have are merged.
type Overlay struct{ Upper, Lower Tree }

// Lstat implements Tree.
func (o Overlay) Lstat(ctx context.Context, name string) (Entry, error) {
	e, err := o.Upper.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return o.Lower.Lstat(ctx, name)
	}
	return e, err
}

// ReadDir implements Tree.
func (o Overlay) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	upper, err := o.Upper.ReadDir(ctx, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	hidden := errors.Is(err, fs.ErrNotExist)
	lower, err := o.Lower.ReadDir(ctx, name)
	if err != nil && (hidden || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	have := map[string]bool{}
	for _, e := range upper {
		have[e.Name] = true
	}
	for _, e := range lower {
		if !have[e.Name] {
			upper = append(upper, e)
		}
	}
	Sort(upper)
	return upper, nil
}

// Open implements Tree.
func (o Overlay) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	r, err := o.Upper.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return o.Lower.Open(ctx, name)
	}
	return r, err
}
