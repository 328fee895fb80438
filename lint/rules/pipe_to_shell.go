package rules

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/rule"
)

var pipeToShell = rule.Rule{
	Meta: rule.Meta{
		Name:     "pipe-to-shell",
		Family:   rule.Pins,
		Summary:  "no download is run unseen",
		Why:      "curl | sh runs whatever the server sends today, with the rights of the build. Download a version, check its checksum, then run it.",
		Bad:      "FROM debian:12\nRUN curl -fsSL https://example.test/install.sh | sh\n",
		Good:     "FROM debian:12\nADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef https://example.test/v1/install.sh /tmp/install.sh\nRUN sh /tmp/install.sh\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkPipeToShell,
}

func checkPipeToShell(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		s, ok := p.File.Script(in)
		if !ok || s.File == nil {
			continue
		}
		syntax.Walk(s.File, func(n syntax.Node) bool {
			pipe, ok := n.(*syntax.BinaryCmd)
			if !ok || pipe.Op != syntax.Pipe && pipe.Op != syntax.PipeAll {
				return true
			}
			if slices.Contains([]string{"curl", "wget"}, firstWord(pipe.X)) && slices.Contains([]string{"sh", "bash", "ash", "dash", "zsh", "python", "python3", "perl", "node"}, firstWord(pipe.Y)) {
				p.Reportf(s.Span(int(pipe.Pos().Offset()), int(pipe.End().Offset())), "a download is run unseen; pin it with ADD --checksum and run the file")
			}
			return true
		})
	}
}

// firstWord is the name of the command that a statement runs, behind sudo and
// env.
func firstWord(st *syntax.Stmt) string {
	switch x := st.Cmd.(type) {
	case *syntax.CallExpr:
		for _, w := range x.Args {
			name := path.Base(w.Lit())
			if name != "sudo" && name != "env" && !strings.HasPrefix(w.Lit(), "-") {
				return name
			}
		}
	case *syntax.BinaryCmd:
		return firstWord(x.Y)
	}
	return ""
}
