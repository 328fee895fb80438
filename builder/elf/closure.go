package elf

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// A Dependency is one file that the loader opens for a program.
type Dependency struct {
	Path     string   // the name that is opened; it must exist in the image
	Real     string   // the file it leads to
	Links    []string // symbolic links on the way, as real paths
	NeededBy string   // the file whose headers ask for it
	Reason   string
}

// Options are what the environment of the program adds.
type Options struct {
	LibraryPath []string // LD_LIBRARY_PATH
	Preload     []string // LD_PRELOAD
}

// A MissingError is a library that the loader would not find.
type MissingError struct {
	Program, NeededBy, Library string
	Searched                   []string // directories, in order
}

// Error names the library, who wants it and where it was looked for.
func (e *MissingError) Error() string {
	s := fmt.Sprintf("%s needs %s, which is not in the built image", e.NeededBy, e.Library)
	if len(e.Searched) > 0 {
		s += " (searched " + strings.Join(e.Searched, ", ") + ")"
	}
	return s
}

// A VersionError is a symbol version that the library in the tree has not got.
type VersionError struct{ Program, NeededBy, Library, Version string }

// Error names the version and the library.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s needs %s of %s, which the one in the built image does not have", e.NeededBy, e.Version, e.Library)
}

// Closure finds every file that the loader opens to start program, as ld.so(8)
// describes for glibc and ldso/dynlink.c does for musl. A static program has
// none.
func Closure(ctx context.Context, t tree.Tree, program string, o Options) ([]Dependency, *Info, error) {
	c := &closure{ctx: ctx, t: t, program: program, options: o, loaded: map[string]*object{}, infos: map[string]*Info{}}
	res, err := tree.Resolve(ctx, t, program)
	if err != nil {
		return nil, nil, err
	}
	info, err := c.read(res.Path)
	if err != nil {
		return nil, nil, err
	}
	if !info.dynamic || info.Interp == "" && len(info.Needed) == 0 {
		return nil, info, nil
	}
	root := &object{path: program, real: res.Path, info: info}
	c.machine, c.class = info.Machine, info.Class
	if err := c.loader(root); err != nil {
		return nil, info, err
	}
	if err := c.load(root); err != nil {
		return nil, info, err
	}
	if err := c.versions(); err != nil {
		return nil, info, err
	}
	return c.deps, info, c.hidden(root)
}

// object is a loaded file.
type object struct {
	path, real string
	info       *Info
	parent     *object // who loaded it, for DT_RPATH
}

type closure struct {
	ctx     context.Context
	t       tree.Tree
	program string
	options Options
	machine elf.Machine
	class   elf.Class
	musl    bool

	deps   []Dependency
	loaded map[string]*object // by the name that was asked for, and by soname
	order  []*object
	infos  map[string]*Info
	conf   []string // directories of ld.so.conf
	cached bool     // whether a library was found only through ld.so.cache
}

func (c *closure) read(real string) (*Info, error) {
	if i, ok := c.infos[real]; ok {
		return i, nil
	}
	r, err := c.t.Open(c.ctx, real)
	if err != nil {
		return nil, err
	}
	i, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", real, err)
	}
	c.infos[real] = i
	return i, nil
}

// loader resolves PT_INTERP. A shared library by itself has none and borrows
// the one of its tree's libc.
func (c *closure) loader(root *object) error {
	interp := root.info.Interp
	if interp == "" {
		c.musl = c.exists("/lib/ld-musl-" + muslArch(c.machine) + ".so.1")
		return c.readConf()
	}
	c.musl = strings.Contains(path.Base(interp), "ld-musl")
	res, err := tree.Resolve(c.ctx, c.t, interp)
	if errors.Is(err, fs.ErrNotExist) {
		return &MissingError{c.program, c.program, interp, nil}
	}
	if err != nil {
		return err
	}
	info, err := c.read(res.Path)
	if err != nil {
		return err
	}
	o := &object{path: interp, real: res.Path, info: info}
	c.add(o, res.Links, "", "loader (PT_INTERP) of "+root.path)
	c.loaded[path.Base(interp)] = o
	if info.SoName != "" {
		c.loaded[info.SoName] = o
	}
	if c.musl {
		// musl's loader is its libc under another name.
		c.loaded["libc.musl-"+muslArch(c.machine)+".so.1"], c.loaded["libc.so"] = o, o
	}
	return c.readConf()
}

func (c *closure) add(o *object, links []string, neededBy, reason string) {
	c.deps = append(c.deps, Dependency{o.path, o.real, links, neededBy, reason})
	c.order = append(c.order, o)
}

// load walks DT_NEEDED breadth first, as the loaders do.
func (c *closure) load(root *object) error {
	c.order = append(c.order, root)
	queue := []*object{root}
	for _, p := range c.options.Preload {
		o, err := c.find(root, p)
		if err != nil {
			return err
		}
		queue = append(queue, o)
	}
	for len(queue) > 0 {
		o := queue[0]
		queue = queue[1:]
		for _, lib := range o.info.Needed {
			if _, ok := c.loaded[lib]; ok {
				continue
			}
			next, err := c.find(o, lib)
			if err != nil {
				return err
			}
			queue = append(queue, next)
		}
	}
	return nil
}

// find loads one library for o.
func (c *closure) find(o *object, lib string) (*object, error) {
	if strings.Contains(lib, "/") {
		if next, links, ok, err := c.try(path.Clean(c.expand(lib, o))); err != nil || ok {
			c.keep(next, o, lib, links)
			return next, err
		}
		return nil, &MissingError{c.program, o.path, lib, nil}
	}
	var searched []string
	for _, dir := range c.search(o) {
		dir.path = path.Clean("/" + dir.path)
		if !slices.Contains(searched, dir.path) {
			searched = append(searched, dir.path)
		}
		next, links, ok, err := c.try(path.Join(dir.path, lib))
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		c.keep(next, o, lib, links)
		if dir.cache && !c.cached {
			c.cached = true
			if err := c.carryCache(o.path, lib); err != nil {
				return nil, err
			}
		}
		return next, nil
	}
	return nil, &MissingError{c.program, o.path, lib, searched}
}

func (c *closure) keep(next, o *object, lib string, links []string) {
	if next == nil {
		return
	}
	next.parent = o
	c.loaded[lib] = next
	if next.info.SoName != "" {
		c.loaded[next.info.SoName] = next
	}
	c.add(next, links, o.path, "library "+lib+" of "+o.path)
}

// try opens a candidate. The loaders skip files of another machine.
func (c *closure) try(name string) (*object, []string, bool, error) {
	res, err := tree.Resolve(c.ctx, c.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	if !res.Entry.IsRegular() {
		return nil, nil, false, nil
	}
	info, err := c.read(res.Path)
	if errors.Is(err, ErrNotELF) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	if info.Machine != c.machine || info.Class != c.class || info.Type != elf.ET_DYN {
		return nil, nil, false, nil
	}
	return &object{path: name, real: res.Path, info: info}, res.Links, true, nil
}

func (c *closure) exists(name string) bool {
	_, err := tree.Resolve(c.ctx, c.t, name)
	return err == nil
}

// versions holds every required symbol version against what is loaded.
func (c *closure) versions() error {
	if c.musl {
		return nil // musl has no symbol versions
	}
	for _, o := range c.order {
		for _, r := range o.info.Requires {
			lib, ok := c.loaded[r.Library]
			if !ok || r.Weak || len(lib.info.Provides) == 0 {
				continue
			}
			if !slices.Contains(lib.info.Provides, r.Version) {
				return &VersionError{c.program, o.path, r.Library, r.Version}
			}
		}
	}
	return nil
}
