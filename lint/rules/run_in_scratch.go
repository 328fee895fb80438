package rules

import (
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var runInScratch = rule.Rule{
	Meta: rule.Meta{
		Name:     "run-in-scratch",
		Family:   rule.Hygiene,
		Summary:  "there is no RUN in an empty image",
		Why:      "FROM scratch has no shell and no program. A RUN before anything was copied fails.",
		Bad:      "FROM scratch\nRUN mkdir /app\n",
		Good:     "FROM scratch\nWORKDIR /app\nCOPY app /app/\n",
		Severity: rule.Error,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkRunInScratch,
}

func checkRunInScratch(p *rule.Pass) {
	empty := make([]bool, len(p.File.Stages))
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		if s.Parent >= 0 {
			empty[i] = empty[s.Parent]
		} else {
			empty[i] = s.BaseName == "scratch"
		}
		for _, in := range p.File.In(i) {
			switch in.Command.(type) {
			case *instructions.CopyCommand, *instructions.AddCommand:
				empty[i] = false
			case *instructions.RunCommand:
				// What is mounted may be run.
				if _, mounts := in.Flag("mount"); empty[i] && !mounts && !in.Trigger {
					p.Reportf(in.KeywordSpan(), "the image is empty here, so there is nothing to run this with")
				}
			}
		}
	}
}
