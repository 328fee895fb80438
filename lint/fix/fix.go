// Package fix applies edits. It knows nothing of rules or of Dockerfiles.
package fix

import (
	"cmp"
	"slices"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Set is a group of edits to apply together or not at all.
type Set []source.Edit

// Apply applies the sets, first come first served, leaving out each one that
// overlaps a set already taken. It returns the new text and the indexes of
// the sets it took.
func Apply(src []byte, sets []Set) (out []byte, taken []int) {
	var edits []source.Edit // in the order of the text, apart from each other
	for i, s := range sets {
		if more, ok := insert(edits, s); ok {
			edits = more
			taken = append(taken, i)
		}
	}
	at := 0
	for _, e := range edits {
		out = append(out, src[at:e.Span.Start]...)
		out = append(out, e.New...)
		at = e.Span.End
	}
	return append(out, src[at:]...), taken
}

// insert puts the edits of a set in their places. ok is false when one touches
// another: an edit that is there or one of the set itself. Two insertions at
// one offset touch, since their order would be a guess.
func insert(edits []source.Edit, s Set) (out []source.Edit, ok bool) {
	for n, e := range s {
		i, found := slices.BinarySearchFunc(edits, e, func(a, b source.Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
		if found || i > 0 && edits[i-1].Span.End > e.Span.Start || i < len(edits) && edits[i].Span.Start < e.Span.End {
			for _, in := range s[:n] {
				i, _ := slices.BinarySearchFunc(edits, in, func(a, b source.Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
				edits = slices.Delete(edits, i, i+1)
			}
			return edits, false
		}
		edits = slices.Insert(edits, i, e)
	}
	return edits, true
}
