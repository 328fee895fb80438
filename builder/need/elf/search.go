package elf

import (
	"context"
	"debug/elf"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// search lists where the loader looks for a library of o before it asks its
// cache and the default directories, in order.
func (c *closure) search(o *object) []string {
	var out []string
	add := func(dirs []string, from *object) {
		for _, d := range dirs {
			if d != "" {
				out = append(out, path.Clean("/"+c.expand(d, from)))
			}
		}
	}
	if c.musl {
		// musl inherits both kinds and goes by DT_RUNPATH where a file has
		// two; LD_LIBRARY_PATH comes first.
		add(c.options.LibraryPath, o)
		for p := o; p != nil; p = p.parent {
			if len(p.info.RunPath) > 0 {
				add(p.info.RunPath, p)
			} else {
				add(p.info.RPath, p)
			}
		}
		return out
	}
	if len(o.info.RunPath) == 0 {
		for p := o; p != nil; p = p.parent {
			if len(p.info.RunPath) == 0 {
				add(p.info.RPath, p)
			}
		}
	}
	add(c.options.LibraryPath, o)
	add(o.info.RunPath, o)
	return out
}

// muslDefaults are the directories of musl's loader where no path file says
// otherwise.
var muslDefaults = []string{"/lib", "/usr/local/lib", "/usr/lib"}

// defaults are the places that every program has. glibc is built to know
// its own directory and /lib and /usr/lib; a distribution's others come
// through ld.so.conf and its cache.
//
// The glibc-hwcaps directories are left out: an image runs on any machine, so
// the baseline library is the one to carry.
func (c *closure) defaults() []string {
	if c.musl {
		if len(c.conf) > 0 {
			return c.conf
		}
		return muslDefaults
	}
	triplet := machines[c.machine].triplet
	return []string{"/lib/" + triplet, "/usr/lib/" + triplet, "/lib64", "/usr/lib64", "/lib", "/usr/lib"}
}

// muslOwn are the libraries that musl's loader takes for itself, whatever
// their version (ldso/dynlink.c, load_library).
func muslOwn(lib string) bool {
	rest, ok := strings.CutPrefix(lib, "lib")
	name, _, dot := strings.Cut(rest, ".")
	return ok && dot && slices.Contains([]string{"c", "pthread", "rt", "m", "dl", "util", "xnet"}, name)
}

// expand replaces $ORIGIN, $LIB and $PLATFORM (ld.so(8), dynamic string
// tokens). $ORIGIN is the directory of the program's real file, and that of the
// name under which a library was found.
func (c *closure) expand(s string, o *object) string {
	origin := path.Dir(o.path)
	if o.parent == nil {
		origin = path.Dir(o.real)
	}
	lib := "lib"
	if c.class == elf.ELFCLASS64 {
		lib = "lib64"
		if t := machines[c.machine].triplet; t != "" && c.exists("/usr/lib/"+t) {
			lib = "lib/" + t
		}
	}
	platform := machines[c.machine].platform
	return strings.NewReplacer(
		"${ORIGIN}", origin, "$ORIGIN", origin,
		"${LIB}", lib, "$LIB", lib, "${PLATFORM}", platform, "$PLATFORM", platform,
	).Replace(s)
}

// maxConf is the largest loader configuration that is read, in bytes.
const maxConf = 1 << 20

func (c *closure) muslPath() string { return "/etc/ld-musl-" + machines[c.machine].musl + ".path" }

// readConf reads the loader's directories: the path file for musl, the cache
// for glibc. ld.so.conf says which directories the cache should know.
func (c *closure) readConf() error {
	if c.musl {
		data, err := tree.ReadOptional(c.ctx, c.t, c.muslPath(), maxConf)
		c.conf = append(c.conf, strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' || r == ':' })...)
		return err
	}
	data, err := tree.ReadOptional(c.ctx, c.t, CachePath, maxCache)
	if err != nil {
		return err
	}
	if libraries, ok := parseCache(data); ok {
		c.cache = libraries
	}
	return c.include("/etc/ld.so.conf", 0)
}

// include reads one file of ld.so.conf's language: directories, include lines
// with globs, comments.
func (c *closure) include(name string, depth int) error {
	if depth > 8 {
		return nil
	}
	data, err := tree.ReadOptional(c.ctx, c.t, name, maxConf)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		pattern, ok := strings.CutPrefix(line, "include ")
		switch {
		case line == "" || strings.HasPrefix(line, "hwcap "):
		case ok:
			if err := c.includes(strings.TrimSpace(pattern), path.Dir(name), depth); err != nil {
				return err
			}
		default:
			c.conf = append(c.conf, path.Clean("/"+line))
		}
	}
	return nil
}

func (c *closure) includes(pattern, dir string, depth int) error {
	if !path.IsAbs(pattern) {
		pattern = path.Join(dir, pattern)
	}
	res, err := tree.Resolve(c.ctx, c.t, path.Dir(pattern))
	if need.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := c.t.ReadDir(c.ctx, res.Path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ok, _ := doublestar.Match(path.Base(pattern), e.Name); ok {
			if err := c.include(path.Join(res.Path, e.Name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// ConfiguredDirs gives the directories that /etc/ld.so.conf names for glibc's
// loader.
func ConfiguredDirs(ctx context.Context, t tree.Tree) ([]string, error) {
	c := &closure{ctx: ctx, t: t}
	err := c.include("/etc/ld.so.conf", 0)
	return c.conf, err
}

// extra adds a file that is there, and nothing when it is not.
func (c *closure) extra(name, neededBy, reason string) error {
	res, err := tree.Resolve(c.ctx, c.t, name)
	if tree.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.deps, func(d Dependency) bool { return d.Path == name }) || res.Entry.IsDir() {
		return nil
	}
	c.deps = append(c.deps, Dependency{name, res.Path, res.Links, neededBy, reason})
	return nil
}
