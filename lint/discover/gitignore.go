package discover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// An ignoring is the patterns of one .gitignore (git-scm.com/docs/gitignore).
type ignoring struct {
	dir      string // that its patterns are meant from
	patterns []pattern
}

type pattern struct {
	glob      string
	negated   bool // takes back what one before it ignores
	directory bool // is about directories alone
}

// ignorings are the files that hold in a directory, the outermost first. Where
// several speak of a path the innermost decides.
type ignorings []ignoring

// ignores reports whether a path is left out. That a directory above it is left
// out is for the caller to see.
func (g ignorings) ignores(path string, isDir bool) bool {
	for _, file := range slices.Backward(g) {
		rel, err := filepath.Rel(file.dir, path)
		if err != nil {
			continue
		}
		rel = filepath.ToSlash(rel)
		for _, p := range slices.Backward(file.patterns) {
			if p.directory && !isDir {
				continue
			}
			if ok, err := doublestar.Match(p.glob, rel); ok && err == nil {
				return !p.negated
			}
		}
	}
	return false
}

// in adds the file of a directory, if it has one.
func (g ignorings) in(dir string) ignorings {
	data, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
	if err != nil {
		return g
	}
	return append(g[:len(g):len(g)], ignoring{dir, patterns(string(data))})
}

// above reads the files of a repository that hold in a directory of it, its own
// not among them. Outside a repository there are none.
func above(dir string) ignorings {
	var dirs []string
	for up := range upward(dir) {
		dirs = append(dirs, up)
	}
	if len(dirs) == 0 {
		return nil
	}
	root := dirs[len(dirs)-1]
	if !exists(filepath.Join(root, ".git")) {
		return nil
	}
	var out ignorings
	if data, err := os.ReadFile(filepath.Join(root, ".git", "info", "exclude")); err == nil {
		out = append(out, ignoring{root, patterns(string(data))})
	}
	for _, d := range slices.Backward(dirs[1:]) {
		out = out.in(d)
	}
	return out
}

// patterns reads a .gitignore. What is no pattern is passed over, as git does.
func patterns(text string) []pattern {
	var out []pattern
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		var p pattern
		line, p.negated = strings.CutPrefix(line, "!")
		line, p.directory = strings.CutSuffix(line, "/")
		if !strings.Contains(line, "/") {
			line = "**/" + line
		}
		line = strings.TrimPrefix(line, "/")
		if strings.HasSuffix(line, "/**") { // what is inside, not the directory
			line += "/*"
		}
		if p.glob = withoutBraces(line); line != "" && doublestar.ValidatePattern(p.glob) {
			out = append(out, p)
		}
	}
	return out
}

// withoutBraces escapes what is special to doublestar and not to git.
func withoutBraces(glob string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '\\' && i+1 < len(glob):
			b.WriteByte(c)
			i++
			b.WriteByte(glob[i])
			continue
		case c == '[':
			class = true
		case c == ']':
			class = false
		case (c == '{' || c == '}') && !class:
			b.WriteByte('\\')
		}
		b.WriteByte(glob[i])
	}
	return b.String()
}
