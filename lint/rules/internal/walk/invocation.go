package walk

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// An Action is what a package manager is told to do, whatever its word for it.
type Action string

// The actions that rules ask about.
const (
	Installs   Action = "install"
	Reinstalls Action = "reinstall"
	Runs       Action = "run"     // fetch and run: go run
	Updates    Action = "update"  // fetch the index
	Upgrades   Action = "upgrade" // bring what is installed up to date
	Cleans     Action = "clean"
	Other      Action = ""
)

// An Invocation is a package manager's command line taken apart.
type Invocation struct {
	dockerfile.Command
	Manager  string // apt-get, apt, apk, dnf, microdnf, pip…, without versions
	Group    string // the word before the verb, "" when there is none
	Action   Action
	Verb     string
	VerbSpan source.Span // the verb, or the manager's name when there is none
	// Packages are the words after the verb that are no flags or their values.
	Packages []dockerfile.Arg
	flags    []flag
}

// A flag of a command line. The value of -ofoo, -o foo and --option=foo is foo.
type flag struct {
	name  string
	value *dockerfile.Arg
}

// Has reports whether one of the flags is given.
func (v Invocation) Has(names ...string) bool { return v.Count(names...) > 0 }

// Count counts how often the flags are given; -qq counts twice.
func (v Invocation) Count(names ...string) int {
	n := 0
	for _, f := range v.flags {
		if slices.Contains(names, f.name) {
			n++
		}
	}
	return n
}

// Values are the values of the flags.
func (v Invocation) Values(names ...string) []dockerfile.Arg {
	var out []dockerfile.Arg
	for _, f := range v.flags {
		if f.value != nil && slices.Contains(names, f.name) {
			out = append(out, *f.value)
		}
	}
	return out
}

// Is reports whether the invocation does one of the actions without a group
// such as module or group.
func (v Invocation) Is(actions ...Action) bool {
	return v.Group == "" && slices.Contains(actions, v.Action)
}
