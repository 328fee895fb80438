package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Unknown says what stands for a variable whose value is not known here. declared
// is true where an ARG or ENV of the file names it, or BuildKit itself does. A
// variable that is not set is empty to most words and missing to ${name:?text}.
type Unknown func(name string, declared bool) (value string, set bool)

// Fill reads a word of an instruction as BuildKit does: quotes and escapes go,
// variables are filled in. The error is BuildKit's own.
func (f *File) Fill(in Instruction, word string, unknown Unknown) (string, error) {
	if !f.special(word) || !f.expandable(word) {
		return word, nil
	}
	value, _, err := shell.NewLex(f.Escape).ProcessWord(word, f.filled(in, unknown))
	f.grown(word, value)
	return value, err
}

// FillWords is Fill for a word that falls into several once variables are in it,
// as those of EXPOSE do.
func (f *File) FillWords(in Instruction, word string, unknown Unknown) ([]string, error) {
	if !f.special(word) || !f.expandable(word) {
		return []string{word}, nil
	}
	words, err := shell.NewLex(f.Escape).ProcessWords(word, f.filled(in, unknown))
	f.grown(word, strings.Join(words, ""))
	return words, err
}

// FillHeredoc is Fill for the body of a heredoc, in which quotes and the file's
// escape character mean nothing.
func (f *File) FillHeredoc(in Instruction, text string, unknown Unknown) (string, error) {
	if !strings.Contains(text, "$") || !f.expandable(text) {
		return text, nil
	}
	lex := shell.NewLex('\\')
	lex.SkipProcessQuotes = true
	value, _, err := lex.ProcessWord(text, f.filled(in, unknown))
	f.grown(text, value)
	return value, err
}

// special reports whether a word is another once BuildKit has read it.
func (f *File) special(word string) bool {
	return strings.ContainsAny(word, "$\"'") || strings.ContainsRune(word, f.Escape)
}

// PlatformDefault is what a variable that BuildKit declares for every FROM is for
// a build on and for linux/amd64.
func PlatformDefault(name string) (value string, ok bool) { return platform.Get(name) }

func (f *File) filled(in Instruction, unknown Unknown) shell.EnvGetter {
	if in.Stage < 0 || in.Keyword == "from" {
		return f.outside(in, unknown)
	}
	return filled{f, in, unknown}
}

// outside are the variables of FROM and of the ARGs before it, which nothing but
// those ARGs, the build and BuildKit sets.
func (f *File) outside(in Instruction, unknown Unknown) shell.EnvGetter {
	out := settled{global{}, map[string]bool{}, unknown}
	for name := range platform {
		out.open[name] = true
	}
	for name, value := range f.build.platform() {
		out.known[name] = value
	}
	for _, arg := range f.Instructions[:in.Index] {
		if arg.Stage >= 0 || arg.Keyword != "arg" {
			continue
		}
		for _, p := range arg.Pairs() {
			if value, given := f.build.Args[p.Key]; given {
				out.known[p.Key] = value
			} else if !p.HasValue {
				out.open[p.Key] = true
			} else if f.expandable(p.Value) {
				value, _, err := shell.NewLex(f.Escape).ProcessWord(p.Value, out)
				f.grown(p.Value, value)
				if err == nil && len(value) <= maxValue {
					out.known[p.Key] = value
				} else {
					out.open[p.Key] = true
				}
			}
		}
	}
	return out
}

// settled are the variables of FROM. It implements shell.EnvGetter.
type settled struct {
	known   global
	open    map[string]bool // declared without a value
	unknown Unknown
}

// Get implements shell.EnvGetter.
func (s settled) Get(name string) (string, bool) {
	if v, ok := s.known[name]; ok {
		return v, true
	}
	return s.unknown(name, s.open[name])
}

// Keys implements shell.EnvGetter.
func (s settled) Keys() []string { return s.known.Keys() }

// filled are the variables in force at an instruction of a stage. It implements
// shell.EnvGetter.
type filled struct {
	f       *File
	in      Instruction
	unknown Unknown
}

// Get implements shell.EnvGetter.
func (e filled) Get(name string) (string, bool) {
	x, declared := scope{e.f, e.in.Stage, e.in.Index}.lookup(name)
	if declared && x.known {
		return x.value, true
	}
	return e.unknown(name, declared)
}

// Keys implements shell.EnvGetter.
func (e filled) Keys() []string { return e.f.Names(e.in) }
