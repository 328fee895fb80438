package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/edit"
	"github.com/whittle-oci/whittle/lint/source"
)

var sshPort = rule.Rule{
	Meta: rule.Meta{
		Name:     "ssh-port",
		Aliases:  []string{"DS-0004", "CKV_DOCKER_1", "5907595b-5b6d-4142-b173-dbb0e73fbff8"},
		Family:   rule.Root,
		Summary:  "the image does not expose SSH",
		Why:      "A container with an SSH server is one more way in, with its own keys and users to look after. To look into a container, docker exec and kubectl exec need none. A service whose users come by SSH, such as a server for git, has a reason: ignore the rule and say so.",
		Bad:      "FROM debian:12\nEXPOSE 22\nUSER 10001\n",
		Good:     "FROM debian:12\nEXPOSE 8022\nUSER 10001\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkSSHPort,
}

func checkSSHPort(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "expose" || !p.File.Shipped(in.Stage) {
			continue
		}
		words := in.Words()
		for i, w := range words {
			if !ssh(p.File, in, w.Text) {
				continue
			}
			finding := rule.Finding{Span: w.Span, Message: "port 22 is exposed; to get into a container, docker exec and kubectl exec need no SSH server"}
			var edits []source.Edit
			switch {
			case len(words) == 1:
				edits = edit.Instruction(p.File, in)
			case i > 0:
				edits = edit.Between(p.File, words[i-1].Span.End, w.Span)
			default:
				edits = edit.Word(p.File, w.Span)
			}
			if edits != nil && !offersSSH(p.File) {
				finding.Fix = &rule.Fix{Title: "Do not expose port 22", Safety: rule.Unsafe, Edits: edits}
			}
			p.Report(finding)
		}
	}
}

// offersSSH reports whether the image starts or installs an SSH server, which
// nobody reaches without its port.
func offersSSH(f *dockerfile.File) bool {
	return slices.ContainsFunc(f.Instructions, func(in dockerfile.Instruction) bool {
		span := in.Span()
		text := f.Bytes[span.Start:span.End]
		return f.Shipped(in.Stage) && (bytes.Contains(text, []byte("sshd")) || bytes.Contains(text, []byte("openssh")))
	})
}

// ssh reports whether a port of EXPOSE is that of SSH.
func ssh(f *dockerfile.File, in dockerfile.Instruction, word string) bool {
	port, known := f.Expand(in, strings.Trim(word, `"'`))
	port, protocol, _ := strings.Cut(port, "/")
	return known && port == "22" && (protocol == "" || strings.EqualFold(protocol, "tcp"))
}
