package dockerfile

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/tonistiigi/go-csvvalue"

	"github.com/whittle-oci/whittle/lint/source"
)

// A view is what is remembered of how an instruction's text falls into words.
type view struct {
	split bool
	rest  int // where what follows the flags begins
	flags []Flag
	words []Word
	pairs []Pair
}

// A Flag is --name or --name=value in front of the arguments.
type Flag struct {
	Name  string // without the dashes
	Value string // quotes removed
	Span  source.Span
	// ValueSpan is what follows the "=", quotes included; empty at the end of
	// the flag when there is none.
	ValueSpan source.Span
}

// Fields are those of the value of a --mount, a record of CSV as BuildKit reads
// it (frontend/dockerfile/instructions, parseMount): none where BuildKit refuses
// it.
func Fields(value string) []string {
	fields, err := csvvalue.Fields(value, nil)
	if err != nil {
		return nil
	}
	return fields
}

// MountField gives a field of a --mount, and its place among the [Fields]. Keys
// are matched without regard to case, and the last of a key counts, as in
// BuildKit.
func (f Flag) MountField(key string) (value string, at int, ok bool) {
	for i, field := range Fields(f.Value) {
		if k, v, has := strings.Cut(field, "="); has && strings.EqualFold(k, key) {
			value, at, ok = v, i, true
		}
	}
	return value, at, ok
}

// A Word is one argument.
type Word struct {
	Text string // as it stands: quotes and variables are in it; of a JSON list, the string
	Span source.Span
	JSON bool // an element of a JSON list; Span has its quotes
}

// A Pair is one variable of ENV or ARG, or one label.
type Pair struct {
	Key, Value string // as they stand, quotes included
	HasValue   bool   // false for ARG name
	Legacy     bool   // KEY value with a blank in place of the "="
	Span       source.Span
	KeySpan    source.Span
	ValueSpan  source.Span
}

// Flags lists the flags of an instruction in order.
func (in Instruction) Flags() []Flag { return in.read().flags }

// Flag finds a flag by its name.
func (in Instruction) Flag(name string) (Flag, bool) {
	for _, f := range in.read().flags {
		if f.Name == name {
			return f, true
		}
	}
	return Flag{}, false
}

// Words lists the arguments after the flags as BuildKit tells them apart: the
// strings of a JSON list; words between blanks for FROM, COPY, ADD, EXPOSE and
// VOLUME; pairs for ENV, LABEL and ARG; one word for what takes a line of text.
// The type of a HEALTHCHECK is a word of its own.
func (in Instruction) Words() []Word { return in.read().words }

// Copied lists what COPY or ADD copies, heredocs left out, and where to.
func (in Instruction) Copied() (sources []Word, dest Word) {
	words := in.Words()
	if in.Keyword != "copy" && in.Keyword != "add" || len(words) == 0 {
		return nil, dest
	}
	for _, w := range words[:len(words)-1] {
		if !strings.HasPrefix(strings.TrimLeft(w.Text, "0123456789"), "<<") || parser.MustParseHeredoc(w.Text) == nil {
			sources = append(sources, w)
		}
	}
	return sources, words[len(words)-1]
}

// Pairs lists the variables or labels of ENV, ARG and LABEL.
func (in Instruction) Pairs() []Pair { return in.read().pairs }

// Rest is what follows the flags and, in a HEALTHCHECK, the type.
func (in Instruction) Rest() source.Joined {
	return in.Text.From(min(in.read().rest, len(in.Text.Text)))
}

func (in Instruction) read() *view {
	v := in.view
	if v == nil {
		v = &view{}
	}
	if v.split {
		return v
	}
	v.split = true
	text := strings.TrimRightFunc(in.Text.Text, unicode.IsSpace)
	// Behind a line that is only a continuation there are blanks before it.
	keyword := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace)) + len(in.Node.Value)
	at := in.flags(v, text, min(keyword, len(text)))
	at = len(text) - len(strings.TrimLeftFunc(text[at:], unicode.IsSpace))
	v.rest = at
	switch in.Keyword {
	case "healthcheck":
		end := at
		for end < len(text) && !unicode.IsSpace(rune(text[end])) {
			end++
		}
		v.words = append(v.words, in.word(text, at, end))
		for at = end; at < len(text) && unicode.IsSpace(rune(text[at])); {
			at++
		}
		v.rest = at
		in.list(v, text, at, false)
	case "add", "copy", "volume", "from", "expose":
		in.list(v, text, at, true)
	case "env", "label", "arg":
		in.assignments(v, text, at)
	default:
		in.list(v, text, at, false)
	}
	return v
}

// span is the place of a value, which may be empty: right behind the byte
// before it, on the same line.
func (in Instruction) span(start, end int) source.Span {
	if start == end {
		at := in.Text.Offset(start-1) + 1
		return source.Span{Start: at, End: at}
	}
	return in.Text.Span(start, end)
}

func (in Instruction) word(text string, start, end int) Word {
	return Word{Text: text[start:end], Span: in.Text.Span(start, end)}
}

// list reads a JSON list or, in its absence, one word or words between blanks.
func (in Instruction) list(v *view, text string, at int, many bool) {
	if in.Node.Attributes["json"] {
		in.json(v, text, at)
		return
	}
	if !many {
		if at < len(text) {
			v.words = append(v.words, in.word(text, at, len(text)))
		}
		return
	}
	for at < len(text) {
		end := at
		for end < len(text) && !blank(text[end]) {
			end++
		}
		v.words = append(v.words, in.word(text, at, end))
		for at = end; at < len(text) && blank(text[at]); {
			at++
		}
	}
}

// blank is what BuildKit takes for the space between words.
func blank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'
}

// json finds the strings of a list that BuildKit has read.
func (in Instruction) json(v *view, text string, at int) {
	node := in.Node.Next
	if in.Keyword == "healthcheck" && node != nil {
		node = node.Next
	}
	for ; node != nil; node = node.Next {
		start := at
		for start < len(text) && text[start] != '"' {
			start++
		}
		end := start + 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(text))
		start = min(start, end)
		v.words = append(v.words, Word{Text: node.Value, Span: in.Text.Span(start, end), JSON: true})
		at = end
	}
}

// flags reads --name=value words and returns where the arguments begin.
func (in Instruction) flags(v *view, text string, at int) int {
	for {
		for at < len(text) && unicode.IsSpace(rune(text[at])) {
			at++
		}
		if at+1 >= len(text) || text[at] != '-' || text[at+1] != '-' {
			return at
		}
		value, end := in.flagWord(text, at)
		if value == "--" {
			return end
		}
		f := Flag{Span: in.Text.Span(at, end)}
		name, rest, has := strings.Cut(value, "=")
		f.Name, f.Value = strings.TrimPrefix(name, "--"), rest
		f.ValueSpan = in.span(end, end)
		if i := strings.IndexByte(text[at:end], '='); has && i >= 0 {
			f.ValueSpan = in.span(at+i+1, end)
		}
		v.flags = append(v.flags, f)
		at = end
	}
}

// flagWord reads one word with its quotes and escapes, as BuildKit's
// extractBuilderFlags does: byte by byte.
func (in Instruction) flagWord(text string, at int) (value string, end int) {
	var b strings.Builder
	quote := byte(0)
	for ; at < len(text); at++ {
		c := text[at]
		switch {
		case quote == 0 && unicode.IsSpace(rune(c)):
			return b.String(), at
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case rune(c) == in.escape:
			if at+1 < len(text) {
				at++
				b.WriteRune(rune(text[at]))
			}
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String(), at
}

// assignments reads name=value words and the older form with a blank.
func (in Instruction) assignments(v *view, text string, at int) {
	for start, end := range in.quoted(text, at) {
		v.words = append(v.words, in.word(text, start, end))
		key, value, has := strings.Cut(text[start:end], "=")
		if !has && in.Keyword != "arg" {
			if len(v.words) == 1 {
				in.legacy(v, text, at)
			}
			return
		}
		p := Pair{Key: key, Value: value, HasValue: has, Span: in.Text.Span(start, end), KeySpan: in.Text.Span(start, start+len(key)), ValueSpan: in.span(end, end)}
		if has {
			p.ValueSpan = in.span(start+len(key)+1, end)
		}
		v.pairs = append(v.pairs, p)
	}
}

// legacy reads KEY value: everything after the first blanks is the value.
func (in Instruction) legacy(v *view, text string, at int) {
	end := at
	for end < len(text) && !blank(text[end]) {
		end++
	}
	start := end
	for start < len(text) && blank(text[start]) {
		start++
	}
	v.words = []Word{in.word(text, at, end), in.word(text, start, len(text))}
	v.pairs = []Pair{{
		Key: text[at:end], Value: text[start:], HasValue: true, Legacy: true,
		Span: in.Text.Span(at, len(text)), KeySpan: in.Text.Span(at, end), ValueSpan: in.Text.Span(start, len(text)),
	}}
}

// quoted goes over the words of a text in which quotes and escapes keep blanks,
// as BuildKit's parseWords does.
func (in Instruction) quoted(text string, at int) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		for at < len(text) {
			if r, n := utf8.DecodeRuneInString(text[at:]); unicode.IsSpace(r) {
				at += n
				continue
			}
			end := in.wordEnd(text, at)
			if end == at || !yield(at, end) {
				return
			}
			at = end
		}
	}
}

// wordEnd finds the end of a word: a blank, the end of the text, or an escape
// character at the end of the text, which belongs to no word.
func (in Instruction) wordEnd(text string, at int) int {
	quote := rune(0)
	for at < len(text) {
		r, n := utf8.DecodeRuneInString(text[at:])
		switch {
		case quote == 0 && unicode.IsSpace(r):
			return at
		case r == in.escape && quote != '\'':
			if at+n == len(text) {
				return at
			}
			at += n
			_, n = utf8.DecodeRuneInString(text[at:])
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
		at += n
	}
	return at
}
