// Package dockerfile parses Dockerfiles with BuildKit's own parser and adds
// what it leaves out: where in the file every piece of text stands, the shell
// commands of RUN, and the variables in force at an instruction.
package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// A File is a parsed Dockerfile.
type File struct {
	*source.File
	Escape       rune
	Instructions []Instruction
	Stages       []Stage
	// MetaArgs are the ARGs before the first FROM.
	MetaArgs []instructions.ArgCommand
}

// An Instruction is one node of the tree and the text it was parsed from.
type Instruction struct {
	Node    *parser.Node
	Text    source.Joined
	Keyword string // lower case
	Stage   int    // index into Stages, -1 before the first FROM
	Index   int    // index into File.Instructions
	// Command is what BuildKit makes of it, nil for FROM and for ARG before
	// the first FROM.
	Command instructions.Command
}

// A Stage is one FROM with its instructions.
type Stage struct {
	instructions.Stage
	Index int
	From  int // index of the FROM instruction
	// Parent is the stage that this one is made from, -1 when its base is an
	// image.
	Parent int
}

// A SyntaxError is text that is not a Dockerfile.
type SyntaxError struct {
	Name string
	Line int // counted from 1; 0 when the parser does not say
	Err  error
}

// Error gives the position and the parser's message.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

// Unwrap returns the parser's error.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Parse parses src. The only errors it returns are *SyntaxError.
func Parse(src *source.File) (f *File, err error) {
	defer func() {
		// The instruction parser has panicked on malformed input before; to
		// a linter that is one more syntax error.
		if r := recover(); r != nil {
			f, err = nil, &SyntaxError{Name: src.Name, Err: fmt.Errorf("parser panicked: %v", r)}
		}
	}()
	res, err := parser.Parse(bytes.NewReader(src.Bytes))
	if err != nil {
		return nil, syntaxError(src.Name, err)
	}
	f = &File{File: src, Escape: res.EscapeToken}
	for i, n := range res.AST.Children {
		f.Instructions = append(f.Instructions, Instruction{
			Node: n, Text: src.Join(n.StartLine, n.EndLine, res.EscapeToken),
			Keyword: strings.ToLower(n.Value), Stage: -1, Index: i,
		})
	}
	stages, metaArgs, err := instructions.Parse(res.AST, nil)
	if err != nil {
		return nil, syntaxError(src.Name, err)
	}
	f.MetaArgs = metaArgs
	f.link(stages)
	return f, nil
}

// link ties stages and commands to the instructions they came from.
func (f *File) link(stages []instructions.Stage) {
	next := -1
	commands := map[int]instructions.Command{}
	for _, st := range stages {
		for _, c := range st.Commands {
			if loc := c.Location(); len(loc) > 0 {
				commands[loc[0].Start.Line] = c
			}
		}
	}
	for i := range f.Instructions {
		in := &f.Instructions[i]
		if in.Keyword == "from" {
			next++
			if next < len(stages) {
				f.Stages = append(f.Stages, Stage{Stage: stages[next], Index: next, From: i, Parent: f.stageNamed(stages[next].BaseName, next)})
			}
		}
		in.Stage = next
		if in.Keyword != "from" && next >= 0 {
			in.Command = commands[in.Node.StartLine]
		}
	}
}

// stageNamed finds an earlier stage by name or number, -1 when there is none.
func (f *File) stageNamed(name string, before int) int {
	for i := before - 1; i >= 0; i-- {
		if f.Stages[i].Name != "" && strings.EqualFold(f.Stages[i].Name, name) {
			return i
		}
	}
	return -1
}

// StageNamed finds the stage that COPY --from or RUN --mount=from names.
func (f *File) StageNamed(name string, before int) int {
	if i := f.stageNamed(name, before); i >= 0 {
		return i
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < before {
		return n
	}
	return -1
}

// Final is the last stage. A file that parses has one.
func (f *File) Final() *Stage { return &f.Stages[len(f.Stages)-1] }

// Shipped reports whether what a stage's instructions do is in the image: it
// is the final stage or one that the final stage is made from.
func (f *File) Shipped(stage int) bool {
	if len(f.Stages) == 0 {
		return false
	}
	for i := len(f.Stages) - 1; i >= 0; i = f.Stages[i].Parent {
		if i == stage {
			return true
		}
	}
	return false
}

// In lists the instructions of a stage after its FROM.
func (f *File) In(stage int) []Instruction {
	var out []Instruction
	for _, in := range f.Instructions {
		if in.Stage == stage && in.Keyword != "from" {
			out = append(out, in)
		}
	}
	return out
}

// Span is the whole instruction without the end of its last line.
func (in Instruction) Span() source.Span { return in.Text.Span(0, len(in.Text.Text)) }

// KeywordSpan is the instruction's first word.
func (in Instruction) KeywordSpan() source.Span { return in.Text.Span(0, len(in.Keyword)) }

// Arguments is what follows the instruction's first word, without blanks around
// it.
func (in Instruction) Arguments() source.Span {
	text := strings.TrimRight(in.Text.Text, " \t")
	at := min(len(in.Keyword), len(text))
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return in.Text.Span(at, len(text))
}

// Find gives the span of the first place where word stands in the arguments,
// bounded by characters that are not part of a word.
func (in Instruction) Find(word string) (source.Span, bool) {
	text := in.Text.Text
	for at := min(len(in.Keyword), len(text)); word != ""; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			break
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || boundary(text[start-1])) && (end == len(text) || boundary(text[end])) {
			return in.Text.Span(start, end), true
		}
		at = start + 1
	}
	return in.Span(), false
}

func boundary(c byte) bool {
	return strings.IndexByte(" \t\"'=[],\n\r", c) >= 0
}

func syntaxError(name string, err error) error {
	e := &SyntaxError{Name: name, Err: err}
	if at, ok := errors.AsType[*parser.LocationError](err); ok && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		e.Line = at.Locations[0][0].Start.Line
		e.Err = errors.Unwrap(at)
		if e.Err == nil {
			e.Err = err
		}
	}
	return e
}
