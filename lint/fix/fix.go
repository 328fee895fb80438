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
	var edits []source.Edit
	for i, s := range sets {
		if overlaps(edits, s) {
			continue
		}
		edits = append(edits, s...)
		taken = append(taken, i)
	}
	slices.SortStableFunc(edits, func(a, b source.Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	at := 0
	for _, e := range edits {
		out = append(out, src[at:e.Span.Start]...)
		out = append(out, e.New...)
		at = e.Span.End
	}
	return append(out, src[at:]...), taken
}

// overlaps reports whether an edit of s touches an edit of taken, or one of
// its own. Two insertions at one offset touch: their order would be a guess.
func overlaps(taken []source.Edit, s Set) bool {
	for i, e := range s {
		for _, o := range slices.Concat(taken, s[:i]) {
			if e.Span.Start < o.Span.End && o.Span.Start < e.Span.End || e.Span.Start == o.Span.Start {
				return true
			}
		}
	}
	return false
}
