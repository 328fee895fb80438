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

// NewFinder returns a finder for the calls of the ELF file at a real path.
func NewFinder(ctx context.Context, t tree.Tree, real string, o Options) (*Finder, error) {
	if o.Files == nil {
		o.Files = NewFiles()
	}
	c := &closure{ctx: ctx, t: t, program: real, options: o, loaded: map[string]*object{}}
	info, err := c.read(real)
	if err != nil {
		return nil, err
	}
	root := &object{path: real, real: real, info: info}
	c.machine, c.class = info.Machine, info.Class
	if err := c.loader(root); err != nil {
		return nil, err
	}
	return &Finder{c, root}, nil
}

// Find gives the path of a library, "" when the loader would not find it.
func (f *Finder) Find(name string) (string, error) {
	o, err := f.c.find(f.root, name)
	if errors.As(err, new(*MissingError)) {
		return "", nil
	}
	if err != nil || o == nil {
		return "", err
	}
	return o.path, nil
}
