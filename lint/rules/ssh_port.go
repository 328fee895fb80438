package rules

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
)

var sshPort = rule.Rule{
	Meta: rule.Meta{
		Name:     "ssh-port",
		Aliases:  []string{"DS-0004", "CKV_DOCKER_1"},
		Family:   rule.Root,
		Summary:  "the image does not offer SSH",
		Why:      "A container with an SSH server is one more way in, with its own keys and users to look after. Use docker exec or kubectl exec.",
		Bad:      "FROM debian:12\nEXPOSE 22\nUSER 10001\n",
		Good:     "FROM debian:12\nEXPOSE 8022\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkSSHPort,
}

func checkSSHPort(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.ExposeCommand)
		if !ok || !p.File.Shipped(in.Stage) {
			continue
		}
		for _, port := range c.Ports {
			if number, _, _ := strings.Cut(port, "/"); number == "22" {
				span, _ := in.Find(port)
				p.Reportf(span, "port 22 is exposed; use docker exec or kubectl exec instead of SSH")
			}
		}
	}
}
