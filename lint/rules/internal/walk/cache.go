package walk

import (
	"iter"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A Cache is what package managers leave in a layer.
type Cache struct {
	Managers []string
	Fills    []Action
	// Dirs hold it: a mount over one, or rm of one, takes it out of the layer.
	Dirs []string
	// Tails are the ends of mounts that hold it, for the caches in homes.
	Tails []string
	// Cleaned reports whether an invocation empties it.
	Cleaned func(Invocation) bool
}

// Left goes over the RUNs that leave something of the cache in their layer, with
// the first command of each that fills it and is not followed by one that
// empties it.
func (c Cache) Left(f *dockerfile.File) iter.Seq2[dockerfile.Instruction, Invocation] {
	return func(yield func(dockerfile.Instruction, Invocation) bool) {
		last := -1
		for in, v := range Managers(f, c.Managers...) {
			if in.Index == last || !c.fills(v) {
				continue
			}
			last = in.Index
			if first, left := c.left(f, in); left && !yield(in, first) {
				return
			}
		}
	}
}

func (c Cache) fills(v Invocation) bool {
	return slices.Contains(c.Fills, v.Action) && v.Group != "cache"
}

func (c Cache) left(f *dockerfile.File, in dockerfile.Instruction) (first Invocation, found bool) {
	if slices.ContainsFunc(c.Dirs, func(dir string) bool { return Mounted(f, in, dir) }) || MountedBelow(f, in, c.Tails...) {
		return first, false
	}
	for _, cmd := range f.Commands(in) {
		if v, ok := Invoke(cmd, c.Managers...); ok {
			switch {
			case c.Cleaned(v) && v.Manager == first.Manager:
				found = false
			case !found && c.fills(v):
				first, found = v, true
			}
		}
		if Removes(cmd, c.Dirs...) {
			found = false
		}
	}
	return first, found
}

// Removes reports whether a command deletes one of the directories or all that
// is in it.
func Removes(c dockerfile.Command, dirs ...string) bool {
	if c.Name != "rm" && (c.Name != "find" || !c.Has("-delete")) {
		return false
	}
	return slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool {
		return slices.ContainsFunc(braces(a.Text), func(path string) bool {
			path = strings.TrimRight(strings.TrimRight(path, "*"), "/")
			return path != "" && slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(dir, path+"/") })
		})
	})
}

// braces expands the first {a,b} of a word.
func braces(word string) []string {
	from := strings.IndexByte(word, '{')
	to := strings.IndexByte(word, '}')
	if from < 0 || to < from || from > 0 && word[from-1] == '$' {
		return []string{word}
	}
	var out []string
	for part := range strings.SplitSeq(word[from+1:to], ",") {
		out = append(out, word[:from]+part+word[to+1:])
	}
	return out
}
