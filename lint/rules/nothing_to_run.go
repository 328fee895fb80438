package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/rules/internal/baseenv"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var nothingToRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "nothing-to-run",
		Family:   rule.Hygiene,
		Summary:  "the image has an ENTRYPOINT or a CMD",
		Why:      "Without CMD and ENTRYPOINT an image runs what its base image does: a shell, for a distribution's, and nothing at all for scratch. Bases that are not known are left alone, and so is an image that is only built to be built on: the rule is off unless it is asked for.",
		Bad:      "FROM alpine:3.20\nCOPY app /app\n",
		Good:     "FROM alpine:3.20\nCOPY app /app\nENTRYPOINT [\"/app\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkNothingToRun,
}

func checkNothingToRun(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if (in.Keyword == "cmd" || in.Keyword == "entrypoint") && !in.Trigger && p.File.Shipped(in.Stage) {
			return
		}
	}
	final := p.File.Final()
	if baseenv.Of(p, final.Index).Complete {
		message := "neither CMD nor ENTRYPOINT says what the image runs"
		if base, known := p.File.BaseName(accounts.Base(p.File, final.Index)); known && base != "scratch" {
			message = "there is no CMD and no ENTRYPOINT, so the image runs what " + walk.Short(base) + " does"
		}
		p.Reportf(walk.BaseSpan(p.File, final), message)
	}
}
