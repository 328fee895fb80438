package dockerfile

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// A Ref is a variable named in a text.
type Ref struct {
	Name string
	// Start and End are the offsets of the name in the text, without "$".
	Start, End int
}

// Refs goes over the variables that BuildKit would fill into a text, those in
// the words that stand for others among them.
func (f *File) Refs(text string) iter.Seq[Ref] { return refs(text, byte(f.Escape), true) }

// RefsInHeredoc is Refs for the body of a heredoc, in which quotes and the
// file's escape character mean nothing.
func (f *File) RefsInHeredoc(text string) iter.Seq[Ref] { return refs(text, '\\', false) }

func refs(text string, escape byte, quotes bool) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		var single, double bool
		for i := 0; i < len(text); i++ {
			switch c := text[i]; {
			case c == '\'' && quotes && !double:
				single = !single
			case single:
			case c == '"' && quotes:
				double = !double
			case c == escape:
				i++
			case c == '$' && i+1 < len(text):
				start := i + 1
				if text[start] == '{' {
					start++
				}
				end := nameEnd(text, start)
				if end > start && !yield(Ref{text[start:end], start, end}) {
					return
				}
				i = max(i, end-1)
			}
		}
	}
}

// nameEnd finds the end of a variable's name.
func nameEnd(text string, start int) int {
	end := start
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if r != '_' && !unicode.IsLetter(r) && (end == start || !unicode.IsDigit(r)) {
			break
		}
		end += n
	}
	return end
}

// declared is a scope in which an ARG without a default is set.
type declared struct{ scope }

// Get implements shell.EnvGetter.
func (d declared) Get(name string) (string, bool) {
	x, ok := d.lookup(name)
	return x.value, ok
}

// Undeclared lists the variables of a word that neither ENV nor ARG declares at
// an instruction, in order. What the base image sets is not known here.
func (f *File) Undeclared(in Instruction, word string) []string {
	if in.Stage < 0 {
		return f.unmatched(word, f.globals())
	}
	return f.unmatched(word, declared{scope{f, in.Stage, in.Index}})
}

// UndeclaredInFrom is Undeclared for a word of FROM, which knows the ARGs before
// it and those that BuildKit sets.
func (f *File) UndeclaredInFrom(word string) []string {
	names := f.unmatched(word, global{})
	return slices.DeleteFunc(names, func(name string) bool { return f.Global(name) })
}

// Global reports whether an ARG before the first FROM, or BuildKit itself,
// declares a variable for every FROM.
func (f *File) Global(name string) bool {
	_, ok := f.meta()[name]
	return ok
}

// Unquote reads a word without variables as BuildKit does.
func (f *File) Unquote(word string) (string, bool) { return f.expand(word, global{}) }

// GlobalNames lists the variables that are declared for every FROM.
func (f *File) GlobalNames() []string { return slices.Sorted(maps.Keys(f.meta())) }

// meta are the variables of FROM: true for those that have a value.
func (f *File) meta() map[string]bool {
	if f.metaNames == nil {
		f.metaNames = map[string]bool{}
		for k := range platform {
			f.metaNames[k] = true
		}
		for _, a := range f.MetaArgs {
			for _, kv := range a.Args {
				_, given := f.build.Args[kv.Key]
				f.metaNames[kv.Key] = f.metaNames[kv.Key] || kv.Value != nil || given
			}
		}
	}
	return f.metaNames
}

// UndeclaredInHeredoc is Undeclared for the body of a heredoc, in which quotes
// and the file's escape character mean nothing.
func (f *File) UndeclaredInHeredoc(in Instruction, text string) []string {
	lex := shell.NewLex('\\')
	lex.SkipProcessQuotes = true
	return f.unmatchedBy(lex, text, declared{scope{f, in.Stage, in.Index}})
}

func (f *File) unmatched(word string, vars shell.EnvGetter) []string {
	return f.unmatchedBy(shell.NewLex(f.Escape), word, vars)
}

func (f *File) unmatchedBy(lex *shell.Lex, word string, vars shell.EnvGetter) []string {
	if !strings.Contains(word, "$") || !f.expandable(word) {
		return nil
	}
	// What was seen before an error counts too.
	res, _ := lex.ProcessWordWithMatches(word, vars)
	f.grown(word, res.Result)
	var out []string
	for name := range res.Unmatched {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Names lists the variables that are declared at an instruction.
func (f *File) Names(in Instruction) []string {
	if in.Stage < 0 {
		return f.globals().Keys()
	}
	return scope{f, in.Stage, in.Index}.Keys()
}

// platform are the ARGs that BuildKit declares before the first FROM, with what
// they are for a build on and for linux/amd64.
var platform = global{
	"BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDOSVERSION": "", "BUILDARCH": "amd64", "BUILDVARIANT": "",
	"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETOSVERSION": "", "TARGETARCH": "amd64", "TARGETVARIANT": "",
	"TARGETSTAGE": "default",
}

// DefaultBase is the base of a stage in a build on and for linux/amd64 that is
// given no build arguments. ok is false when BuildKit cannot read the name.
func (f *File) DefaultBase(s *Stage) (name string, ok bool) {
	if !strings.ContainsAny(s.BaseName, "$\"'"+string(f.Escape)) {
		return s.BaseName, true
	}
	if f.defaults == nil {
		f.defaults = global{}
		for k, v := range platform {
			f.defaults[k] = v
		}
		if last := f.Final().Name; last != "" {
			f.defaults["TARGETSTAGE"] = last
		}
		for _, a := range f.MetaArgs {
			for _, kv := range a.Args {
				if kv.Value == nil {
					continue
				}
				v, err := f.process(*kv.Value, f.defaults)
				if err != nil || len(v) > maxValue {
					v, f.broken = "", true
				}
				f.defaults[kv.Key] = v
			}
		}
	}
	name, err := f.process(s.BaseName, f.defaults)
	return name, err == nil && !f.broken
}

func (f *File) process(word string, vars shell.EnvGetter) (string, error) {
	if !f.expandable(word) {
		return "", errNested
	}
	name, _, err := shell.NewLex(f.Escape).ProcessWord(word, vars)
	f.grown(word, name)
	return name, err
}
