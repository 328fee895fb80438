package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
)

var dockerSocket = rule.Rule{
	Meta: rule.Meta{
		Name:     "docker-socket",
		Aliases:  []string{"dockerfile-dockerd-socket-mount"},
		Family:   rule.Root,
		Summary:  "the image does not use the engine's socket",
		Why:      "Who can write to the socket of the container engine can start a container with the host's files in it, and so is root on the host.",
		Bad:      "FROM debian:12\nVOLUME /var/run/docker.sock\n",
		Good:     "FROM debian:12\nVOLUME /data\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkDockerSocket,
}

func checkDockerSocket(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		switch in.Keyword {
		case "volume", "copy", "add", "run", "env", "entrypoint", "cmd":
		default:
			continue
		}
		for _, socket := range []string{"/docker.sock", "/containerd.sock", "/podman.sock", "/crio.sock"} {
			i := strings.Index(in.Text.Text, socket)
			// An engine inside the image has sockets of these names, too.
			own := socket != "/docker.sock" && in.Keyword != "volume"
			if i < 0 || own {
				continue
			}
			start := strings.LastIndexAny(in.Text.Text[:i], " \t\"'=,[:") + 1
			p.Reportf(in.Text.Span(start, i+len(socket)), "who can use the engine's socket is root on the host; give the container an API of its own, or an engine without root")
			break
		}
	}
}
