// Package discover finds Dockerfiles in directories, and what belongs to one:
// its build context, the configuration above it, and what Compose and Bake
// files say of how it is built. It never reads a Dockerfile.
package discover

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// skipped are directories that hold what others wrote, or what tools made.
var skipped = []string{".git", "node_modules", "vendor", ".cache"}

// Found is what a search through directories found.
type Found struct {
	Dockerfiles []string // in lexical order
	Sources     []string // Compose and Bake files, which say how some are built
}

// In looks through a directory and those below it, hidden ones too, for files
// that are named as Dockerfiles, Compose files and Bake files are. What a
// .gitignore of its repository, or below it, leaves out is left out.
// Directories that cannot be read do not stop the search; they are in err.
func In(dir string) (found Found, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return found, err
	}
	s := search{found: &found, root: dir, abs: abs}
	s.walk(".", above(abs))
	return found, errors.Join(s.errs...)
}

// A search is one call of In.
type search struct {
	found     *Found
	root, abs string
	errs      []error
}

// walk looks through a directory below the root, in which ignored holds.
func (s *search) walk(rel string, ignored ignorings) {
	entries, err := os.ReadDir(filepath.Join(s.root, rel))
	if err != nil {
		s.errs = append(s.errs, err)
		return
	}
	ignored = ignored.in(filepath.Join(s.abs, rel))
	for _, e := range entries {
		name := filepath.Join(rel, e.Name())
		switch {
		case e.IsDir():
			if !slices.Contains(skipped, e.Name()) && !ignored.ignores(filepath.Join(s.abs, name), true) {
				s.walk(name, ignored)
			}
		case !e.Type().IsRegular():
		case Named(e.Name()):
			if !ignored.ignores(filepath.Join(s.abs, name), false) {
				s.found.Dockerfiles = append(s.found.Dockerfiles, filepath.Join(s.root, name))
			}
		case IsSource(e.Name()):
			if !ignored.ignores(filepath.Join(s.abs, name), false) {
				s.found.Sources = append(s.found.Sources, filepath.Join(s.root, name))
			}
		}
	}
}

// others are the extensions of what is called after a Dockerfile and is none:
// its ignore file, what is written about it, what programs leave behind, and
// templates that make one.
var others = []string{
	".dockerignore", ".containerignore", ".md", ".rst", ".txt", ".bak", ".orig", ".rej", ".swp",
	".in", ".erb", ".j2", ".jinja", ".jinja2", ".mustache", ".template", ".tmpl", ".tpl",
}

// Named reports whether a file of this base name is taken for a Dockerfile:
// Dockerfile or Containerfile, either with a suffix behind a dot, or a name that
// ends in .dockerfile or .containerfile, all in any case; or Dockerfile-NAME or
// Dockerfile_NAME without an extension, which dockerfile-parser.go has.
func Named(base string) bool {
	lower := strings.ToLower(base)
	if slices.Contains(others, filepath.Ext(lower)) {
		return false
	}
	for _, kind := range []string{"dockerfile", "containerfile"} {
		if lower == kind || strings.HasPrefix(lower, kind+".") || strings.HasSuffix(lower, "."+kind) {
			return true
		}
	}
	for _, kind := range []string{"Dockerfile", "Containerfile"} {
		name, ok := strings.CutPrefix(base, kind)
		if ok && strings.ContainsRune("-_", rune(name[0])) && !strings.HasSuffix(name, "~") {
			return strings.Trim(filepath.Ext(name), ".0123456789") == "" // that of a version is none
		}
	}
	return false
}

// Above lists the files of this base name in a directory and those above it, up
// to the root of its repository, the outermost first.
func Above(dir, base string) []string {
	var out []string
	for up := range upward(dir) {
		if file := filepath.Join(up, base); exists(file) {
			out = append(out, file)
		}
	}
	slices.Reverse(out)
	return out
}

// Nearest finds a file that has one of the base names in a directory or the
// nearest one above it, up to the root of its repository. It is "" when there
// is none.
func Nearest(dir string, base ...string) string {
	for up := range upward(dir) {
		for _, b := range base {
			if file := filepath.Join(up, b); exists(file) {
				return file
			}
		}
	}
	return ""
}

// upward yields a directory and those above it, as absolute paths. The last is
// the root of the repository or of the file system.
func upward(dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return
		}
		for up := abs; yield(up); up = filepath.Dir(up) {
			if exists(filepath.Join(up, ".git")) || up == filepath.Dir(up) {
				return
			}
		}
	}
}

// Context is the directory that a Dockerfile is most likely built in: the
// nearest one above it that has a .dockerignore or a .git, else its own.
func Context(dockerfile string) string {
	own := filepath.Dir(dockerfile)
	for dir := range upward(own) {
		if exists(filepath.Join(dir, ".dockerignore")) || exists(filepath.Join(dir, ".git")) {
			return dir
		}
	}
	return own
}

// Contexts remembers the contexts of directories, for a run in which no file
// comes or goes. The zero value is ready, and nil remembers nothing.
type Contexts struct {
	of sync.Map // a Dockerfile's directory to its context
}

// Of is Context.
func (c *Contexts) Of(dockerfile string) string {
	if c == nil {
		return Context(dockerfile)
	}
	own := filepath.Dir(dockerfile)
	if dir, ok := c.of.Load(own); ok {
		return dir.(string) //nolint:forcetypeassert // nothing else is stored
	}
	dir := Context(dockerfile)
	c.of.Store(own, dir)
	return dir
}

// Root is the top of the repository that a directory is in, by its .git; the
// directory itself where it is in none.
func Root(dir string) string {
	for up := dir; ; up = filepath.Dir(up) {
		if exists(filepath.Join(up, ".git")) {
			return up
		}
		if up == filepath.Dir(up) {
			return dir
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
