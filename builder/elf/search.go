package elf

import (
	"debug/elf"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/whittle-oci/whittle/builder/tree"
)

// directory is one place to look for a library. cache marks places that
// glibc's loader knows only from /etc/ld.so.cache.
type directory struct {
	path  string
	cache bool
}

// search lists where the loader looks for a library of o, in order. The
// glibc-hwcaps directories are left out: an image runs on any machine, so the
// baseline library is the one to carry.
func (c *closure) search(o *object) []directory {
	var out []directory
	add := func(dirs []string, from *object) {
		for _, d := range dirs {
			if d == "" {
				continue
			}
			out = append(out, directory{path: c.expand(d, from)})
		}
	}
	if c.musl {
		// musl treats both alike and inherits them: LD_LIBRARY_PATH first.
		add(c.options.LibraryPath, o)
		for p := o; p != nil; p = p.parent {
			add(p.info.RPath, p)
			add(p.info.RunPath, p)
		}
		return append(out, c.defaults()...)
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
	return append(out, c.defaults()...)
}

// defaults are the places that every program has. glibc is built to know
// its own directory and /lib and /usr/lib; a distribution's others come
// through ld.so.conf and its cache.
func (c *closure) defaults() []directory {
	var out []directory
	if c.musl {
		dirs := c.conf
		if len(dirs) == 0 {
			dirs = []string{"/lib", "/usr/local/lib", "/usr/lib"}
		}
		for _, d := range dirs {
			out = append(out, directory{path: d})
		}
		return out
	}
	triplet := triplets[c.machine]
	builtin := []string{"/lib/" + triplet, "/usr/lib/" + triplet, "/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	for _, d := range c.conf {
		if !slices.Contains(builtin, d) {
			out = append(out, directory{d, true})
		}
	}
	for _, d := range builtin {
		out = append(out, directory{path: d})
	}
	return out
}

// triplets are Debian's names of architectures in library paths.
var triplets = map[elf.Machine]string{
	elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu", elf.EM_ARM: "arm-linux-gnueabihf",
	elf.EM_386: "i386-linux-gnu", elf.EM_RISCV: "riscv64-linux-gnu", elf.EM_S390: "s390x-linux-gnu", elf.EM_PPC64: "powerpc64le-linux-gnu",
}

func muslArch(m elf.Machine) string {
	names := map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "aarch64", elf.EM_ARM: "armhf", elf.EM_386: "i386", elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x", elf.EM_PPC64: "powerpc64le"}
	return names[m]
}

// expand replaces $ORIGIN, $LIB and $PLATFORM (ld.so(8), dynamic string
// tokens). $ORIGIN is the directory of the real file.
func (c *closure) expand(s string, o *object) string {
	lib := "lib"
	if c.class == elf.ELFCLASS64 {
		lib = "lib64"
		if t := triplets[c.machine]; t != "" && c.exists("/usr/lib/"+t) {
			lib = "lib/" + t
		}
	}
	platform := map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "aarch64"}[c.machine]
	return strings.NewReplacer(
		"${ORIGIN}", path.Dir(o.real), "$ORIGIN", path.Dir(o.real),
		"${LIB}", lib, "$LIB", lib, "${PLATFORM}", platform, "$PLATFORM", platform,
	).Replace(s)
}

// maxConf is the largest loader configuration that is read, in bytes.
const maxConf = 1 << 20

// readConf reads the loader's directories: ld.so.conf for glibc, the path file
// for musl.
func (c *closure) readConf() error {
	if c.musl {
		data, err := c.optional("/etc/ld-musl-" + muslArch(c.machine) + ".path")
		c.conf = append(c.conf, strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' || r == ':' })...)
		return err
	}
	return c.include("/etc/ld.so.conf", 0)
}

func (c *closure) optional(name string) ([]byte, error) {
	data, err := tree.ReadFile(c.ctx, c.t, name, maxConf)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil, nil
	}
	return data, err
}

// include reads one file of ld.so.conf's language: directories, include lines
// with globs, comments.
func (c *closure) include(name string, depth int) error {
	if depth > 8 {
		return nil
	}
	data, err := c.optional(name)
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
	if errors.Is(err, fs.ErrNotExist) {
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

// carryCache adds the loader's cache, by which alone glibc knows directories
// of ld.so.conf.
func (c *closure) carryCache(neededBy, lib string) error {
	return c.extra("/etc/ld.so.cache", neededBy, "by which the loader finds "+lib+" of "+neededBy)
}

// extra adds a file that is there, and nothing when it is not.
func (c *closure) extra(name, neededBy, reason string) error {
	res, err := tree.Resolve(c.ctx, c.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
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
