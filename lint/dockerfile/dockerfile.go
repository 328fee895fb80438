// Package dockerfile parses Dockerfiles with BuildKit's own parser and adds
// what it leaves out: where in the file every piece of text stands, the shell
// commands of RUN, and the variables in force at an instruction.
package dockerfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
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

	shipped []bool     // by stage
	shells  [][]string // by instruction: the last SHELL before it
	vars    []settings // by stage, filled when asked
	global  global
	scripts map[int]*parsed  // by instruction, filled when asked
	names   map[string][]int // stages by name in lower case
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
	// Trigger marks the instruction of an ONBUILD. Node, Text, Keyword and
	// Command are then those of the instruction that is triggered; it has no
	// effect on its own stage.
	Trigger bool
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
	f = &File{File: src, Escape: res.EscapeToken, names: map[string][]int{}}
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
				parent := f.stageNamed(stages[next].BaseName, next)
				f.Stages = append(f.Stages, Stage{Stage: stages[next], Index: next, From: i, Parent: parent})
				f.names[strings.ToLower(stages[next].Name)] = append(f.names[strings.ToLower(stages[next].Name)], next)
			}
		}
		in.Stage = next
		if in.Keyword != "from" && next >= 0 {
			in.Command = commands[in.Node.StartLine]
		}
		if in.Keyword == "onbuild" {
			trigger(in)
		}
	}
	f.vars = make([]settings, len(f.Stages))
	f.scripts = map[int]*parsed{}
	f.ship()
	f.shell()
}

// trigger puts the instruction of an ONBUILD in its place. One that BuildKit
// would not take when it is triggered stays as it is.
func trigger(in *Instruction) {
	if in.Node.Next == nil || len(in.Node.Next.Children) == 0 {
		return
	}
	node := in.Node.Next.Children[0]
	at := strings.Index(in.Text.Text[len("onbuild"):], node.Original)
	if at < 0 {
		return
	}
	node.StartLine, node.EndLine, node.Heredocs = in.Node.StartLine, in.Node.EndLine, in.Node.Heredocs
	parsed, err := instructions.ParseInstruction(node)
	command, ok := parsed.(instructions.Command)
	if err != nil || !ok {
		return
	}
	in.Node, in.Command, in.Keyword, in.Trigger = node, command, strings.ToLower(node.Value), true
	in.Text = in.Text.From(len("onbuild") + at)
}

// ship marks the final stage and those it is made from.
func (f *File) ship() {
	f.shipped = make([]bool, len(f.Stages))
	for i := len(f.Stages) - 1; i >= 0; i = f.Stages[i].Parent {
		f.shipped[i] = true
	}
}

// stageNamed finds an earlier stage by name, -1 when there is none.
func (f *File) stageNamed(name string, before int) int {
	if name == "" {
		return -1
	}
	list := f.names[strings.ToLower(name)]
	if i, _ := slices.BinarySearch(list, before); i > 0 {
		return list[i-1]
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
	return stage >= 0 && stage < len(f.shipped) && f.shipped[stage]
}

// In lists the instructions of a stage after its FROM, the triggers of ONBUILD
// among them.
func (f *File) In(stage int) []Instruction {
	from, to := f.Stages[stage].From+1, len(f.Instructions)
	if stage+1 < len(f.Stages) {
		to = f.Stages[stage+1].From
	}
	return f.Instructions[from:to:to]
}

// At finds the instruction that a line of the file, counted from 1, belongs
// to. Comments and blank lines between instructions belong to none.
func (f *File) At(line int) (Instruction, bool) {
	i, _ := slices.BinarySearchFunc(f.Instructions, line, func(in Instruction, line int) int { return cmp.Compare(in.Node.EndLine, line) })
	if i < len(f.Instructions) && f.Instructions[i].Node.StartLine <= line {
		return f.Instructions[i], true
	}
	return Instruction{}, false
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
