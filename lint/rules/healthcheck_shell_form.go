package rules

import (
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var healthcheckShellForm = rule.Rule{
	Meta: rule.Meta{
		Name:     "healthcheck-shell-form",
		Aliases:  []string{"DL3025", "b86987e1-6397-4619-81d5-8807f2387c79", "prefer-json-notation"},
		Family:   rule.Hygiene,
		Summary:  "HEALTHCHECK CMD is in JSON form",
		Why:      "The shell form needs a shell in the image for a command that is run every half a minute.",
		Bad:      "FROM debian:12\nHEALTHCHECK CMD curl -f http://localhost/\n",
		Good:     "FROM debian:12\nHEALTHCHECK CMD [\"curl\", \"-f\", \"http://localhost/\"]\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkHealthcheckShellForm,
}

func checkHealthcheckShellForm(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.HealthCheckCommand)
		if ok && c.Health != nil && len(c.Health.Test) > 0 && c.Health.Test[0] == "CMD-SHELL" {
			message, fix := "HEALTHCHECK CMD is in shell form, which only an image with a shell can run", jsonForm(p.File, in)
			if fix != nil {
				message += "; write it as a JSON list"
			}
			p.Report(rule.Finding{Span: in.Span(), Message: message, Fix: fix})
		}
	}
}
