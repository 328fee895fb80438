package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

func meta(name string, presets []string, aliases ...string) rule.Rule {
	return rule.Rule{Meta: rule.Meta{Name: name, Presets: presets, Aliases: aliases}}
}

var three = []rule.Rule{
	meta("a-one", []string{"recommended", "hadolint"}, "DL1"),
	meta("b-two", []string{"recommended"}, "DL2"),
	meta("c-three", nil, "DL3"),
}

func TestSelect(t *testing.T) {
	outer := lint.Choice{Ignore: []string{"DL1"}}
	for name, tc := range map[string]struct {
		choices []lint.Choice
		want    string
	}{
		"recommended":                    {nil, "a-one b-two"},
		"strict":                         {[]lint.Choice{{Preset: "strict"}}, "a-one b-two c-three"},
		"hadolint":                       {[]lint.Choice{{Preset: "hadolint"}}, "a-one"},
		"the last preset":                {[]lint.Choice{{Preset: "strict"}, {Preset: "recommended"}}, "a-one b-two"},
		"enable":                         {[]lint.Choice{{Enable: []string{"c-three"}}}, "a-one b-two c-three"},
		"ignore outside":                 {[]lint.Choice{outer, {}}, "b-two"},
		"a nearer choice decides":        {[]lint.Choice{outer, {Enable: []string{"a-one"}}}, "a-one b-two"},
		"ignore wins within one":         {[]lint.Choice{{Enable: []string{"c-three"}, Ignore: []string{"c-three"}}}, "a-one b-two"},
		"only":                           {[]lint.Choice{{Only: []string{"DL3"}}}, "c-three"},
		"only of the command line":       {[]lint.Choice{outer, {Only: []string{"a-one"}}}, "a-one"},
		"the last only":                  {[]lint.Choice{{Only: []string{"a-one"}}, {Only: []string{"b-two"}}}, "b-two"},
		"only, then ignore":              {[]lint.Choice{{Only: []string{"a-one", "b-two"}}, {Ignore: []string{"DL2"}}}, "a-one"},
		"only of a rule of another":      {[]lint.Choice{{Only: []string{"DuplicateStageName"}}}, ""},
		"enabled beside hadolint's":      {[]lint.Choice{{Preset: "hadolint", Enable: []string{"SC2086"}}}, "a-one"},
		"names of others may be ignored": {[]lint.Choice{{Ignore: []string{"DL9999", "buildkit/X", "unused-ignore"}}}, "a-one b-two"},
		"severities choose nothing":      {[]lint.Choice{{Severity: map[string]string{"DL3": "error"}}}, "a-one b-two"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := lint.Select(three, tc.choices...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range s.Rules() {
				got = append(got, r.Name)
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
}

func TestSelectErrors(t *testing.T) {
	for want, c := range map[string]lint.Choice{
		`there is no rule "b-to"; did you mean b-two?`:                {Only: []string{"b-to"}},
		`f:3: there is no rule "a-on"; did you mean a-one?`:           {Ignore: []string{"a-on"}, Places: map[string]string{"a-on": "f:3"}},
		`there is no rule "x"; whittle rules lists them`:              {Enable: []string{"x"}},
		`there is no rule "c-thre"; did you mean c-three?`:            {Severity: map[string]string{"c-thre": "info"}},
		`the preset "loose" is none of recommended, strict, hadolint`: {Preset: "loose"},
	} {
		_, err := lint.Select(three, c)
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The nearest choice decides about a severity, whatever name it uses.
func TestSeverities(t *testing.T) {
	s, err := lint.Select(three, lint.Choice{Severity: map[string]string{"a-one": "info", "SC2086": "style"}}, lint.Choice{Severity: map[string]string{"DL1": "error"}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]rule.Severity{"a-one": rule.Error, "SC2086": rule.Style}, s.Severities()); d != "" {
		t.Error(d)
	}
}

func TestEngineNames(t *testing.T) {
	if !slices.IsSortedFunc(lint.Engine(), func(a, b *rule.Meta) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the engine's rules are not in order")
	}
}
