package smoke

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
)

// A FailedError is an image that did not do what was asked of it.
type FailedError struct {
	Check  Check
	Result Result
	// Because are lines of the report that have to do with what was printed.
	Because []string
}

// lastLines is how much of the output an error shows.
const lastLines = 10

// Error tells what was tried, what became of it, the last lines of the output,
// and what the report has to say about them.
func (e *FailedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "smoke: %s: %s", image.Printable(e.Check.String()), image.Printable(e.Result.Says(e.Check)))
	lines := slices.DeleteFunc(strings.Split(e.Result.Output, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	lines = lines[max(0, len(lines)-lastLines):]
	if len(lines) > 0 {
		b.WriteString("; it printed last")
	}
	for _, l := range lines {
		b.WriteString("\n  | " + image.Printable(strings.ReplaceAll(strings.TrimRight(l, "\r"), "\t", "    ")))
	}
	for _, l := range e.Because {
		b.WriteString("\n  " + l)
	}
	return b.String()
}

// Signs of something that was not found, as C libraries, loaders, shells and
// runtimes word them, in lower case.
var absent = []string{
	"no such file", "not found", "enoent", "cannot open", "can't open", "cannot find", "can't find", "could not find", "no module named", "does not exist",
	"cannot load", "could not load", "failed to open", "unable to open", "unable to load",
}

// Signs of something that could not be written or read.
var denied = []string{"read-only file system", "erofs", "permission denied", "eacces", "operation not permitted", "eperm", "not writable"}

// quoted matches what stands between quotes, absolute a path, command the name
// before a shell's "not found".
var quoted = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("[\"'`‘]([^\"'`’\n]+)[\"'`’]") })
var absolute = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|[^\w.])(/[^\s:"'` + "`" + `,;()<>\[\]]+)`) })
var command = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`([^\s:"']+)"?: (?:command |executable file )?not found`)
})
var library = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^\s:"'/]+\.so(?:\.[0-9]+)*`) })

// maxBecause is how many lines an explanation has, and maxNames how many names
// of the output it looks for.
const (
	maxBecause = 5
	maxNames   = 40
)

// Explain gives the lines of the report that the output of a failed trial has
// to do with: what was left out, what was warned of, what may be written to.
// built tells whether the built image has a file; writable are the directories
// that could be written to.
func Explain(output string, p *image.Plan, writable []string, built func(name string) bool) []string {
	var out []string
	say := func(format string, args ...any) {
		line := image.Printable(fmt.Sprintf(format, args...))
		if !slices.Contains(out, line) && len(out) < maxBecause {
			out = append(out, line)
		}
	}
	seen := map[string]bool{}
	fresh := func(name string) bool {
		known := seen[name] || len(seen) >= maxNames
		seen[name] = true
		return !known
	}
	for line := range strings.Lines(output) {
		lower := strings.ToLower(line)
		has := func(signs []string) bool {
			return slices.ContainsFunc(signs, func(s string) bool { return strings.Contains(lower, s) })
		}
		if has(absent) {
			for _, name := range names(line) {
				if fresh(name) {
					missing(name, p, built, say)
				}
			}
		}
		if !has(denied) {
			continue
		}
		for _, m := range absolute().FindAllStringSubmatch(line, -1) {
			if name := path.Clean(m[1]); fresh("denied " + name) {
				closed(name, p, writable, say)
			}
		}
	}
	return out
}

// names are what a line that misses something may be about: paths, libraries,
// what is quoted, commands.
func names(line string) []string {
	var out []string
	for _, m := range absolute().FindAllStringSubmatch(line, -1) {
		out = append(out, path.Clean(m[1]))
	}
	for _, m := range quoted().FindAllStringSubmatch(line, -1) {
		out = append(out, m[1])
	}
	for _, m := range command().FindAllStringSubmatch(line, -1) {
		out = append(out, m[1])
	}
	return append(out, library().FindAllString(line, -1)...)
}

// missing says what a plan knows of something that was not found.
func missing(name string, p *image.Plan, built func(string) bool, say func(string, ...any)) {
	if _, ok := p.Find(name); ok {
		return // it is there, and something that it needs may not be
	}
	known := false
	for _, l := range p.Left {
		if about(name, l.Path) {
			say("left out: %s, which %s; include: %s carries it", l.Path, l.Why, l.Path)
			known = true
		}
	}
	for _, w := range p.Warnings {
		if mentions(w.Message, name) {
			say("%s", strings.TrimSuffix("warned: "+w.Message+"; "+w.Hint, "; "))
			known = true
		}
	}
	if known || !path.IsAbs(name) || name == "/" {
		return
	}
	if built(name) {
		say("%s is in the built image and nothing showed that it is needed; include: %s carries it", name, name)
		return
	}
	say("%s is not in the built image either", name)
}

// about reports whether a path that was left out has to do with a name: it is
// it, lies above it, or is called so, as a library, a command or a module.
func about(name, left string) bool {
	if path.IsAbs(name) {
		return name == left || strings.HasPrefix(name, strings.TrimSuffix(left, "/")+"/")
	}
	first, _, _ := strings.Cut(name, ".") // of a.b.c, as Python names modules
	base := path.Base(left)
	return base == name || base == first || base == first+".py" || left == "package "+name
}

// mentions reports whether a text names something as a word of its own.
func mentions(text, name string) bool {
	for len(name) > 2 {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		before, after := text[:i], text[i+len(name):]
		inside := func(s string) bool {
			return s != "" && strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789_-", strings.ToLower(s))
		}
		if !inside(before[max(0, len(before)-1):]) && !inside(after[:min(1, len(after))]) {
			return true
		}
		text = after
	}
	return false
}

// closed says why a path could not be read or written.
func closed(name string, p *image.Plan, writable []string, say func(string, ...any)) {
	for dir := name; dir != "/"; dir = path.Dir(dir) {
		if slices.Contains(writable, dir) {
			return
		}
	}
	if e, ok := p.Find(name); ok && e.Type == image.File {
		say("%s has mode %s and belongs to %d:%d (%s)", name, image.Octal(e.Mode), e.UID, e.GID, e.Reason)
	}
	dir := name
	if e, ok := p.Find(name); !ok || e.Type != image.Dir {
		dir = path.Dir(name)
	}
	where := "nothing"
	if len(writable) > 0 {
		where = strings.Join(writable, ", ")
	}
	say("the root is read-only, and of it %s can be written to; writable: %s adds %s, unless it is to be a volume", where, dir, dir)
}
