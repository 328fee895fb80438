package elf

import (
	"context"
	"errors"

	"github.com/whittle-oci/whittle/builder/tree"
)

// A Finder looks libraries up as the loader does when a program calls dlopen(3).
type Finder struct {
	c    *closure
	root *object
}

// NewFinder returns a finder for the calls of the ELF file at a real path. One
// of a file that cannot be loaded itself finds nothing: what is wrong with it is
// the affair of [Provider].
func NewFinder(ctx context.Context, t tree.Tree, real string, o Options) (*Finder, error) {
	if o.Files == nil {
		o.Files = NewFiles()
	}
	c := &closure{ctx: ctx, t: t, program: real, options: o, loaded: map[string]*object{}}
	info, err := c.read(real)
	if unloadable(err) {
		return &Finder{}, nil
	}
	if err != nil {
		return nil, err
	}
	root := &object{path: real, real: real, info: info}
	c.machine, c.class = info.Machine, info.Class
	if err := c.loader(root); unloadable(err) {
		return &Finder{}, nil
	} else if err != nil {
		return nil, err
	}
	return &Finder{c, root}, nil
}

// Find gives the path of a library, "" when the loader would not find it.
func (f *Finder) Find(name string) (string, error) {
	if f.c == nil {
		return "", nil
	}
	o, err := f.c.find(f.root, name)
	if unloadable(err) {
		return "", nil
	}
	if err != nil || o == nil {
		return "", err
	}
	return o.path, nil
}

// unloadable reports whether an error says that a loader would fail, rather
// than that reading the tree did.
func unloadable(err error) bool {
	return errors.As(err, new(*MissingError)) || errors.Is(err, ErrNotELF) || errors.Is(err, ErrBroken)
}
