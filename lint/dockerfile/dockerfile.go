// Package dockerfile parses Dockerfiles with BuildKit's own parser and adds
// the byte positions it leaves out.
package dockerfile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// A File is a parsed Dockerfile.
type File struct {
	*source.File
	Instructions []Instruction
	Stages       []instructions.Stage
}

// An Instruction is one node of the tree and the text it was parsed from.
type Instruction struct {
	Node *parser.Node
	Text source.Joined
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
	f = &File{File: src}
	for _, n := range res.AST.Children {
		f.Instructions = append(f.Instructions, Instruction{
			Node: n,
			Text: src.Join(n.StartLine, n.EndLine, res.EscapeToken),
		})
	}
	f.Stages, _, err = instructions.Parse(res.AST, nil)
	if err != nil {
		return nil, syntaxError(src.Name, err)
	}
	return f, nil
}

func syntaxError(name string, err error) error {
	e := &SyntaxError{Name: name, Err: err}
	if at, ok := errors.AsType[*parser.LocationError](err); ok && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		e.Line = at.Locations[0][0].Start.Line
	}
	return e
}
