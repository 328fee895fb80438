package rules

import (
	"github.com/whittle-oci/whittle/lint/rule"
)

var insecureRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "insecure-run",
		Family:   rule.Root,
		Summary:  "RUN stays in the build sandbox",
		Why:      "RUN --security=insecure runs with all capabilities and the host's devices, and --network=host in the host's network: a dependency's install script is then root beside the builder and not inside it. Both need an entitlement that builders refuse as a rule.",
		Bad:      "FROM debian:12\nRUN --security=insecure make test\n",
		Good:     "FROM debian:12\nRUN make test\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkInsecureRun,
}

func checkInsecureRun(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "run" {
			continue
		}
		for _, flag := range in.Flags() {
			switch {
			case flag.Name == "security" && flag.Value == "insecure":
				p.Reportf(flag.Span, "this RUN has all capabilities and the host's devices")
			case flag.Name == "network" && flag.Value == "host":
				p.Reportf(flag.Span, "this RUN is in the host's network")
			}
		}
	}
}
