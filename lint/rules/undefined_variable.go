package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/baseenv"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suggest"
)

var undefinedVariable = rule.Rule{
	Meta: rule.Meta{
		Name:     "undefined-variable",
		Aliases:  []string{"UndefinedVar"},
		Family:   rule.Hygiene,
		Summary:  "instructions use variables that are defined",
		Why:      "A variable that neither ENV nor ARG of the stage sets is empty, whatever build arguments are given. An ARG before the first FROM is known to FROM alone, until an ARG of that name stands in the stage. What a base image sets is asked of the registry where that is allowed, and known by heart for official images; of others, only what looks like a typo is reported. ${NAME:-default} and ${NAME:+text} say themselves what to do without, and count for less.",
		Bad:      "FROM alpine:3.20\nENV APP_HOME=/app\nCOPY . $APP_HOMW\n",
		Good:     "FROM alpine:3.20\nENV APP_HOME=/app\nCOPY . $APP_HOME\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkUndefinedVariable,
}

// maxSuggested bounds the search for names that look alike.
const maxSuggested = 200

func checkUndefinedVariable(p *rule.Pass) {
	c := &undefined{pass: p}
	for i := range p.File.Stages {
		c.asked = false
		for _, in := range p.File.In(i) {
			if in.Trigger || !strings.Contains(in.Text.Text, "$") && len(in.Node.Heredocs) == 0 {
				continue
			}
			c.pairs = in.Pairs()
			for _, w := range expanded(in) {
				c.word(in, w, p.File.Undeclared(in, w.Text))
			}
			if in.Keyword != "run" {
				for _, doc := range p.File.Heredocs(in) {
					if doc.Expand {
						c.word(in, dockerfile.Word{Text: doc.Content, Span: doc.Body}, p.File.UndeclaredInHeredoc(in, doc.Content))
					}
				}
			}
		}
	}
}

// undefined goes through the words of a file.
type undefined struct {
	pass     *rule.Pass
	env      baseenv.Env // of the stage, once asked
	asked    bool
	searches int
	pairs    []dockerfile.Pair // of the instruction
}

func (c *undefined) word(in dockerfile.Instruction, w dockerfile.Word, names []string) {
	for _, name := range names {
		if !c.asked {
			c.env, c.asked = baseenv.Of(c.pass, in.Stage), true
		}
		// The later pairs of an ARG see the earlier. Those of an ENV do not,
		// which env-self-reference is about.
		own := slices.ContainsFunc(c.pairs, func(p dockerfile.Pair) bool {
			return p.Key == name && (in.Keyword == "env" && p.ValueSpan != w.Span || p.Span.End <= w.Span.Start)
		})
		if c.env.Has(name) || special(name) || own {
			continue
		}
		// A variable that adds to itself is no typo.
		itself := slices.ContainsFunc(c.pairs, func(p dockerfile.Pair) bool { return p.Key == name })
		near := ""
		if c.searches++; c.searches <= maxSuggested && !itself {
			near = suggest.Typo(name, append(c.pass.File.Names(in), c.env.Names...))
		}
		// The image may set it, and short names are all alike.
		if !c.env.Complete && !c.pass.File.Global(name) && (near == "" || len(name) < 5 || foreseen(w.Text, name)) {
			continue
		}
		reportUndefined(c.pass, w, name, near)
	}
}

func reportUndefined(p *rule.Pass, w dockerfile.Word, name, near string) {
	span, found := walk.RefSpan(p.File, w, name)
	finding := rule.Finding{Span: span, Message: "nothing in this stage sets " + name}
	switch {
	case near == "" && foreseen(w.Text, name):
		finding.Message += ", so that it is always as if it were not set"
		finding.Minor = true
	case near != "":
		finding.Message += "; did you mean " + near + "?"
		if found {
			finding.Fix = &rule.Fix{Title: "Use " + near, Safety: rule.Suggestion, Edits: []source.Edit{{Span: span, New: near}}}
		}
	case p.File.Global(name):
		finding.Message += "; put ARG " + name + " into the stage"
	}
	p.Report(finding)
}

// foreseen reports whether a word says what stands in place of a variable
// that is not set: ${NAME:-default}, ${NAME:+:$NAME}.
func foreseen(word, name string) bool {
	return slices.ContainsFunc([]string{":-", "-", ":+", "+"}, func(op string) bool { return strings.Contains(word, "${"+name+op) })
}

// special reports whether a name is a parameter of a shell, such as $1, or one
// that BuildKit reads elsewhere.
func special(name string) bool {
	return strings.Trim(name, "0123456789@*#?-$!") == "" || strings.HasPrefix(name, "BUILDKIT_SBOM_SCAN_")
}

// expanded lists the words of an instruction into which BuildKit fills
// variables.
func expanded(in dockerfile.Instruction) (words []dockerfile.Word) {
	switch in.Command.(type) {
	case *instructions.EnvCommand, *instructions.LabelCommand:
		for _, pair := range in.Pairs() {
			words = append(words, dockerfile.Word{Text: pair.Key, Span: pair.KeySpan}, dockerfile.Word{Text: pair.Value, Span: pair.ValueSpan})
		}
	case *instructions.ArgCommand:
		for _, pair := range in.Pairs() {
			if pair.HasValue {
				words = append(words, dockerfile.Word{Text: pair.Value, Span: pair.ValueSpan})
			}
		}
	case *instructions.AddCommand, *instructions.CopyCommand:
		for _, flag := range in.Flags() {
			if flag.Name == "chown" || flag.Name == "chmod" || flag.Name == "checksum" {
				words = append(words, dockerfile.Word{Text: flag.Value, Span: flag.ValueSpan})
			}
		}
		sources, dest := in.Copied()
		words = append(append(words, sources...), dest)
	case *instructions.UserCommand, *instructions.WorkdirCommand, *instructions.StopSignalCommand, *instructions.VolumeCommand:
		words = in.Words()
	case *instructions.RunCommand:
		for _, flag := range in.Flags() {
			if flag.Name == "mount" {
				for _, field := range dockerfile.Fields(flag.Value) {
					_, value, _ := strings.Cut(field, "=")
					words = append(words, dockerfile.Word{Text: value, Span: flag.ValueSpan})
				}
			}
		}
	}
	return words
}
