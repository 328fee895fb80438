package dockerfile

import (
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
	// part of the reference.
	Place source.Span
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
		ref.Place = f.defaultOf(text, ref.Text)
	}
	return append(out, ref)
}

// mountFrom finds from= in a mount. Fields in quotes are left alone.
func (f *File) mountFrom(flag Flag) (value string, span source.Span, ok bool) {
	raw := string(f.Bytes[flag.ValueSpan.Start:flag.ValueSpan.End])
	if strings.ContainsAny(raw, "\"'\n\\") {
		return "", span, false
	}
	at := flag.ValueSpan.Start
	for field := range strings.SplitSeq(raw, ",") {
		if rest, found := strings.CutPrefix(field, "from="); found {
			return rest, source.Span{Start: at + len("from="), End: at + len(field)}, true
		}
		at += len(field) + 1
	}
	return "", span, false
}

// defaultOf finds the default of the ARG before the first FROM that a word is
// nothing but: $NAME or ${NAME}.
func (f *File) defaultOf(word, value string) source.Span {
	name, ok := strings.CutPrefix(word, "$")
	if !ok {
		return source.Span{}
	}
	if rest, braced := strings.CutPrefix(name, "{"); braced {
		name = strings.TrimSuffix(rest, "}")
	}
	for _, in := range f.Instructions {
		if in.Stage >= 0 {
			break
		}
		for _, p := range in.Pairs() {
			if in.Keyword != "arg" || p.Key != name || !p.HasValue {
				continue
			}
			switch raw := string(f.Bytes[p.ValueSpan.Start:p.ValueSpan.End]); raw {
			case value:
				return p.ValueSpan
			case `"` + value + `"`, "'" + value + "'":
				return source.Span{Start: p.ValueSpan.Start + 1, End: p.ValueSpan.End - 1}
			}
		}
	}
	return source.Span{}
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
