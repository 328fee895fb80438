package walk

import (
	"iter"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// An Assignment is a variable that a script gives a value, as it is written.
type Assignment struct {
	Name, Value string
	Span        source.Span
}

// Assigned goes over what a script sets for the commands after it: export NAME=value
// and its kin, and NAME=value on its own.
func Assigned(f *dockerfile.File, in dockerfile.Instruction) iter.Seq[Assignment] {
	return func(yield func(Assignment) bool) {
		s, ok := f.Script(in)
		if !ok || s.File == nil {
			return
		}
		each := func(list []*syntax.Assign) bool {
			for _, a := range list {
				if a.Name == nil || a.Value == nil {
					continue
				}
				set := Assignment{a.Name.Value, s.Text[a.Value.Pos().Offset():a.Value.End().Offset()], s.Span(int(a.Pos().Offset()), int(a.End().Offset()))}
				if !yield(set) {
					return false
				}
			}
			return true
		}
		more := true
		syntax.Walk(s.File, func(n syntax.Node) bool {
			switch x := n.(type) {
			case *syntax.DeclClause:
				more = more && each(x.Args)
			case *syntax.CallExpr:
				if len(x.Args) == 0 {
					more = more && each(x.Assigns)
				}
			}
			return more
		})
	}
}
