package need

import (
	"cmp"
	"maps"
	"slices"

	"github.com/whittle-oci/whittle/builder/image"
)

// facts are what is known, each once, and why the closure fails.
type facts struct {
	facts      map[Fact]bool
	shells     map[ShellUse]bool
	components map[image.Component]bool
	warnings   map[image.Warning]bool
	failures   []error
}

// into gives what is known to a set, in an order that does not depend on that
// of the work.
func (f facts) into(s *Set) {
	s.Facts = sorted(f.facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Subject, b.Subject))
	})
	s.Shells = sorted(f.shells, func(a, b ShellUse) int {
		return cmp.Or(cmp.Compare(order(a.Instruction), order(b.Instruction)), cmp.Compare(a.Instruction, b.Instruction), cmp.Compare(a.Shell, b.Shell), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Hint, b.Hint))
	})
	// One reason for a shell is enough, of those of one instruction.
	s.Shells = slices.CompactFunc(s.Shells, func(a, b ShellUse) bool { return a.Instruction == b.Instruction && a.Shell == b.Shell })
	s.Components = sorted(f.components, image.CompareComponents)
	s.Warnings = sorted(f.warnings, image.CompareWarnings)
	image.Sort(s.Left, func(a, b image.Left) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why)) })
	s.Left = slices.Compact(s.Left)
}

// sorted lists a set in order.
func sorted[T comparable](set map[T]bool, compare func(a, b T) int) []T {
	out := slices.Collect(maps.Keys(set))
	image.Sort(out, compare)
	return out
}

// note takes down what was found besides needs.
func (c *closer) note(f Found) {
	for _, x := range f.Facts {
		c.facts.facts[x] = true
	}
	for _, x := range f.Shells {
		c.facts.shells[x] = true
	}
	for _, x := range f.Components {
		c.facts.components[x] = true
	}
	for _, x := range f.Warnings {
		c.facts.warnings[x] = true
	}
}
