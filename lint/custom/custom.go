// Package custom makes rules of what a configuration file describes. Such a rule
// picks out instructions, or commands of RUN, by words and regular
// expressions; it runs nothing and reads nothing but the Dockerfile.
package custom

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Compile makes the rules. Where two have one name the last holds, which is
// that of the nearest file.
func Compile(defs []config.Rule) []rule.Rule {
	var out []rule.Rule
	for _, def := range defs {
		r := compile(def)
		if i := slices.IndexFunc(out, func(x rule.Rule) bool { return x.Name == def.Name }); i >= 0 {
			out[i] = r
			continue
		}
		out = append(out, r)
	}
	return out
}

func compile(def config.Rule) rule.Rule {
	severity, ok := rule.ParseSeverity(cmp.Or(def.Severity, "warning"))
	if !ok {
		severity = rule.Warning
	}
	m := rule.Meta{
		Name: def.Name, Summary: def.Message, Why: cmp.Or(def.Why, "A rule of this repository: "+def.Place+"."),
		Severity: severity, Family: rule.Own, Presets: []string{"recommended", "hadolint"},
	}
	if def.Fix != nil {
		m.Fixable = rule.Sometimes
	}
	return rule.Rule{Meta: m, Check: func(p *rule.Pass) { check(p, def) }}
}

func check(p *rule.Pass, def config.Rule) {
	f := p.File
	found := make([]bool, len(f.Stages))
	for _, in := range f.Instructions {
		if !wanted(f, def, in) {
			continue
		}
		for _, t := range texts(f, def, in) {
			if def.Unless != nil && def.Unless.MatchString(t.text) {
				continue
			}
			for _, m := range matches(def, t.text) {
				if in.Stage >= 0 {
					found[in.Stage] = true
				}
				if !def.Missing {
					report(p, def, t, m)
				}
			}
		}
	}
	if !def.Missing {
		return
	}
	for i := range f.Stages {
		if !found[i] && inStage(f, def, i) {
			p.Reportf(f.Instructions[f.Stages[i].From].Arguments(), def.Message)
		}
	}
}

// wanted reports whether an instruction is of the kind and in the stages that a
// rule looks at.
func wanted(f *dockerfile.File, def config.Rule, in dockerfile.Instruction) bool {
	if len(def.Command) > 0 {
		return in.Keyword == "run" && inStage(f, def, in.Stage)
	}
	return slices.Contains(def.Instruction, in.Keyword) && inStage(f, def, in.Stage)
}

func inStage(f *dockerfile.File, def config.Rule, stage int) bool {
	switch def.Stage {
	case "final":
		return f.Shipped(stage)
	case "build":
		return !f.Shipped(stage)
	}
	return true
}

// texts gives what a rule's expressions are held against: the arguments of an
// instruction, or each command of a RUN with one blank between its words.
func texts(f *dockerfile.File, def config.Rule, in dockerfile.Instruction) []text {
	if len(def.Command) == 0 {
		return []text{arguments(in)}
	}
	var out []text
	for _, c := range withWrappers(f.Commands(in)) {
		if !slices.Contains(def.Command, c.Name) || slices.ContainsFunc(def.Lacks, func(w string) bool { return c.Has(w) }) ||
			slices.ContainsFunc(def.Has, func(w string) bool { return !c.Has(w) }) {
			continue
		}
		out = append(out, words(c))
	}
	return out
}

// withWrappers lists commands after the programs that run them, such as sudo.
func withWrappers(commands []dockerfile.Command) []dockerfile.Command {
	var out []dockerfile.Command
	for _, c := range commands {
		out = append(append(out, c.Wrappers...), c)
	}
	return out
}

// matches gives the places that a rule picks out of a text, as the regexp
// package does. Without an expression it is the whole text.
func matches(def config.Rule, text string) [][]int {
	if def.Matches == nil {
		return [][]int{{0, len(text)}}
	}
	return def.Matches.FindAllStringSubmatchIndex(text, -1)
}

func report(p *rule.Pass, def config.Rule, t text, m []int) {
	found := rule.Finding{Span: t.span(m[0], m[1]), Message: expand(def, def.Message, t.text, m)}
	if def.Fix != nil && t.exact(m[0], m[1]) {
		safety := rule.Unsafe
		switch def.Fix.Safety {
		case "safe":
			safety = rule.Safe
		case "suggestion":
			safety = rule.Suggestion
		}
		replacement := expand(def, def.Fix.Replace, t.text, m)
		if replacement == string(p.File.Bytes[found.Span.Start:found.Span.End]) {
			p.Report(found)
			return
		}
		title := expand(def, def.Fix.Title, t.text, m)
		switch {
		case title != "":
		case replacement == "":
			title = "Remove " + strings.TrimSpace(t.text[m[0]:m[1]])
		default:
			title = "Write " + replacement
		}
		found.Fix = &rule.Fix{Title: title, Safety: safety, Edits: []source.Edit{{Span: found.Span, New: replacement}}}
	}
	p.Report(found)
}

// anything is the expression of a rule that has none.
var anything = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s).*`) })

// expand fills a template with what was found.
func expand(def config.Rule, template, text string, m []int) string {
	if !strings.Contains(template, "$") {
		return template
	}
	expression := def.Matches
	if expression == nil {
		expression = anything()
	}
	return string(expression.ExpandString(nil, template, text, m))
}
