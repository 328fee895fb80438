package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The bounds of what is read: no file that a template looks at is large, and no
// search goes through what is installed.
const (
	maxFile    = 32 << 20 // lock files of large projects have ten megabytes
	maxEntries = 20_000
)

// A project is what a template reads, and what it has found.
type project struct {
	fsys     fs.FS
	options  Options
	root     []fs.DirEntry
	values   map[string]string // of the text
	evidence []Evidence
	warnings []string
	ignore   []string // further lines of .dockerignore
	err      error    // the first file that could not be read
	read     map[string]string
}

func (p *project) open() (err error) {
	p.read = map[string]string{}
	p.root, err = fs.ReadDir(p.fsys, ".")
	return err
}

func (p *project) found(what, value, why string) {
	p.evidence = append(p.evidence, Evidence{what, value, why})
}

func (p *project) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

// has reports whether there is a regular file of the name.
func (p *project) has(name string) bool {
	info, err := fs.Stat(p.fsys, name)
	return err == nil && info.Mode().IsRegular()
}

func (p *project) isDir(name string) bool {
	info, err := fs.Stat(p.fsys, name)
	return err == nil && info.IsDir()
}

// first gives the first of the names that is a file, or "".
func (p *project) first(names ...string) string {
	for _, n := range names {
		if p.has(n) {
			return n
		}
	}
	return ""
}

// all gives those of the names that are files.
func (p *project) all(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !p.has(n) })
}

// text reads a file, "" where there is none. What cannot be read, or is too
// large to be what it is called, is the error of the project.
func (p *project) text(name string) string {
	if s, ok := p.read[name]; ok {
		return s
	}
	if !p.has(name) {
		return ""
	}
	s, err := p.load(name)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("reading %s: %w", name, err)
	}
	p.read[name] = s
	return s
}

func (p *project) load(name string) (string, error) {
	f, err := p.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil
}

// line gives the first line of a file that says something, without a comment.
func (p *project) line(name string) string {
	for l := range strings.Lines(p.text(name)) {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			return l
		}
	}
	return ""
}

// json reads a file into v. A file that is no JSON is the error of the project.
func (p *project) json(name string, v any) {
	if s := p.text(name); s != "" {
		if err := json.Unmarshal([]byte(s), v); err != nil {
			p.bad(name, err)
		}
	}
}

// toml is json for TOML.
func (p *project) toml(name string, v any) {
	if s := p.text(name); s != "" {
		if err := toml.Unmarshal([]byte(s), v); err != nil {
			p.bad(name, err)
		}
	}
}

func (p *project) bad(name string, err error) {
	if p.err == nil {
		p.err = &Error{Problem: fmt.Sprintf("%s cannot be read: %v", name, err), Hint: "mend it, or write a Dockerfile"}
	}
}

// dirs lists the directories in dir that can hold a project's own code.
func (p *project) dirs(dir string) (out []string) {
	entries, err := fs.ReadDir(p.fsys, dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && !foreign(e.Name()) {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

// foreign reports whether a directory of the name holds what others wrote, or
// what is no part of the program.
func foreign(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		slices.Contains([]string{"node_modules", "vendor", "testdata", "target", "venv", "env", "__pycache__", "bower_components"}, name)
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// walk calls f for every file of the project's own code, depth levels deep at
// most, until f says that it has seen enough.
func (p *project) walk(depth int, f func(name string) (enough bool)) {
	entries := 0
	err := fs.WalkDir(p.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be listed has nothing to say
		}
		if entries++; entries > maxEntries {
			return errEnough
		}
		if d.IsDir() {
			if name != "." && foreign(d.Name()) || strings.Count(name, "/") >= depth {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && f(name) {
			return errEnough
		}
		return nil
	})
	if entries > maxEntries {
		p.warn("only the first %d files were looked at", maxEntries)
	} else if err != nil && !errors.Is(err, errEnough) && p.err == nil {
		p.err = err
	}
}

// set gives the text a value.
func (p *project) set(name, value string) { p.values[name] = value }

// plainWord are the texts that mean themselves in a shell and in Dockerfiles.
func plainWord() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9@%_+=:,./~^-]+$`) }

// word gives the text a value that stands where a shell or BuildKit reads it as
// one word, and refuses one that would be read otherwise.
func (p *project) word(name, value, from string) {
	if !plainWord().MatchString(value) && p.err == nil {
		p.err = &Error{Problem: fmt.Sprintf("%s: %q has characters that a Dockerfile cannot hold as it is", from, value), Hint: "rename it, or write a Dockerfile"}
	}
	p.set(name, value)
}

// command gives the text a command in JSON form.
func (p *project) command(name string, argv []string) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(argv); err != nil && p.err == nil {
		p.err = err
	}
	p.set(name, strings.ReplaceAll(strings.TrimSpace(b.String()), `","`, `", "`))
}

// asked cuts the command line that the user gave, nil where there is none.
func (p *project) asked() ([]string, error) {
	s := strings.TrimSpace(p.options.Start)
	if s == "" {
		return nil, nil
	}
	argv, ok := plainCommand(s)
	if !ok {
		return nil, &Error{Problem: fmt.Sprintf("--start %q needs a shell", s), Hint: "give one command without variables, redirections and the like, or write a Dockerfile"}
	}
	p.found("start", s, "--start")
	return argv, nil
}

// names lists a directory.
func (p *project) names(dir string) (out []string) {
	entries, err := fs.ReadDir(p.fsys, dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// glob gives what patterns match, each once.
func (p *project) glob(patterns ...string) (out []string) {
	for _, pattern := range patterns {
		found, err := fs.Glob(p.fsys, path.Clean(pattern))
		if err != nil {
			continue // a pattern of another kind
		}
		for _, f := range found {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// sorted gives the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
