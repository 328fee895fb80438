// Package ignorefile finds lines of .dockerignore files that do not do what they
// say: a build goes on without a word, with files that should have stayed out or
// without some that should have come along.
package ignorefile

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// A line is one pattern, as BuildKit reads it
// (github.com/moby/patternmatcher/ignorefile).
type line struct {
	span      source.Span
	pattern   string // without ! and leading slashes, cleaned
	exception bool
}

// lines reads the patterns with their places.
func lines(src *source.File) []line {
	var out []line
	for n := 1; n <= src.Lines(); n++ {
		text := string(src.Line(n))
		start := src.LineStart(n)
		if n == 1 {
			trimmed := strings.TrimPrefix(text, "\ufeff")
			start += len(text) - len(trimmed)
			text = trimmed
		}
		if strings.HasPrefix(text, "#") {
			continue
		}
		pattern := strings.TrimSpace(text)
		if pattern == "" {
			continue
		}
		start += strings.Index(text, pattern)
		l := line{span: source.Span{Start: start, End: start + len(pattern)}}
		if l.exception = pattern[0] == '!'; l.exception {
			pattern = strings.TrimSpace(pattern[1:])
		}
		if pattern != "" {
			pattern = path.Clean(pattern)
			if len(pattern) > 1 {
				pattern = strings.TrimPrefix(pattern, "/")
			}
		}
		l.pattern = pattern
		out = append(out, l)
	}
	return out
}

func (l line) String() string {
	if l.exception {
		return "!" + l.pattern
	}
	return l.pattern
}

// literal reports whether a pattern means one path.
func literal(pattern string) bool { return !strings.ContainsAny(pattern, `*?[\`) }

// Check looks at an ignore file of the context in dir, "" where that is not
// known. The diagnostics are of lint.IgnoreFile, in the order of the lines.
func Check(src *source.File, dir string) []lint.Diagnostic {
	var out []lint.Diagnostic
	note := func(l line, s rule.Severity, message string) {
		out = append(out, lint.Diagnostic{Rule: &lint.IgnoreFile, Severity: s, File: src, Finding: rule.Finding{Span: l.span, Message: message}})
	}
	list := lines(src)
	// One finding for all of them: a file of another kind has thousands.
	if i := slices.IndexFunc(list, func(l line) bool { return !buildcontext.IsText(l.pattern) }); i >= 0 {
		note(list[i], rule.Warning, "this is no UTF-8 text, so it matches no file; is it an ignore file?")
		list = slices.DeleteFunc(list, func(l line) bool { return !buildcontext.IsText(l.pattern) })
	}
	deep := below(dir, list)
	for i, l := range list {
		switch _, err := patternmatcher.New([]string{l.String()}); {
		case l.pattern == "":
			note(l, rule.Error, "! stands alone, which no build takes: name what is let in again")
			continue
		case err != nil:
			note(l, rule.Error, l.pattern+" is no pattern, so no build takes the file")
			continue
		}
		switch message := strange(l); {
		case message != "":
			note(l, rule.Warning, message)
		case l.exception && literal(l.pattern):
			if message := l.noException(list[:i], list[i+1:]); message != "" {
				note(l, rule.Warning, message)
			}
		case deep[l.pattern] != "":
			note(l, rule.Warning, l.pattern+" means the root of the context alone, and nothing there is called so; "+deep[l.pattern]+" comes along. Write **/"+l.pattern)
		}
	}
	return out
}

// Configured is Check as options have it: they may switch the rule off, or give
// it another severity.
func Configured(src *source.File, dir string, opts lint.Options) []lint.Diagnostic {
	if opts.Runs == nil || !opts.Runs(&lint.IgnoreFile) {
		return nil
	}
	out := Check(src, dir)
	if s, ok := opts.Severity[lint.IgnoreFile.Name]; ok {
		for i := range out {
			out[i].Severity = s
		}
	}
	return out
}

// strange says what is wrong with a pattern whatever the context holds.
func strange(l line) string {
	switch {
	case l.pattern == ".." || strings.HasPrefix(l.pattern, "../"):
		return l.pattern + " lies outside of the context, so the line does nothing"
	case strings.Contains(l.pattern, " #"):
		return "# begins a comment only at the start of a line; here it is a part of the pattern, which matches nothing"
	case len(l.pattern) > 2 && l.pattern[1] == ':' && strings.ContainsAny(l.pattern[2:3], `/\`):
		return l.pattern + " names a place on a machine; patterns begin at the root of the context"
	}
	return ""
}

// noException says why an exception of one path changes nothing: nothing above it
// leaves the path out, or a line below does so again.
func (l line) noException(above, under []line) string {
	if _, out := left(l.pattern, above); !out && !slices.ContainsFunc(above, func(a line) bool {
		return !a.exception && (!literal(a.pattern) || strings.HasPrefix(a.pattern, l.pattern+"/"))
	}) {
		return "no line above leaves " + l.pattern + " out, so the exception does nothing"
	}
	if by, out := left(l.pattern, under); out {
		return by.pattern + " below leaves " + l.pattern + " out again, so the exception does nothing; the last line that matches counts"
	}
	return ""
}

// left reports whether lines leave a path out, and the last that does.
func left(name string, list []line) (by line, out bool) {
	for _, l := range list {
		m, err := patternmatcher.New([]string{l.pattern})
		if err != nil || l.pattern == "" {
			continue
		}
		if ok, err := m.MatchesOrParentMatches(filepath.FromSlash(name)); err == nil && ok {
			by, out = l, !l.exception
		}
	}
	return by, out
}

// maxEntries is how many names of a context are looked at.
const maxEntries = 50_000

// below finds, for patterns of one name that nothing at the root of the context
// has, a path further down that has it and that no line leaves out.
func below(dir string, list []line) map[string]string {
	wanted := map[string]bool{}
	for _, l := range list {
		if l.exception || dir == "" || !literal(l.pattern) || strings.Contains(l.pattern, "/") || l.pattern == "." {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, l.pattern)); err != nil {
			wanted[l.pattern] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var patterns []string
	for _, l := range list {
		if l.pattern != "" {
			patterns = append(patterns, l.String())
		}
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil
	}
	out, entries := map[string]string{}, 0
	_ = filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if entries++; err != nil || entries > maxEntries || len(out) == len(wanted) {
			return fs.SkipAll
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil || rel == "." {
			return err
		}
		ignored, err := m.MatchesOrParentMatches(rel)
		if err != nil {
			return fs.SkipAll
		}
		switch name := e.Name(); {
		case ignored && !m.Exclusions() && e.IsDir(), name == ".git" && e.IsDir():
			return fs.SkipDir
		case !ignored && wanted[name] && out[name] == "":
			out[name] = filepath.ToSlash(rel)
			if e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir() && name == "node_modules":
			return fs.SkipDir // others wrote it
		}
		return nil
	})
	return out
}
