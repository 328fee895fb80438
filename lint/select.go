package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

// A SelectError is a rule or preset that does not exist.
type SelectError struct{ Message string }

// Error says which.
func (e *SelectError) Error() string { return e.Message }

// ExitCode is the code for a wrong call.
func (*SelectError) ExitCode() int { return 2 }

// Select chooses rules: those of a preset, or only the named ones, without the
// ignored ones. Names may be aliases.
func Select(all []rule.Rule, preset string, only, ignore []string) ([]rule.Rule, error) {
	if preset == "" {
		preset = "recommended"
	}
	if !slices.Contains([]string{"recommended", "strict", "hadolint"}, preset) {
		return nil, &SelectError{fmt.Sprintf("the preset %q is none of recommended, strict, hadolint", preset)}
	}
	for _, name := range slices.Concat(only, ignore) {
		if !slices.ContainsFunc(all, func(r rule.Rule) bool { return r.Is(name) }) && !foreign(name) {
			return nil, &SelectError{fmt.Sprintf("there is no rule %q; whittle rules lists them", name)}
		}
	}
	var out []rule.Rule
	for _, r := range all {
		switch {
		case slices.ContainsFunc(ignore, r.Is):
		case len(only) > 0 && !slices.ContainsFunc(only, r.Is):
		case len(only) == 0 && !r.In(preset):
		default:
			out = append(out, r)
		}
	}
	return out, nil
}

// foreign reports whether a name has the form of another tool's rules, which
// may be named although nothing here answers to it.
func foreign(name string) bool {
	return name != "" && (name[0] >= 'A' && name[0] <= 'Z' || strings.HasPrefix(name, "buildkit/"))
}
