// Package buildcontext lists the files of a build context that hold
// credentials and that COPY could take. It looks when it is first asked, reads
// of a file no more than shows whether there is a credential in it, and stops
// at a bound: a linter must not be slow because a directory is large.
package buildcontext

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/whittle-oci/whittle/lint/credential"
)

// A Directory is a build context on disk. It implements rule.Context.
type Directory struct {
	dir    string
	ignore []byte
	list   func() []string
	// matcher is the ignore file, nil for none.
	matcher func() *patternmatcher.PatternMatcher
}

// Open is the context in a directory, without what the ignore file, as
// IgnoreFile returns it, leaves out. Nothing is read yet.
func Open(dir string, ignore []byte) *Directory {
	d := &Directory{dir: dir, ignore: ignore}
	d.list = sync.OnceValue(d.look)
	d.matcher = sync.OnceValue(d.match)
	return d
}

// Files lists the files that hold credentials, as slash-separated paths in
// order. A directory that cannot be read is left out.
func (d *Directory) Files() []string { return d.list() }

// Files is a context of which only the credentials are known. It implements
// rule.Context.
type Files []string

// Files lists them.
func (f Files) Files() []string { return f }

// Ignored knows of no ignore file.
func (Files) Ignored(string) bool { return false }

// Holds knows no contents beyond those that Of has judged.
func (Files) Holds(string, string) (holds, known bool) { return false, false }

// Of keeps of some files, with the beginnings of their contents, those that
// hold credentials, as a look through a directory does.
func Of(contents map[string][]byte) Files {
	var out Files
	for name, content := range contents {
		dirs := strings.Split(strings.ToLower(path.Dir(name)), "/")
		kind, ok := credential.File(name)
		if ok && len(content) > 0 && kind.Holds(content) && !slices.ContainsFunc(dirs, func(d string) bool { return slices.Contains(skipped, d) }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Ignored reports whether the ignore file leaves a path out, as BuildKit's own
// check judges it (CopyIgnoredFile): the root only where all of it is named.
// Where the file has exceptions, which that check passes over, the files of the
// directory tell: a path is left out when nothing at or below it is let in.
func (d *Directory) Ignored(name string) bool {
	m := d.matcher()
	if m == nil {
		return false
	}
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if m.Exclusions() {
		return d.nothingLeft(m, strings.TrimPrefix(name, "/"))
	}
	if name == "." || name == "/" {
		return slices.ContainsFunc(m.Patterns(), func(p *patternmatcher.Pattern) bool {
			return slices.Contains([]string{"*", "**", "**/*"}, p.String())
		})
	}
	ignored, err := m.MatchesOrParentMatches(filepath.FromSlash(strings.TrimPrefix(name, "/")))
	return err == nil && ignored
}

// nothingLeft reports whether a path is there and the ignore file lets nothing
// at or below it into the build.
func (d *Directory) nothingLeft(m *patternmatcher.PatternMatcher, name string) bool {
	if d.dir == "" || name == "" || name == "." || strings.HasPrefix(name, "../") || strings.ContainsAny(name, "*?[") {
		return false
	}
	left, entries := false, 0
	root := filepath.Join(d.dir, filepath.FromSlash(name))
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			left = true // who knows
			return filepath.SkipAll
		}
		rel, err := filepath.Rel(d.dir, at)
		if err != nil {
			return err
		}
		if e.IsDir() && at != root {
			return nil
		}
		ignored, err := m.MatchesOrParentMatches(rel)
		if err == nil && (!ignored && !e.IsDir() || !ignored && at == root) {
			left = true
			return filepath.SkipAll
		}
		return err
	})
	return err == nil && !left
}

// Holds reports whether a file shows the credential that a name speaks of.
func (d *Directory) Holds(file, name string) (holds, known bool) {
	file = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(file, `\`, "/")), "/")
	kind, ok := credential.File(name)
	if !ok || file == "" {
		return false, false
	}
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return false, false
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(file))
	if err != nil {
		return false, false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, false
	}
	content, err := io.ReadAll(io.LimitReader(f, credential.MaxContent))
	return len(content) > 0 && kind.Holds(content), err == nil
}

// IgnoreFile reads the ignore file that BuildKit takes for a Dockerfile: the one
// named after it beside it, else the context's. It is nil when there is none.
func IgnoreFile(dir, dockerfile string) []byte {
	_, data := FindIgnoreFile(dir, dockerfile)
	return data
}

// IgnoreFileOf reports whether a file is an ignore file by its name, and the
// Dockerfile that it is named after, "" where it is its directory's. Podman
// calls it .containerignore.
func IgnoreFileOf(name string) (dockerfile string, is bool) {
	for _, suffix := range []string{".dockerignore", ".containerignore"} {
		if dockerfile, is := strings.CutSuffix(name, suffix); is {
			if base := filepath.Base(name); base == suffix {
				return "", true
			}
			return dockerfile, true
		}
	}
	return "", false
}

// FindIgnoreFile is IgnoreFile, with the name of the file.
func FindIgnoreFile(dir, dockerfile string) (name string, data []byte) {
	names := []string{filepath.Join(dir, ".dockerignore")}
	if dockerfile != "" {
		names = slices.Insert(names, 0, dockerfile+".dockerignore")
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil {
			return name, data
		}
	}
	return "", nil
}

// The bounds of a look.
const (
	maxEntries = 50_000 // names of files and directories
	maxReads   = 1_000  // files whose beginning is read
	maxDepth   = 20     // directories below each other
)

// skipped are directories that others wrote, or whose keys are made up for
// tests. Of .git the configuration alone is looked at.
var skipped = []string{
	"node_modules", "vendor", "venv", ".venv", "__pycache__", "site-packages", "bower_components",
	"test", "tests", "testdata", "fixtures", "spec", "mocks", "examples", "example", "docs",
}

// A look is one walk through a directory.
type look struct {
	root           string
	ignore         *patternmatcher.PatternMatcher // nil for none
	entries, reads int
	found          []string
}

func (d *Directory) look() []string {
	l := &look{root: d.dir, ignore: d.matcher()}
	l.walk("", 0, patternmatcher.MatchInfo{})
	slices.Sort(l.found)
	return l.found
}

// IsText reports whether a pattern can be compiled. For others the library
// prints to standard error and goes on (text/scanner, Scanner.Error).
func IsText(pattern string) bool {
	return utf8.ValidString(pattern) && !strings.ContainsRune(pattern, 0)
}

// match reads the ignore file. Patterns that BuildKit would refuse ignore
// nothing.
func (d *Directory) match() *patternmatcher.PatternMatcher {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(d.ignore))
	patterns = slices.DeleteFunc(patterns, func(p string) bool { return !IsText(p) })
	if err != nil || len(patterns) == 0 {
		return nil
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil
	}
	return m
}

// walk looks through one directory of the context, given by its path below the
// root. parent is how the ignore file takes the directory.
func (l *look) walk(dir string, depth int, parent patternmatcher.MatchInfo) {
	if depth > maxDepth || l.entries > maxEntries {
		return
	}
	entries, err := os.ReadDir(filepath.Join(l.root, filepath.FromSlash(dir)))
	if err != nil {
		return
	}
	l.entries += len(entries)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		ignored, info := l.ignored(name, parent)
		switch {
		case e.IsDir():
			if slices.Contains(skipped, strings.ToLower(e.Name())) || ignored && !l.ignore.Exclusions() {
				continue
			}
			if e.Name() == ".git" {
				l.file(".git/config", dir, info)
				continue
			}
			l.walk(name, depth+1, info)
		case e.Type().IsRegular() && !ignored:
			l.take(name)
		}
	}
}

// file takes one file of a directory that is not looked through.
func (l *look) file(name, dir string, parent patternmatcher.MatchInfo) {
	name = path.Join(dir, name)
	if ignored, _ := l.ignored(name, parent); !ignored {
		l.take(name)
	}
}

func (l *look) ignored(name string, parent patternmatcher.MatchInfo) (bool, patternmatcher.MatchInfo) {
	if l.ignore == nil {
		return false, parent
	}
	ignored, info, err := l.ignore.MatchesUsingParentResults(filepath.FromSlash(name), parent)
	return err == nil && ignored, info
}

// take lists a file that holds a credential.
func (l *look) take(name string) {
	kind, ok := credential.File(name)
	if !ok || l.reads >= maxReads {
		return
	}
	l.reads++
	f, err := os.Open(filepath.Join(l.root, filepath.FromSlash(name)))
	if err != nil {
		if kind.Certain && !os.IsNotExist(err) {
			l.found = append(l.found, name)
		}
		return
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, credential.MaxContent))
	if err == nil && len(content) > 0 && kind.Holds(content) {
		l.found = append(l.found, name)
	}
}
