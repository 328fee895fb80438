package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var legacyKeyValue = rule.Rule{
	Meta: rule.Meta{
		Name:     "legacy-key-value",
		Aliases:  []string{"LegacyKeyValueFormat"},
		Family:   rule.Hygiene,
		Summary:  "ENV and LABEL use NAME=VALUE",
		Why:      "The form with a blank sets one variable for a line, and takes everything behind the name for the value: a second pair becomes a part of the first. It is deprecated.",
		Bad:      "FROM debian:12\nENV LANG C.UTF-8\n",
		Good:     "FROM debian:12\nENV LANG=C.UTF-8\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkLegacyKeyValue,
}

func checkLegacyKeyValue(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		switch in.Command.(type) {
		case *instructions.EnvCommand, *instructions.LabelCommand:
		default:
			continue
		}
		for _, pair := range in.Pairs() {
			if pair.Legacy && !in.Trigger {
				p.Report(rule.Finding{Span: pair.Span, Message: strings.ToUpper(in.Keyword) + " " + pair.Key + " is set with a blank; use =", Fix: joinPair(p.File, pair)})
			}
		}
	}
}

// joinPair puts = in place of the blanks, and quotes around the value where
// it needs them to stay one word. The bytes of the value stay, if they can.
func joinPair(f *dockerfile.File, pair dockerfile.Pair) *rule.Fix {
	gap := source.Span{Start: pair.KeySpan.End, End: pair.ValueSpan.Start}
	if strings.Contains(string(f.Bytes[gap.Start:gap.End]), "#") {
		return nil // a comment stands between the two
	}
	end := source.Span{Start: pair.ValueSpan.End, End: pair.ValueSpan.End}
	fix := &rule.Fix{Title: "Use ="}
	value, escape := pair.Value, string(f.Escape)
	switch {
	case pair.Key == "" || strings.ContainsAny(pair.Key, "=\"'"+escape):
		return nil
	case value == "":
		fix.Edits = []source.Edit{{Span: gap, New: "="}}
	case oneQuoted(value, escape) || !strings.ContainsAny(value, " \t\v\f\r\"'"+escape):
		fix.Edits = []source.Edit{{Span: gap, New: "="}}
	case !strings.ContainsAny(value, "\"'"+escape):
		fix.Edits = []source.Edit{{Span: gap, New: `="`}, {Span: end, New: `"`}}
	case !strings.Contains(value, "$") && singleLine(f, pair.ValueSpan):
		text, ok := f.Unquote(value)
		if !ok {
			return nil
		}
		quoted := strings.NewReplacer(escape, escape+escape, `"`, escape+`"`).Replace(text)
		fix.Edits = []source.Edit{{Span: gap, New: "="}, {Span: pair.ValueSpan, New: `"` + quoted + `"`}}
	default:
		return nil
	}
	return fix
}

// oneQuoted reports whether a value is one text in quotes.
func oneQuoted(value, escape string) bool {
	if len(value) < 2 || value[0] != value[len(value)-1] || value[0] != '"' && value[0] != '\'' {
		return false
	}
	inside := value[1 : len(value)-1]
	return !strings.ContainsAny(inside, value[:1]+escape)
}
