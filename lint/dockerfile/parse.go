package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// A SyntaxError is text that is not a Dockerfile.
type SyntaxError struct {
	Name string
	Line int // counted from 1; 0 when the parser does not say
	Err  error
	// More are further FROMs that BuildKit does not take.
	More []*SyntaxError
}

// Error gives the position and the parser's message.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

// Unwrap returns the parser's error.
func (e *SyntaxError) Unwrap() error { return e.Err }

// A Problem is one instruction that BuildKit does not take. The others are
// parsed as if it were not there.
type Problem struct {
	Index int // into File.Instructions
	Err   error
}

// Unknown reports whether there is no such instruction.
func (p Problem) Unknown() bool {
	_, ok := errors.AsType[*instructions.UnknownInstructionError](p.Err)
	return ok
}

// typo reports whether BuildKit knows what was meant.
func (p Problem) typo() bool { return strings.Contains(p.Err.Error(), "did you mean") }

// maxProblems bounds the list of problems: text with more is no Dockerfile that
// somebody wants to hear about line by line.
const maxProblems = 100

// errNoStage is what BuildKit says of an instruction before the first FROM, in
// words of ours.
var errNoStage = errors.New("there is no FROM before it; only ARG may stand there")

// Parse parses src. An instruction that BuildKit does not take is in
// File.Problems, unless a frontend of its own may know it; the only errors returned are *SyntaxError, for text that
// cannot be taken apart into instructions or has no stage.
func Parse(src *source.File) (f *File, err error) {
	defer func() {
		// The parser has panicked on malformed input before; to a linter
		// that is one more syntax error.
		if r := recover(); r != nil {
			f, err = nil, &SyntaxError{Name: src.Name, Err: fmt.Errorf("parser panicked: %v", r)}
		}
	}()
	if err := bounds(src); err != nil {
		return nil, err
	}
	res, err := parser.Parse(bytes.NewReader(src.Bytes))
	if err != nil {
		return nil, syntaxError(src.Name, err)
	}
	nodes := res.AST.Children
	f = &File{File: src, Escape: res.EscapeToken, Instructions: make([]Instruction, len(nodes)), names: map[string][]int{}}
	views := make([]view, len(nodes))
	for i, n := range nodes {
		text := src.Join(n.StartLine, n.EndLine, res.EscapeToken)
		f.Instructions[i] = Instruction{
			Node: n, Text: text, Keyword: strings.ToLower(n.Value), Stage: -1, Index: i,
			escape: res.EscapeToken, view: &views[i], first: n.Value, at: text.Offset(0),
		}
	}
	if err := f.understand(); err != nil {
		return nil, err
	}
	f.settle()
	return f, nil
}

// settle makes what hangs on how stages are made from each other, or forgets it
// where it is made when it is asked for.
func (f *File) settle() {
	f.vars = make([]settings, len(f.Stages))
	f.scripts = map[int]*parsed{}
	f.derived = nil
	f.ship()
	f.shell()
}

// quiet is a linter that says nothing. Without one, BuildKit fails on the
// comments that configure it for one instruction.
var quiet = linter.New(&linter.Config{SkipAll: true})

// ownFrontend reports whether the syntax line asks for a frontend that is not
// Docker's, which may know more instructions.
func (f *File) ownFrontend() bool {
	ref, _, _, ok := parser.DetectSyntax(f.Bytes)
	name, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return ok && !strings.HasSuffix(name, "docker/dockerfile") && !strings.HasSuffix(name, "docker/dockerfile-upstream")
}

// understand makes stages and commands of the instructions.
func (f *File) understand() error {
	own := f.ownFrontend()
	unknown := -2 // index of the last instruction that does not exist
	// Without a linter BuildKit stumbles over "# check=" above an instruction.
	quiet := linter.New(&linter.Config{})
	for i := range f.Instructions {
		in := &f.Instructions[i]
		in.Stage = len(f.Stages) - 1
		made, err := instructions.ParseInstructionWithLinter(in.Node, quiet)
		switch c := made.(type) {
		case *instructions.Stage:
			if err == nil {
				f.begin(*c, in)
				continue
			}
		case *instructions.ArgCommand:
			if err == nil && len(f.Stages) == 0 {
				f.MetaArgs = append(f.MetaArgs, *c)
				continue
			}
		}
		if err != nil && in.Keyword == "from" {
			// What follows has no stage, but for further FROMs.
			bad := syntaxError(f.Name, err)
			for _, in := range f.Instructions[i+1:] {
				if in.Keyword != "from" || len(bad.More) >= maxProblems {
					continue
				}
				if _, err := instructions.ParseInstructionWithLinter(in.Node, quiet); err != nil {
					bad.More = append(bad.More, syntaxError(f.Name, err))
				}
			}
			return bad
		}
		if c, ok := made.(instructions.Command); ok && err == nil {
			if len(f.Stages) > 0 {
				f.Final().AddCommand(c)
				in.Command = c
				if in.Keyword == "onbuild" {
					trigger(in)
				}
				continue
			}
			err = errNoStage
		}
		problem := Problem{i, located(err)}
		if own && problem.Unknown() && !problem.typo() {
			continue
		}
		// Lines that are left over from one instruction are one problem.
		if (!problem.Unknown() || unknown != i-1) && len(f.Problems) < maxProblems {
			f.Problems = append(f.Problems, problem)
		}
		if problem.Unknown() {
			unknown = i
		}
	}
	if len(f.Stages) > 0 {
		return nil
	}
	if len(f.Problems) > 0 {
		first := f.Problems[0]
		return &SyntaxError{Name: f.Name, Line: f.Instructions[first.Index].Node.StartLine, Err: first.Err}
	}
	return &SyntaxError{Name: f.Name, Line: f.Instructions[len(f.Instructions)-1].Node.StartLine, Err: errors.New("there is no FROM, so there is nothing to build")}
}

// begin adds the stage of a FROM.
func (f *File) begin(s instructions.Stage, in *Instruction) {
	next := len(f.Stages)
	f.Stages = append(f.Stages, Stage{Stage: s, Index: next, From: in.Index, Parent: f.parent(s.BaseName, next)})
	if s.Name != "" {
		f.names[s.Name] = append(f.names[s.Name], next)
	}
	in.Stage = next
}

// trigger puts the instruction of an ONBUILD in its place. One that BuildKit
// would not take when it is triggered stays as it is.
func trigger(in *Instruction) {
	if in.Node.Next == nil || len(in.Node.Next.Children) == 0 {
		return
	}
	node := in.Node.Next.Children[0]
	at := strings.Index(in.Text.Text[len(in.Node.Value):], node.Original)
	if at < 0 {
		return
	}
	node.StartLine, node.EndLine, node.Heredocs = in.Node.StartLine, in.Node.EndLine, in.Node.Heredocs
	node.PrevComment = in.Node.PrevComment
	parsed, err := instructions.ParseInstructionWithLinter(node, quiet)
	command, ok := parsed.(instructions.Command)
	if err != nil || !ok {
		return
	}
	in.Text = in.Text.From(len(in.Node.Value) + at)
	in.Node, in.Command, in.Keyword, in.Trigger = node, command, strings.ToLower(node.Value), true
}

// ship marks the final stage and those it is made from. Where a variable
// chooses among stages, all of them are.
func (f *File) ship() {
	f.shipped = make([]bool, len(f.Stages))
	f.shipped[f.Final().Index] = true
	for i := len(f.Stages) - 1; i >= 0; i-- {
		if !f.shipped[i] {
			continue
		}
		if p := f.Stages[i].Parent; p >= 0 {
			f.shipped[p] = true
			continue
		}
		for _, p := range f.Choices(i) {
			f.shipped[p] = true
		}
	}
}

func syntaxError(name string, err error) *SyntaxError {
	e := &SyntaxError{Name: name, Err: located(err)}
	if at, ok := errors.AsType[*parser.LocationError](err); ok && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		e.Line = at.Locations[0][0].Start.Line
	}
	return e
}

// located is an error of BuildKit's without the place it names.
func located(err error) error {
	if at, ok := errors.AsType[*parser.LocationError](err); ok {
		if inner := errors.Unwrap(at); inner != nil {
			return inner
		}
	}
	return err
}
