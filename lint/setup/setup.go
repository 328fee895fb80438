// Package setup turns configuration into the options of a run. The command,
// the editor and the build frontend share it, so that one file means the same
// to all of them.
package setup

import (
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/custom"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Run is what configuration says of one Dockerfile.
type Run struct {
	lint.Options
	// FailOn is the least severity that fails the run; nothing does where
	// NeverFail is set.
	FailOn    rule.Severity
	NeverFail bool
	// Reaches reports whether rules of one Checker can be among them, known by
	// is.
	Reaches func(is func(name string) bool) bool
}

// For chooses from all rules and the configuration's own. last is what decides
// in the end, such as a command line; its zero value says nothing.
func For(all []rule.Rule, c config.Config, last config.Layer) (Run, error) {
	for _, def := range c.Rules {
		if i := slices.IndexFunc(all, func(r rule.Rule) bool { return r.Is(def.Name) }); i >= 0 {
			return Run{}, &config.Error{Place: def.Place, Message: fmt.Sprintf("there is a rule %s already; put your own word before the name", def.Name)}
		}
	}
	all = append(all[:len(all):len(all)], custom.Compile(c.Rules)...)
	c.Layers = append(c.Layers[:len(c.Layers):len(c.Layers)], last)
	var choices []lint.Choice
	for _, l := range c.Layers {
		choices = append(choices, lint.Choice{Preset: l.Preset, Only: l.Only, Enable: l.Enable, Ignore: l.Ignore, Severity: l.Severity, Places: l.Places})
	}
	s, err := lint.Select(all, choices...)
	if err != nil {
		return Run{}, err
	}
	r := Run{FailOn: rule.Warning, Reaches: s.Reaches, Options: lint.Options{
		Known: s.Known,
		Rules: s.Rules(), Runs: func(m *rule.Meta) bool { return runs(s, all, m) }, Severity: s.Severities(),
		Settings:      rule.Settings{TrustedRegistries: c.TrustedRegistries(), Labels: c.Labels(), StrictLabels: c.StrictLabels()},
		Suppressed:    c.SuppressionsOff(),
		RequireReason: c.RequireReason() || s.Runs(&lint.UnexplainedIgnore),
		ReportUnused:  s.Runs(&lint.UnusedIgnore),
		Gather:        true,
	}}
	switch word := c.FailOn(); word {
	case "":
	case "none":
		r.NeverFail = true
	default:
		r.FailOn, _ = rule.ParseSeverity(word)
	}
	return r, nil
}

// runs reports whether the findings of a checker's rule are wanted. Where a rule
// of ours answers to its name, that one is asked: who leaves it out wants the
// same from nobody else.
func runs(s lint.Selection, all []rule.Rule, m *rule.Meta) bool {
	answered := false
	for i := range all {
		if all[i].Is(m.Name) {
			if s.Runs(&all[i].Meta) {
				return true
			}
			answered = true
		}
	}
	return !answered && s.Runs(m)
}
