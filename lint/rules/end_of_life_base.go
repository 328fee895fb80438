package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/families"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var endOfLifeBase = rule.Rule{
	Meta: rule.Meta{
		Name:    "end-of-life-base",
		Family:  rule.Fat,
		Summary: "base images are of supported releases",
		Why: "A release that has ended gets no security updates: every hole that is found from then on stays in the image, however often it is built. Its package archive moves away some day, too, and then the build fails.\n\n" +
			"Distributions, languages and databases are known by the tags of their official images, and the distribution under any image by the word that its tag has for it: bullseye, focal, alpine3.18. What is known is of the month that the message names. Support that is sold beyond the end does not count, and of releases that are older than all that are known nothing is said. Stages that only build count for less.",
		Bad:      "FROM debian:jessie\nUSER 10001\n",
		Good:     "FROM debian:trixie\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkEndOfLifeBase,
}

func checkEndOfLifeBase(p *rule.Pass) {
	for stage, image := range walk.Bases(p.File) {
		end, ended := families.Ended(image)
		if !ended {
			continue
		}
		since := "for years"
		if end.When != "" {
			since = "since " + end.When
		}
		next := ""
		if end.Next != "" {
			next = "; move to " + end.Next
		}
		subject := "the base image " + walk.Short(image)
		switch {
		case end.Under:
			subject += " is built on " + end.What + ", which"
		case end.What != "":
			subject += " is of " + end.What + ", which"
		}
		p.Report(rule.Finding{
			Span: walk.BaseSpan(p.File, stage), Message: subject + " has had no updates " + since + " (as of " + end.AsOf + ")" + next,
			Minor: !p.File.Shipped(stage.Index),
		})
	}
}
