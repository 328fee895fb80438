// Package labels holds what the rules about labels look for alike.
package labels

import (
	"iter"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Label is one label of a LABEL instruction.
type Label struct {
	dockerfile.Pair
	In    dockerfile.Instruction
	Name  string // the key without quotes
	Text  string // the value without quotes
	Fixed bool   // no variable is a part of the value
}

// All goes over the labels of a file in order, those of ONBUILD among them.
func All(f *dockerfile.File) iter.Seq[Label] {
	return func(yield func(Label) bool) {
		for _, in := range f.Instructions {
			if _, ok := in.Command.(*instructions.LabelCommand); !ok {
				continue
			}
			for _, pair := range in.Pairs() {
				l := Label{Pair: pair, In: in, Fixed: true}
				for range f.Refs(pair.Value) {
					l.Fixed = false
					break
				}
				l.Name, _ = f.Expand(in, pair.Key)
				l.Text, _ = f.Expand(in, pair.Value)
				if !yield(l) {
					return
				}
			}
		}
	}
}

// Typed reports the labels of one type, as the settings give it, whose value is
// not of that type. What a build argument decides is left alone, and what is
// empty is another rule's.
func Typed(p *rule.Pass, kind string, ok func(string) bool, called string) {
	for l := range All(p.File) {
		if p.Settings.Labels[l.Name] == kind && l.Fixed && l.Text != "" && !ok(l.Text) {
			p.Reportf(l.ValueSpan, "the label "+l.Name+" is \""+l.Text+"\", which is not "+called)
		}
	}
}

// IsTime reads RFC 3339, with or without parts of a second.
func IsTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}
