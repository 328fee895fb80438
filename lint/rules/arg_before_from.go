package rules

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/baseenv"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var argBeforeFrom = rule.Rule{
	Meta: rule.Meta{
		Name:     "arg-before-from",
		Family:   rule.Hygiene,
		Summary:  "RUN uses an ARG that its stage declares",
		Why:      "An ARG before the first FROM is for FROM. Inside a stage it is empty until an ARG of the same name, which needs no value, stands there. The shell says nothing about an empty variable.",
		Bad:      "ARG VERSION=1.4\nFROM debian:12\nRUN fetch tool-${VERSION}\n",
		Good:     "ARG VERSION=1.4\nFROM debian:12\nARG VERSION\nRUN fetch tool-${VERSION}\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkArgBeforeFrom,
}

func checkArgBeforeFrom(p *rule.Pass) {
	if len(p.File.MetaArgs) == 0 {
		return
	}
	global := map[string]bool{}
	for _, a := range p.File.MetaArgs {
		for _, kv := range a.Args {
			global[kv.Key] = true
		}
	}
	for i := range p.File.Stages {
		said := map[string]bool{}
		for _, in := range p.File.In(i) {
			script, ok := p.File.Script(in)
			if !ok || script.File == nil || in.Trigger {
				continue
			}
			own := assigned(script.File)
			syntax.Walk(script.File, func(n syntax.Node) bool {
				x, ok := n.(*syntax.ParamExp)
				if !ok || x.Param == nil {
					return true
				}
				name := x.Param.Value
				if !global[name] || own[name] || said[name] || handled(x) {
					return true
				}
				if _, _, declared := p.File.Variable(in, name); declared || fromBase(p, i, name) {
					return true
				}
				said[name] = true
				at := int(x.Param.Pos().Offset())
				p.Report(rule.Finding{
					Span:    script.Span(at, at+len(name)),
					Message: "the ARG " + name + " before the first FROM is not known here; put ARG " + name + " into the stage",
					Fix:     declareArg(p.File, i, name),
				})
				return true
			})
		}
	}
}

// assigned lists the variables that a script sets itself.
func assigned(file *syntax.File) map[string]bool {
	own := map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.Assign:
			if x.Name != nil {
				own[x.Name.Value] = true
			}
		case *syntax.WordIter:
			own[x.Name.Value] = true
		case *syntax.CallExpr:
			if len(x.Args) > 1 && x.Args[0].Lit() == "read" {
				for _, w := range x.Args[1:] {
					own[w.Lit()] = true
				}
			}
		}
		return true
	})
	return own
}

// handled reports whether an expansion says what happens without a value.
func handled(x *syntax.ParamExp) bool {
	if x.Exp == nil {
		return false
	}
	switch x.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		return true
	}
	return false
}

// fromBase reports whether the base image sets a variable, as far as one can
// tell: images of a program set its version.
func fromBase(p *rule.Pass, stage int, name string) bool {
	if baseenv.Of(p, stage).Has(name) {
		return true
	}
	s := &p.File.Stages[stage]
	for s.Parent >= 0 {
		s = &p.File.Stages[s.Parent]
	}
	image, _ := p.File.BaseName(s)
	image, _, _ = walk.Image(image)
	program, _, _ := strings.Cut(path.Base(image), "-")
	return strings.HasPrefix(strings.ToLower(name), strings.ToLower(program)+"_")
}

// declareArg puts an ARG below the FROM of a stage.
func declareArg(f *dockerfile.File, stage int, name string) *rule.Fix {
	from := f.Instructions[f.Stages[stage].From]
	if from.Node.EndLine >= f.Lines() {
		return nil
	}
	at := f.LineStart(from.Node.EndLine + 1)
	return &rule.Fix{Title: "Declare " + name + " in the stage", Safety: rule.Unsafe, Edits: []source.Edit{
		{Span: source.Span{Start: at, End: at}, New: "ARG " + name + edit.NewLine(f)},
	}}
}
