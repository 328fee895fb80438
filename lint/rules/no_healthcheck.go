package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var noHealthcheck = rule.Rule{
	Meta: rule.Meta{
		Name:     "no-healthcheck",
		Aliases:  []string{"DL3057", "DS-0026", "CIS-DI-0006", "CKV_DOCKER_2", "b03a748a-542d-44f4-bb86-9199ab4fd2d5"},
		Family:   rule.Hygiene,
		Summary:  "the image has a HEALTHCHECK",
		Why:      "Docker and Swarm ask the HEALTHCHECK of an image whether it still works. Kubernetes does not: it has probes of its own, which is why the rule is off unless it is asked for. HEALTHCHECK NONE answers it too.",
		Bad:      "FROM debian:12\nCMD [\"app\"]\n",
		Good:     "FROM debian:12\nHEALTHCHECK CMD [\"app\", \"ping\"]\nCMD [\"app\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{},
	},
	Check: checkNoHealthcheck,
}

func checkNoHealthcheck(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword == "healthcheck" && !in.Trigger && p.File.Shipped(in.Stage) {
			return
		}
	}
	p.Reportf(walk.BaseSpan(p.File, p.File.Final()), "the image has no HEALTHCHECK")
}
