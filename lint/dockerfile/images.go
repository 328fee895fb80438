package dockerfile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// An ImageRef is a place where a Dockerfile names an image.
type ImageRef struct {
	// Text is the reference with the defaults of ARGs filled in.
	Text string
	// Known is false when a variable without a value is in it.
	Known bool
	Kind  RefKind
	// In is the instruction, without a Node for the syntax directive.
	In Instruction
	// Span is the reference as the instruction names it, variables included.
	Span source.Span
	// Place is the text to change to name another image: Span, or the default
	// of the ARG that Span is nothing but. It is empty where a variable is a
	// part of the reference, and where the ARG means something elsewhere, too,
	// that another image would break.
	Place source.Span
	// Why says why there is no Place, "" where there is one.
	Why string
}

// Writable reports whether the reference stands in the file as it is.
func (r ImageRef) Writable() bool { return r.Place.End > r.Place.Start }

// RefKind says what names an image.
type RefKind int

// The kinds of RefKind.
const (
	FromRef   RefKind = iota // FROM
	CopyRef                  // COPY --from
	MountRef                 // RUN --mount=from
	SyntaxRef                // # syntax=
)

func (k RefKind) String() string {
	return [...]string{"FROM", "COPY --from", "RUN --mount", "syntax"}[k]
}

// ImageRefs lists the images that a file names, in the order of the file.
// Stages, scratch and the contexts of a build are none. A word without a tag, a digest or a slash after
// COPY --from or in a mount may be a named context of the build
// (--build-context) and is left out.
func (f *File) ImageRefs() []ImageRef {
	var out []ImageRef
	if ref, ok := f.syntaxRef(); ok {
		out = append(out, ref)
	}
	for _, in := range f.Instructions {
		if in.Stage < 0 {
			continue
		}
		switch in.Keyword {
		case "from":
			s := f.Stages[in.Stage]
			if words := in.Words(); s.Parent < 0 && len(words) > 0 {
				out = f.appendRef(out, FromRef, in, s.BaseName, words[0].Span)
			}
		case "copy":
			if flag, ok := in.Flag("from"); ok {
				out = f.appendRef(out, CopyRef, in, flag.Value, flag.ValueSpan)
			}
		case "run":
			for _, flag := range in.Flags() {
				if flag.Name == "mount" {
					if value, span, ok := f.mountFrom(flag); ok {
						out = f.appendRef(out, MountRef, in, value, span)
					}
				}
			}
		}
	}
	return out
}

func (f *File) appendRef(out []ImageRef, kind RefKind, in Instruction, text string, span source.Span) []ImageRef {
	ref := ImageRef{Kind: kind, In: in, Span: span}
	if kind == FromRef {
		ref.Text, ref.Known = f.expand(text, f.globals())
	} else {
		ref.Text, ref.Known = text, true
		// BuildKit takes no variables here.
		if f.StageNamed(text, in.Stage) >= 0 || !strings.ContainsAny(text, ":@/") || strings.Contains(text, "$") {
			return out
		}
	}
	if ref.Text == "scratch" || ref.Text == "" && ref.Known || f.Context(ref.Text) {
		return out
	}
	switch raw := string(f.Bytes[span.Start:span.End]); {
	case raw == ref.Text:
		ref.Place = span
	case strings.Trim(raw, `"'`) == ref.Text && len(raw) == len(ref.Text)+2:
		ref.Place = source.Span{Start: span.Start + 1, End: span.End - 1}
	case kind == FromRef:
		ref.Place, ref.Why = f.defaultOf(text, ref.Text)
	default:
		ref.Why = partOf
	}
	return append(out, ref)
}

// mountFrom finds from= in a mount. Fields in quotes are left alone.
func (f *File) mountFrom(flag Flag) (value string, span source.Span, ok bool) {
	raw := string(f.Bytes[flag.ValueSpan.Start:flag.ValueSpan.End])
	if raw != flag.Value || strings.ContainsAny(raw, "\"'\n\\") {
		return "", span, false
	}
	value, n, ok := flag.MountField("from")
	if !ok {
		return "", span, false
	}
	end := flag.ValueSpan.Start - len(",")
	for _, field := range Fields(raw)[:n+1] {
		end += len(",") + len(field)
	}
	return value, source.Span{Start: end - len(value), End: end}, true
}

// partOf is why a reference that is put together has no place.
const partOf = "a variable is a part of it; give the whole reference as the default of one ARG"

// defaultOf finds the default of the ARG before the first FROM that a word is
// nothing but: $NAME or ${NAME}. why says why it must stay as it is.
func (f *File) defaultOf(word, value string) (place source.Span, why string) {
	name, ok := variable(word)
	if !ok {
		return source.Span{}, partOf
	}
	for _, in := range f.Instructions {
		if in.Stage >= 0 || in.Keyword != "arg" {
			continue
		}
		for _, p := range in.Pairs() {
			if p.Key != name || !p.HasValue {
				continue
			}
			if place.End > place.Start {
				return source.Span{}, "ARG " + name + " stands there twice"
			}
			switch raw := string(f.Bytes[p.ValueSpan.Start:p.ValueSpan.End]); raw {
			case value:
				place = p.ValueSpan
			case `"` + value + `"`, "'" + value + "'":
				place = source.Span{Start: p.ValueSpan.Start + 1, End: p.ValueSpan.End - 1}
			default:
				return source.Span{}, partOf
			}
		}
	}
	if place.End == place.Start {
		return source.Span{}, "ARG " + name + " gets its value from the build"
	}
	if why := f.usedElsewhere(name, nil); why != "" {
		return source.Span{}, why
	}
	return place, ""
}

// variable is the name in a word that is $NAME or ${NAME} and nothing else.
func variable(word string) (name string, ok bool) {
	name, ok = strings.CutPrefix(strings.Trim(word, `"`), "$")
	if rest, braced := strings.CutPrefix(name, "{"); braced {
		name, ok = strings.CutSuffix(rest, "}")
	}
	return name, ok && name != "" && nameEnd(name, 0) == len(name)
}

// whole reports whether a word is a variable's value and nothing else: $NAME,
// ${NAME} or ${NAME:-another}.
func whole(word, name string) bool {
	if is, ok := variable(word); ok {
		return is == name
	}
	rest, ok := strings.CutPrefix(strings.Trim(word, `"`), "${"+name)
	rest = strings.TrimPrefix(rest, ":")
	return ok && strings.HasPrefix(rest, "-") && strings.IndexByte(rest, '}') == len(rest)-1
}

// usedElsewhere says where an ARG before the first FROM is something else than a
// whole reference of a FROM, "" where it is nothing else. An ARG that is the same
// by default counts as it does; through are those that were looked at.
func (f *File) usedElsewhere(name string, through []string) string {
	if slices.Contains(through, name) {
		return ""
	}
	through = append(through, name)
	for _, in := range f.Instructions {
		line := strconv.Itoa(in.Node.StartLine)
		switch {
		case in.Keyword == "arg" && in.Stage >= 0:
			for _, p := range in.Pairs() {
				if p.Key == name && !p.HasValue {
					return "line " + line + " takes ARG " + name + " into a stage, which would see the digest, too"
				}
			}
		case in.Keyword == "arg":
			for _, p := range in.Pairs() {
				switch {
				case !f.refers(p.Value, name):
				case !whole(p.Value, name):
					return "ARG " + name + " is a part of ARG " + p.Key + " in line " + line
				default:
					if why := f.usedElsewhere(p.Key, through); why != "" {
						return why
					}
				}
			}
		case in.Keyword == "from":
			for i, w := range in.Words() {
				if f.refers(w.Text, name) && (i > 0 || !whole(w.Text, name)) {
					return "ARG " + name + " is a part of another reference in line " + line
				}
			}
			if flag, ok := in.Flag("platform"); ok && f.refers(flag.Value, name) {
				return "ARG " + name + " is a platform in line " + line
			}
		}
	}
	return ""
}

// refers reports whether a text names a variable.
func (f *File) refers(text, name string) bool {
	for ref := range f.Refs(text) {
		if ref.Name == name {
			return true
		}
	}
	return false
}

// syntaxRef is the frontend that the file asks for.
func (f *File) syntaxRef() (ImageRef, bool) {
	text, _, at, ok := parser.DetectSyntax(f.Bytes)
	if !ok || text == "" || len(at) == 0 || at[0].Start.Line < 1 || at[0].Start.Line > f.Lines() {
		return ImageRef{}, false
	}
	line := at[0].Start.Line
	i := strings.Index(string(f.Line(line)), text)
	if i < 0 {
		return ImageRef{}, false
	}
	start := f.LineStart(line) + i
	span := source.Span{Start: start, End: start + len(text)}
	return ImageRef{Text: text, Known: true, Kind: SyntaxRef, Span: span, Place: span}, true
}
