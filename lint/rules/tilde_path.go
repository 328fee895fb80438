package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var tildePath = rule.Rule{
	Meta: rule.Meta{
		Name:     "tilde-path",
		Family:   rule.Hygiene,
		Summary:  "paths of the image do not begin with ~",
		Why:      "Only a shell knows ~ as a home. COPY, ADD and VOLUME take it for the name of a directory, which they make in the WORKDIR.",
		Bad:      "FROM debian:12\nCOPY profile ~/.profile\n",
		Good:     "FROM debian:12\nCOPY profile /root/.profile\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkTildePath,
}

func checkTildePath(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		words := in.Words()
		switch {
		case (in.Keyword == "copy" || in.Keyword == "add") && len(words) > 0:
			words = words[len(words)-1:] // where to
		case in.Keyword != "volume":
			continue
		}
		for _, w := range words {
			if w.Text == "~" || strings.HasPrefix(w.Text, "~/") {
				p.Reportf(w.Span, strings.ToUpper(in.Keyword)+" makes a directory that is called ~; write the path of the home, such as /root")
			}
		}
	}
}
