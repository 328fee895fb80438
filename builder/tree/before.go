package tree

import (
	"context"
	"io"
)

// Before is a tree as it was before a change: Base, read from Final where both
// are the same, so that what has been read of Final is not read again.
type Before struct {
	Base, Final Tree
	// Changed holds the files in which Final differs from Base, and the
	// directories that they lie in.
	Changed Tree
}

// at gives the tree that has the file at name as it was.
func (b Before) at(ctx context.Context, name string) (Tree, error) {
	if _, err := b.Changed.Lstat(ctx, name); !Missing(err) {
		return b.Base, err
	}
	return b.Final, nil
}

// Lstat implements Tree.
func (b Before) Lstat(ctx context.Context, name string) (Entry, error) {
	t, err := b.at(ctx, name)
	if err != nil {
		return Entry{}, err
	}
	return t.Lstat(ctx, name)
}

// ReadDir implements Tree.
func (b Before) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	t, err := b.at(ctx, name)
	if err != nil {
		return nil, err
	}
	return t.ReadDir(ctx, name)
}

// Open implements Tree.
func (b Before) Open(ctx context.Context, name string) (io.ReaderAt, error) {
	t, err := b.at(ctx, name)
	if err != nil {
		return nil, err
	}
	return t.Open(ctx, name)
}
