package dockerfile

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/whittle-oci/whittle/builder/image"
)

// open reports whether the mode lets everyone write, the sticky bit aside, which
// the linter warns of.
func (c copyOp) open() bool {
	mode, err := strconv.ParseUint(c.mode, 8, 32)
	return err == nil && mode&0o002 != 0 && mode&0o1000 == 0
}

// lines writes the instruction, with the contents of its files after it.
func (c copyOp) lines(u *userFile, wide int) (out, contents []string) {
	flags := []string{"COPY"}
	switch {
	case c.contents != nil || c.fromContext != nil:
	case c.made:
		flags = append(flags, "--from="+u.directories)
	default:
		flags = append(flags, "--from="+u.stage)
	}
	flags = append(flags, fmt.Sprintf("--chown=%d:%d", c.uid, c.gid))
	if c.mode != "" {
		flags = append(flags, "--chmod="+c.mode)
	}
	if c.paths != nil {
		flags = append(flags, "--parents")
	}
	for _, x := range c.exclude {
		flags = append(flags, "--exclude="+u.flag(x))
	}
	var sources []string
	switch {
	case c.contents != nil:
		names := delimiters(c.contents)
		for i, e := range c.contents {
			sources = append(sources, "<<'"+names[i]+"'")
			if len(e.Data) > 0 {
				contents = append(contents, strings.Split(strings.TrimSuffix(string(e.Data), "\n"), "\n")...)
			}
			contents = append(contents, names[i])
		}
	case c.fromContext != nil:
		for _, name := range c.fromContext {
			sources = append(sources, glob(name))
		}
	case c.paths == nil:
		sources = []string{glob(inDir(c.base))}
	default:
		for _, name := range c.paths {
			at := "/" + pattern(relative(name, "/"))
			if c.base != "/" {
				at = glob(c.base) + "/./" + pattern(relative(name, c.base))
			}
			sources = append(sources, at)
		}
	}
	dest := inDir(c.base)
	if len(c.contents) == 1 {
		dest = c.contents[0].Path
	}
	words := append(sources, dest)
	if c.contents == nil && plain(words) {
		for i := range words {
			words[i] = u.word(words[i])
		}
	} else if c.contents == nil {
		words = u.list(words)
	} else {
		words[len(words)-1] = u.word(dest)
	}
	return fill(append(flags, words...), wide, string(u.escape)), contents
}

// delimiters are the words that end heredocs: the names of the files, which
// they get by it when there are several, and another where a file on its own
// needs one.
func delimiters(files []image.Entry) []string {
	var out []string
	for _, e := range files {
		word := path.Base(e.Path)
		for n := 1; !delimits(word, e); n++ {
			word = fmt.Sprintf("EOF%d", n)
		}
		out = append(out, word)
	}
	return out
}

// fill puts words on lines, the first as long as what follows fits.
func fill(words []string, wide int, escape string) []string {
	var out []string
	line := words[0]
	for _, word := range words[1:] {
		if len(line)+1+len(word)+2 > wide && strings.TrimSpace(line) != "" {
			out = append(out, line+" "+escape)
			line = "   "
		}
		line += " " + word
	}
	return append(out, line)
}

// plain reports whether words can stand beside each other: a white space or a
// quotation mark asks for a list.
func plain(words []string) bool {
	for i, w := range words {
		if strings.ContainsAny(w, "'\"") || strings.ContainsFunc(w, unicode.IsSpace) || strings.Contains(w, "<<") || i == 0 && strings.HasPrefix(w, "[") {
			return false
		}
	}
	return true
}

// list writes words as a list in JSON, each an element on its own.
func (u *userFile) list(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = text(u.expanded(w))
		if i < len(words)-1 {
			out[i] += ","
		}
	}
	out[0] = "[" + out[0]
	out[len(out)-1] += "]"
	return out
}

// text writes a string in JSON.
func text(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // of a string it does not fail
	return strings.TrimSuffix(b.String(), "\n")
}

// exec writes a command line in exec form.
func exec(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = text(a)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// expanded writes a word so that it is itself when variables are expanded.
func (u *userFile) expanded(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == u.escape || strings.ContainsRune(`$'"`, r) {
			b.WriteRune(u.escape)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// word writes a word of an instruction that expands variables.
func (u *userFile) word(s string) string { return u.expanded(s) }

// quoted writes a value of ENV or LABEL.
func (u *userFile) quoted(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == u.escape || r == '$' || r == '"' {
			b.WriteRune(u.escape)
		}
		b.WriteRune(r)
	}
	return `"` + b.String() + `"`
}

// flag writes the value of a flag, in which quotation marks, white space and
// escapes have a meaning, and variables have none.
func (u *userFile) flag(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == u.escape || r == '\'' || r == '"' || unicode.IsSpace(r) {
			b.WriteRune(u.escape)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// literal gives the pattern that matches a name and nothing else, of those that
// .dockerignore has.
func literal(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case strings.ContainsRune(`*?[]\!`, r):
			b.WriteString(`\` + string(r))
		case unicode.IsSpace(r):
			b.WriteString("[" + string(r) + "]")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// pattern gives the same for a source of COPY --parents. One without a class or
// a wildcard is looked for as it stands, backslashes and all, so that one with
// backslashes gets a class.
func pattern(name string) string {
	s := literal(name)
	if !strings.Contains(s, `\`) || strings.ContainsFunc(name, unicode.IsSpace) {
		return s
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c < unicode.MaxASCII && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c))):
			return s[:i] + "[" + s[i:i+1] + "]" + s[i+1:]
		}
	}
	return s
}

// glob gives the pattern that matches a path and nothing else, of those of
// filepath.Match.
func glob(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`*?[\`, r) {
			b.WriteString(`\`)
		}
		b.WriteRune(r)
	}
	return b.String()
}
