package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/suggest"
)

// A SelectError is a rule or preset that does not exist.
type SelectError struct {
	Message string
	Near    string // the rule that was most likely meant, "" for none
}

// Error says which.
func (e *SelectError) Error() string { return e.Message }

// ExitCode is the code for a wrong call.
func (*SelectError) ExitCode() int { return 2 }

// A Choice is what one place says about which rules run: a configuration file,
// the command line. Names may be aliases. The zero value says nothing.
type Choice struct {
	Preset   string            // "" for that of the choice before, recommended at the first
	Only     []string          // rules instead of a preset's
	Enable   []string          // rules besides
	Ignore   []string          // rules not to run
	Severity map[string]string // severities by rule
	Places   map[string]string // where a rule is named, for messages
}

// A Selection is the rules of a run.
type Selection struct {
	all     []rule.Rule
	choices []Choice
	preset  string
	only    int // the choice whose Only holds, -1 for none
}

// Select puts choices together, the one that decides in the end last. The
// rules to begin with are those of the last Only that names any, else those of
// the last preset. Then the last choice that names a rule says whether it runs;
// within one choice Ignore wins.
func Select(all []rule.Rule, choices ...Choice) (Selection, error) {
	s := Selection{all: all, choices: choices, preset: "recommended", only: -1}
	for i, c := range choices {
		if c.Preset != "" {
			s.preset = c.Preset
		}
		if len(c.Only) > 0 {
			s.only = i
		}
		for _, name := range slices.Concat(c.Only, c.Enable, c.Ignore) {
			if err := s.known(name, c.Places); err != nil {
				return s, err
			}
		}
		for name := range c.Severity {
			if err := s.known(name, c.Places); err != nil {
				return s, err
			}
		}
	}
	if !slices.Contains([]string{"recommended", "strict", "hadolint"}, s.preset) {
		return s, &SelectError{Message: fmt.Sprintf("the preset %q is none of recommended, strict, hadolint", s.preset)}
	}
	return s, nil
}

// Known refuses a name that no rule has, as Select does.
func (s Selection) Known(name string) error { return s.known(name, nil) }

// known refuses a name that no rule has, unless it has the form of another
// tool's.
func (s Selection) known(name string, places map[string]string) error {
	near, names := "", make([]string, len(s.all))
	for i := range s.all {
		if s.all[i].Is(name) {
			return nil
		}
		names[i] = s.all[i].Name
		if at := slices.IndexFunc(s.all[i].Aliases, func(alias string) bool { return strings.EqualFold(alias, name) }); at >= 0 {
			near = s.all[i].Aliases[at]
		}
	}
	if own := slices.IndexFunc(Engine(), func(m *rule.Meta) bool { return m.Is(name) }); own >= 0 || foreign(name) {
		return nil
	}
	e := &SelectError{Message: fmt.Sprintf("there is no rule %q; whittle rules lists them", name)}
	if near == "" {
		near = suggest.Name(name, names)
	}
	if near != "" {
		e.Near, e.Message = near, fmt.Sprintf("there is no rule %q; did you mean %s?", name, near)
	}
	if place := places[name]; place != "" {
		e.Message = place + ": " + e.Message
	}
	return e
}

// Rules lists the rules to run.
func (s Selection) Rules() []rule.Rule {
	var out []rule.Rule
	for i := range s.all {
		if s.Runs(&s.all[i].Meta) {
			out = append(out, s.all[i])
		}
	}
	return out
}

// Runs reports whether a rule, which may be one of a Checker's, is chosen.
func (s Selection) Runs(m *rule.Meta) bool {
	on := m.In(s.preset)
	if s.only >= 0 {
		on = false
	}
	for i, c := range s.choices {
		switch {
		case slices.ContainsFunc(c.Ignore, m.Is):
			on = false
		case slices.ContainsFunc(c.Enable, m.Is), i == s.only && slices.ContainsFunc(c.Only, m.Is):
			on = true
		}
	}
	return on
}

// Severities gives the severities that the choices set, by the names of rules,
// or by the names they are written under where no rule of ours answers.
func (s Selection) Severities() map[string]rule.Severity {
	var out map[string]rule.Severity
	for _, c := range s.choices {
		for name, word := range c.Severity {
			severity, ok := rule.ParseSeverity(word)
			if !ok {
				continue
			}
			if out == nil {
				out = map[string]rule.Severity{}
			}
			answered := false
			for i := range s.all {
				if s.all[i].Is(name) {
					out[s.all[i].Name], answered = severity, true
				}
			}
			if !answered {
				out[name] = severity
			}
		}
	}
	return out
}

// foreign reports whether a name has the form of another tool's rules, which
// may be named although nothing here answers to it.
func foreign(name string) bool {
	return name != "" && (name[0] >= 'A' && name[0] <= 'Z' || strings.HasPrefix(name, "buildkit/") || strings.HasPrefix(name, "shellcheck-"))
}

// Reaches reports whether rules of a Checker, known by is, can be among the
// chosen: those of a preset are, or one of them is named.
func (s Selection) Reaches(is func(name string) bool) bool {
	if s.only < 0 {
		return true
	}
	for i, c := range s.choices {
		if slices.ContainsFunc(c.Enable, is) || i == s.only && slices.ContainsFunc(c.Only, is) {
			return true
		}
	}
	return false
}
