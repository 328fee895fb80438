package cli

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/shellcheck"
	"github.com/whittle-oci/whittle/lint/suggest"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// catalogue lists the rules that lint reports under names of ours.
func catalogue() []rule.Meta {
	var out []rule.Meta
	for _, r := range docs.All(rules.All()) {
		out = append(out, r.Meta)
	}
	return out
}

// findRules finds the rules that a name means, whatever tool's it is and in
// whatever case; what is one rule to another tool may be several here.
func findRules(name string) []rule.Meta {
	all := catalogue()
	name = strings.TrimPrefix(name, "buildkit/")
	for _, is := range []func(string) bool{
		func(n string) bool { return n == name },
		func(n string) bool { return strings.EqualFold(n, name) || strings.EqualFold(n, suppress.TrivyID(name)) },
	} {
		var out []rule.Meta
		for _, m := range all {
			if is(m.Name) {
				return []rule.Meta{m}
			}
			if slices.ContainsFunc(m.Aliases, is) || m.Is(name) {
				out = append(out, m)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	if m, ok := shellcheck.Meta(strings.ToUpper(name)); ok {
		return []rule.Meta{*m}
	}
	if m, ok := shellcheck.Meta(name); ok {
		return []rule.Meta{*m}
	}
	return nil
}

// nearestRule is the name that a name which is none was most likely meant to be,
// "" where nothing is near.
func nearestRule(name string) string {
	var names []string
	for _, m := range catalogue() {
		names = append(append(names, m.Name), m.Aliases...)
	}
	return suggest.Name(name, names)
}
