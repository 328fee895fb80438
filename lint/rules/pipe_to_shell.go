package rules

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
)

var pipeToShell = rule.Rule{
	Meta: rule.Meta{
		Name:     "pipe-to-shell",
		Family:   rule.Pins,
		Summary:  "downloads are not piped into an interpreter",
		Why:      "curl | sh runs whatever the server sends today, with the rights of the build. Download a version, check its checksum, then run it.",
		Bad:      "FROM debian:12\nRUN curl -fsSL https://example.test/install.sh | sh\n",
		Good:     "FROM debian:12\nADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef https://example.test/v1/install.sh /tmp/install.sh\nRUN sh /tmp/install.sh\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkPipeToShell,
}

// interpreters are programs besides the shells that run what they are given.
var interpreters = []string{"busybox", "python", "python2", "python3", "perl", "ruby", "node", "php"}

func interprets(program string) bool {
	return command.IsShell(program) || slices.Contains(interpreters, program)
}

func checkPipeToShell(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		s, ok := p.File.Script(in)
		if !ok || s.File == nil || !strings.Contains(s.Text, "curl") && !strings.Contains(s.Text, "wget") {
			continue
		}
		syntax.Walk(s.File, func(n syntax.Node) bool {
			if runsUnseen(n) {
				p.Reportf(s.Span(int(n.Pos().Offset()), min(int(n.End().Offset()), len(s.Text))), "a download is run without verification; pin it with ADD --checksum and run the file")
				return false
			}
			return true
		})
	}
}

// runsUnseen reports whether a part of a script hands a download to an
// interpreter: curl | sh, sh <(curl), sh -c "$(curl)", eval "$(curl)".
func runsUnseen(n syntax.Node) bool {
	switch x := n.(type) {
	case *syntax.BinaryCmd:
		return (x.Op == syntax.Pipe || x.Op == syntax.PipeAll) && fetches(x.X) && (interprets(downloads.FirstWord(x.Y)) && !inline(x.Y))
	case *syntax.CallExpr:
		if len(x.Args) < 2 {
			return false
		}
		st := &syntax.Stmt{Cmd: x}
		name := downloads.FirstWord(st)
		if !interprets(name) && name != "eval" && name != "source" && name != "." {
			return false
		}
		script := name == "eval" || name == "source" || name == "."
		for _, w := range x.Args[1:] {
			script = script || strings.HasPrefix(w.Lit(), "-") && strings.HasSuffix(w.Lit(), "c")
			if substituted(w, script) {
				return true
			}
		}
	}
	return false
}

// substituted reports whether the output of a download is a part of a word, as
// a file or, where the word is a script, as text.
func substituted(w *syntax.Word, script bool) bool {
	found := false
	syntax.Walk(w, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.ProcSubst:
			found = found || slices.ContainsFunc(x.Stmts, fetches)
		case *syntax.CmdSubst:
			found = found || script && slices.ContainsFunc(x.Stmts, fetches)
		}
		return !found
	})
	return found
}

// fetches reports whether the output of a statement begins with a download.
func fetches(st *syntax.Stmt) bool {
	name := downloads.FirstWord(st)
	return name == "curl" || name == "wget"
}

// inline reports whether an interpreter is given its program on the command
// line, so that it reads the download as text: python3 -c.
func inline(st *syntax.Stmt) bool {
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok {
		return false
	}
	return slices.ContainsFunc(call.Args, func(w *syntax.Word) bool {
		return slices.Contains([]string{"-c", "-e", "-m", "-ne", "-pe", "-n", "-p", "-r"}, w.Lit())
	})
}
