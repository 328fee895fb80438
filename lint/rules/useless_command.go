package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var uselessCommand = rule.Rule{
	Meta: rule.Meta{
		Name:     "useless-command",
		Aliases:  []string{"DL3001", "nonsensical-command", "9b6b0f38-92a2-41f9-b881-3a1083d99f1b"},
		Family:   rule.Hygiene,
		Summary:  "RUN calls no command that is pointless in a build",
		Why:      "There are no other processes to look at in a build, no services to start, and nobody at a terminal. A service that RUN starts is gone when the RUN ends.",
		Bad:      "FROM debian:12\nRUN service nginx start\n",
		Good:     "FROM debian:12\nRUN nginx -t\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkUselessCommand,
}

func checkUselessCommand(p *rule.Pass) {
	for _, c := range walk.Named(p.File, useless...) {
		message := c.Name + " makes no sense in a build"
		if c.Name == "service" {
			message = "what service starts ends with this RUN, and does not run in a container"
		}
		p.Reportf(c.Span, message)
	}
}

var useless = []string{"free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim"}
