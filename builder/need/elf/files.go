package elf

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Files reads the ELF files of one tree and keeps what it has read, so that
// several providers can ask about the same file. It is not safe for concurrent
// use.
type Files struct {
	infos map[string]*Info
	texts map[string]*Text
}

// maxKeptStrings is how many strings of one file are kept for the next who
// asks.
const maxKeptStrings = 1 << 15

// NewFiles returns files of which nothing is read yet.
func NewFiles() *Files { return &Files{map[string]*Info{}, map[string]*Text{}} }

// Same gives what is read of the files that another tree has as well, which
// same tells by their real paths.
func (f *Files) Same(same func(real string) bool) *Files {
	out := &Files{maps.Clone(f.infos), maps.Clone(f.texts)}
	maps.DeleteFunc(out.infos, func(real string, _ *Info) bool { return !same(real) })
	maps.DeleteFunc(out.texts, func(real string, _ *Text) bool { return !same(real) })
	return out
}

// Info reads the headers of the file at a real path. Errors are as those of
// [Read].
func (f *Files) Info(ctx context.Context, t tree.Tree, real string) (*Info, error) {
	if i, ok := f.infos[real]; ok {
		return i, nil
	}
	r, err := t.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	i, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", real, err)
	}
	f.infos[real] = i
	return i, nil
}

// Text reads the text of the file at a real path; a broken one has none.
func (f *Files) Text(ctx context.Context, t tree.Tree, real string) (*Text, error) {
	if x, ok := f.texts[real]; ok {
		return x, nil
	}
	r, err := t.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	x, err := ReadText(r)
	if errors.Is(err, ErrBroken) {
		return &Text{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the text of %s: %w", real, err)
	}
	if !x.unended && len(x.Strings) <= maxKeptStrings {
		f.texts[real] = x
	}
	return x, nil
}
