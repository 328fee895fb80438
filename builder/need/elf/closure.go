package elf

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
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
	Files       *Files   // what was read before, nil for nothing
	// Loaded gives the directories of what the program has loaded before it
	// opens this file, and that the file finds by its name alone, wherever it
	// lies. Nil for none. It is asked for what is nowhere else.
	Loaded func() ([]string, error)
}

// A MissingError is a library that the loader would not find.
type MissingError struct {
	Program, NeededBy, Library string
	Searched                   []string // directories, in order
	// Unlisted is where the library is although the loader does not know:
	// in a directory of ld.so.conf, without its cache saying so.
	Unlisted string
}

// Error names the library, who wants it and where it was looked for.
func (e *MissingError) Error() string {
	s := fmt.Sprintf("%s needs %s, which is not in the built image", e.NeededBy, e.Library)
	if len(e.Searched) > 0 {
		s += " (searched " + strings.Join(e.Searched, ", ") + ")"
	}
	if e.Unlisted != "" {
		s = fmt.Sprintf("%s needs %s, which the loader does not find: %s is not in %s, since ldconfig was not run after it came", e.NeededBy, e.Library, e.Unlisted, CachePath)
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
	if o.Files == nil {
		o.Files = NewFiles()
	}
	c := &closure{ctx: ctx, t: t, program: program, options: o, loaded: map[string]*object{}}
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
	self   *object             // musl's loader, which is also its libc
	conf   []string            // directories of ld.so.conf, or of musl's path file
	cache  map[string][]string // paths by library name; nil without a cache
	failed error               // what asking for Options.Loaded failed with
}

func (c *closure) read(real string) (*Info, error) { return c.options.Files.Info(c.ctx, c.t, real) }

// loader resolves PT_INTERP. A shared library by itself has none and borrows
// the one of its tree's libc.
func (c *closure) loader(root *object) error {
	interp := root.info.Interp
	if interp == "" {
		// A tree may have both.
		c.musl = !slices.Contains(root.info.Needed, "libc.so.6") && c.exists("/lib/ld-musl-"+machines[c.machine].musl+".so.1")
		return c.readConf()
	}
	c.musl = strings.Contains(path.Base(interp), "ld-musl")
	res, err := tree.Resolve(c.ctx, c.t, interp)
	if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
		return &MissingError{Program: c.program, NeededBy: c.program, Library: interp}
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
		c.loaded["libc.musl-"+machines[c.machine].musl+".so.1"], c.self = o, o
	}
	return c.readConf()
}

func (c *closure) add(o *object, links []string, neededBy, reason string) {
	c.deps = append(c.deps, Dependency{o.path, o.real, links, neededBy, reason})
	c.order = append(c.order, o)
}

// loadExtra loads a library that is opened at run time, with its own needs.
// It is false when it is not there.
func (c *closure) loadExtra(o *object, lib, reason string) (bool, error) {
	if _, ok := c.loaded[lib]; ok {
		return true, nil
	}
	first := len(c.deps)
	next, err := c.find(o, lib)
	if errors.As(err, new(*MissingError)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(c.deps) == first {
		return true, nil
	}
	c.deps[first].Reason = reason
	return true, c.walk([]*object{next})
}

// load walks DT_NEEDED breadth first, as the loaders do.
func (c *closure) load(root *object) error {
	c.order = append(c.order, root)
	queue := []*object{root}
	for _, p := range c.options.Preload {
		o, err := c.find(root, p)
		if errors.As(err, new(*MissingError)) {
			continue // the loader complains and goes on
		}
		if err != nil {
			return err
		}
		queue = append(queue, o)
	}
	return c.walk(queue)
}

// walk loads what the files in queue need.
func (c *closure) walk(queue []*object) error {
	for len(queue) > 0 {
		o := queue[0]
		queue = queue[1:]
		for _, lib := range o.info.Needed {
			known := len(c.order)
			next, err := c.find(o, lib)
			if err != nil {
				return err
			}
			if len(c.order) > known {
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// find loads one library for o.
func (c *closure) find(o *object, lib string) (*object, error) {
	if o, ok := c.loaded[lib]; ok {
		return o, nil
	}
	if c.musl && c.self != nil && muslOwn(lib) {
		return c.self, nil
	}
	if strings.Contains(lib, "/") {
		if next, links, ok, err := c.try(path.Clean("/" + c.expand(lib, o))); err != nil || ok {
			c.keep(next, o, lib, links)
			return next, err
		}
		return nil, &MissingError{Program: c.program, NeededBy: o.path, Library: lib}
	}
	var searched []string
	for _, places := range []func() (dirs, files []string, extra string){
		func() ([]string, []string, string) { return c.search(o), nil, "" },
		func() ([]string, []string, string) { return nil, c.cache[lib], CachePath },
		c.lastPlaces,
		c.before,
	} {
		dirs, files, extra := places()
		if c.failed != nil {
			return nil, c.failed
		}
		for _, dir := range dirs {
			if !slices.Contains(searched, dir) {
				searched = append(searched, dir)
			}
			files = append(files, path.Join(dir, lib))
		}
		next, err := c.first(o, lib, files)
		if err != nil {
			return nil, err
		}
		if next != nil {
			return next, c.knownBy(next, o, lib, extra)
		}
	}
	missing := &MissingError{Program: c.program, NeededBy: o.path, Library: lib, Searched: searched}
	for _, dir := range c.conf {
		if name := path.Join(dir, lib); !c.musl && c.cache != nil && c.exists(name) {
			missing.Unlisted = name
		}
	}
	return nil, missing
}

// lastPlaces are the default directories. Where glibc's cache is in no known
// format, the directories that it is made from stand for it.
func (c *closure) lastPlaces() (dirs, files []string, extra string) {
	if c.musl {
		return c.defaults(), nil, c.muslPath()
	}
	if c.cache == nil && c.exists(CachePath) {
		return append(slices.Clone(c.conf), c.defaults()...), nil, CachePath
	}
	return c.defaults(), nil, ""
}

// before are the directories of libraries that are loaded already.
func (c *closure) before() (dirs, files []string, extra string) {
	if c.options.Loaded != nil {
		dirs, c.failed = c.options.Loaded()
	}
	return dirs, nil, ""
}

// first keeps the first of the candidates that is a library for this program.
func (c *closure) first(o *object, lib string, files []string) (*object, error) {
	for _, name := range files {
		next, links, ok, err := c.try(name)
		if err != nil {
			return nil, err
		}
		if ok {
			c.keep(next, o, lib, links)
			return next, nil
		}
	}
	return nil, nil
}

// knownBy adds the file by which alone the loader finds a library that lies
// outside of its own directories, with the variants for newer processors that
// the file prefers there.
func (c *closure) knownBy(next, o *object, lib, extra string) error {
	own := muslDefaults
	if !c.musl {
		own = c.defaults()
	}
	if extra == "" || slices.Contains(own, path.Dir(next.path)) {
		return nil
	}
	if err := c.extra(extra, o.path, "by which the loader finds "+lib+" of "+o.path); err != nil || c.musl {
		return err
	}
	for _, variant := range c.cache[lib] {
		if strings.Contains(variant, "/glibc-hwcaps/") {
			if err := c.extra(variant, o.path, "variant of "+lib+" for newer processors"); err != nil {
				return err
			}
		}
	}
	return nil
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
	if tree.Missing(err) {
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
