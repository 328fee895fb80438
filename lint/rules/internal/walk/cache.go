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
	// Tails are the ends of paths that hold it, for the caches in homes.
	Tails []string
	// Flags and Variable say of one command where it is.
	Flags    []string
	Variable string
	// Cleaned reports whether an invocation empties it.
	Cleaned func(Invocation) bool
}

// Left goes over the RUNs that leave something of the cache in their layer, with
// the first command of each that fills it and is not followed by one that
// empties it.
func (c Cache) Left(f *dockerfile.File) iter.Seq2[dockerfile.Instruction, Invocation] {
	return func(yield func(dockerfile.Instruction, Invocation) bool) {
		last := -1
		for in, v := range c.Each(f) {
			if in.Index != last && !yield(in, v) {
				return
			}
			last = in.Index
		}
	}
}

// Each goes over all commands that fill the cache and are not followed by one
// that empties it.
func (c Cache) Each(f *dockerfile.File) iter.Seq2[dockerfile.Instruction, Invocation] {
	return func(yield func(dockerfile.Instruction, Invocation) bool) {
		x := NewExpander(f)
		last := -1
		for in, v := range Managers(f, c.Managers...) {
			if in.Index == last || !c.fills(v) {
				continue
			}
			last = in.Index
			for _, v := range c.left(x, in) {
				if !yield(in, v) {
					return
				}
			}
		}
	}
}

func (c Cache) fills(v Invocation) bool {
	return slices.Contains(c.Fills, v.Action) && v.Group != "cache"
}

func (c Cache) left(x *Expander, in dockerfile.Instruction) []Invocation {
	f := x.file
	if slices.ContainsFunc(c.Dirs, func(dir string) bool { return Mounted(f, in, dir) }) || MountedBelow(f, in, c.Tails...) {
		return nil
	}
	var left []Invocation
	for _, cmd := range f.Commands(in) {
		if v, ok := Invoke(cmd, c.Managers...); ok {
			switch {
			case c.Cleaned(v):
				left = slices.DeleteFunc(left, func(l Invocation) bool { return l.Manager == v.Manager })
			case c.fills(v) && !c.elsewhere(x, in, v):
				left = append(left, v)
			}
		}
		if Removes(cmd, c.Dirs...) || removesBelow(cmd, c.Tails) {
			left = nil
		}
	}
	return left
}

// elsewhere reports whether a command is told to keep the cache where a mount
// is.
func (c Cache) elsewhere(x *Expander, in dockerfile.Instruction, v Invocation) bool {
	dir := ""
	if c.Variable != "" {
		dir = x.Environment(in, v.Command, c.Variable)
	}
	for _, value := range v.Values(c.Flags...) {
		dir, _ = x.Value(in, value)
	}
	return dir != "" && Mounted(x.file, in, dir)
}

// Removes reports whether a command deletes one of the directories or all that
// is in it.
func Removes(c dockerfile.Command, dirs ...string) bool {
	return removes(c, func(path string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool { return path == dir || strings.HasPrefix(dir, path+"/") })
	})
}

// removesBelow reports whether a command deletes a directory of any home that
// ends in one of the paths.
func removesBelow(c dockerfile.Command, tails []string) bool {
	return removes(c, func(path string) bool {
		return slices.ContainsFunc(tails, func(tail string) bool { return strings.HasSuffix(path, "/"+tail) })
	})
}

func removes(c dockerfile.Command, is func(path string) bool) bool {
	if c.Name != "rm" && (c.Name != "find" || !c.Has("-delete")) {
		return false
	}
	return slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool {
		return slices.ContainsFunc(braces(strings.Trim(a.Text, `"`)), func(path string) bool {
			path = strings.TrimRight(strings.TrimRight(path, "*"), "/")
			return path != "" && is(path)
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
