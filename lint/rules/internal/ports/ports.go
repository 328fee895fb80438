// Package ports reads what EXPOSE lists.
package ports

import (
	"iter"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A Port is one argument of EXPOSE, taken apart as BuildKit does:
// [address:[host:]]container[/protocol].
type Port struct {
	dockerfile.Word
	In        dockerfile.Instruction
	Address   string
	Host      string
	Container string
	Protocol  string // as it is written, "" when it is not
}

// Exposed goes over the ports of a file. One that holds a variable without a
// known value is left out.
func Exposed(f *dockerfile.File) iter.Seq[Port] {
	return func(yield func(Port) bool) {
		for _, in := range f.Instructions {
			if _, ok := in.Command.(*instructions.ExposeCommand); !ok {
				continue
			}
			for _, w := range in.Words() {
				text, known := f.Expand(in, w.Text)
				if !known {
					continue
				}
				for field := range strings.FieldsSeq(text) {
					if !yield(split(in, w, field)) {
						return
					}
				}
			}
		}
	}
}

func split(in dockerfile.Instruction, w dockerfile.Word, text string) Port {
	p := Port{Word: w, In: in}
	parts := strings.Split(text, ":")
	n := len(parts)
	p.Container, p.Protocol, _ = strings.Cut(parts[n-1], "/")
	if n > 1 {
		p.Host = parts[n-2]
		p.Address = strings.Join(parts[:n-2], ":")
	}
	return p
}
