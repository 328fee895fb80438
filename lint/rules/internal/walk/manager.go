package walk

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A manager is how one package manager reads its command line.
type manager struct {
	values string            // flags whose value is the next word, blanks between
	groups []string          // words that may stand before the verb: dnf module install
	verbs  map[string]Action // a verb that is not here is Other
	bare   Action            // what it does without a verb
	single bool              // long flags have one dash
}

// A managed is an Invocation with the instruction that runs it.
type managed struct {
	instruction, command int
	Invocation
}

type managedKey struct{}

// Managers goes over the commands that are package managers, in the order of
// the file.
func Managers(f *dockerfile.File, names ...string) iter.Seq2[dockerfile.Instruction, Invocation] {
	index := f.Derived(managedKey{}, func() any {
		index := map[string][]managed{}
		for _, in := range f.Instructions {
			if in.Stage < 0 {
				continue
			}
			for i, c := range f.Commands(in) {
				if v, ok := invoke(c); ok {
					index[v.Manager] = append(index[v.Manager], managed{in.Index, i, v})
				}
			}
		}
		return index
	}).(map[string][]managed)
	var found []managed
	for _, name := range names {
		found = append(found, index[name]...)
	}
	if len(names) > 1 {
		// Not slices.SortFunc, see image.Sort of the builder.
		sort.Slice(found, func(i, j int) bool {
			a, b := found[i], found[j]
			return cmp.Or(cmp.Compare(a.instruction, b.instruction), cmp.Compare(a.command, b.command)) < 0
		})
	}
	return func(yield func(dockerfile.Instruction, Invocation) bool) {
		for _, m := range found {
			if !yield(f.Instructions[m.instruction], m.Invocation) {
				return
			}
		}
	}
}

// Invoke takes a command apart when it is one of the named package managers.
func Invoke(c dockerfile.Command, names ...string) (Invocation, bool) {
	if name, _ := managerName(c); !slices.Contains(names, name) {
		return Invocation{}, false
	}
	return invoke(c)
}

func invoke(c dockerfile.Command) (Invocation, bool) {
	name, args := managerName(c)
	m, ok := managers[name]
	if !ok {
		return Invocation{}, false
	}
	v := Invocation{Command: c, Manager: name, VerbSpan: c.NameSpan, Action: m.bare}
	v.read(m, args)
	if v.Verb == "" && v.Has("-v", "-V", "--version", "-h", "--help") {
		v.Action = Other
	}
	return v, true
}

// managerName finds which manager a command is: pip3.12 and python -m pip are
// pip.
func managerName(c dockerfile.Command) (name string, args []dockerfile.Arg) {
	switch {
	case strings.HasPrefix(c.Name, "python") && versioned(c.Name, "python"):
		for i, a := range c.Args {
			if a.Text == "-m" && i+1 < len(c.Args) {
				return trimVersion(c.Args[i+1].Text), c.Args[i+2:]
			}
			if !strings.HasPrefix(a.Text, "-") {
				break
			}
		}
		return "", nil
	case c.Name == "uv" && len(c.Args) > 0 && c.Args[0].Text == "pip":
		return "uv pip", c.Args[1:]
	case versioned(c.Name, "pip"), versioned(c.Name, "gem"), versioned(c.Name, "dnf"):
		return trimVersion(c.Name), c.Args
	}
	return c.Name, c.Args
}

// versioned reports whether name is base with nothing but a version behind it.
func versioned(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	return ok && strings.Trim(rest, "0123456789.") == ""
}

func trimVersion(name string) string { return strings.TrimRight(name, "0123456789.") }

// read goes over the words of the command line.
func (v *Invocation) read(m manager, args []dockerfile.Arg) {
	verb := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a.Text == "--" && v.Manager == "gem":
			return // what follows is for the extension's build
		case a.Text == "--":
			v.Packages = append(v.Packages, args[i+1:]...)
			return
		case len(a.Text) > 1 && a.Text[0] == '-':
			if v.flag(m, a) && i+1 < len(args) {
				i++
				v.flags[len(v.flags)-1].value = &args[i]
			}
		case verb:
			v.Packages = append(v.Packages, a)
		case v.Manager == "cargo" && strings.HasPrefix(a.Text, "+"): // the toolchain
		case v.Group == "" && slices.Contains(m.groups, a.Text):
			v.Group = a.Text
		default:
			verb = true
			v.Verb, v.VerbSpan, v.Action = a.Text, a.Span, m.verbs[a.Text]
		}
	}
}

// flag notes a word of flags. It reports whether the next word is the last
// one's value.
func (v *Invocation) flag(m manager, a dockerfile.Arg) (takesNext bool) {
	name, value, joined := strings.Cut(a.Text, "=")
	if strings.HasPrefix(name, "--") || m.single || joined && len(name) == 2 {
		f := flag{name: name}
		if joined {
			f.value = &dockerfile.Arg{Text: value, Literal: a.Literal, Span: a.Span}
		}
		v.flags = append(v.flags, f)
		return !joined && m.takes(name)
	}
	for i, c := range a.Text[1:] {
		f := flag{name: "-" + string(c)}
		rest := a.Text[1+i+len(string(c)):]
		if m.takes(f.name) && rest != "" {
			f.value = &dockerfile.Arg{Text: strings.TrimPrefix(rest, "="), Literal: a.Literal, Span: a.Span}
			v.flags = append(v.flags, f)
			return false
		}
		v.flags = append(v.flags, f)
		if rest == "" {
			return m.takes(f.name)
		}
	}
	return false
}

// switches reports whether a word is short flags without a value.
func (m manager) switches(word string) bool {
	return len(word) > 1 && word[0] == '-' && word[1] != '-' && !m.single &&
		!strings.ContainsFunc(word[1:], func(c rune) bool { return c < 'A' || c > 'z' || m.takes("-"+string(c)) })
}

// takes reports whether the value of a flag is the next word.
func (m manager) takes(name string) bool {
	for word := range strings.FieldsSeq(m.values) {
		if word == name {
			return true
		}
	}
	return false
}
