package rules

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var chainForHeredoc = rule.Rule{
	Meta: rule.Meta{
		Name:    "chain-for-heredoc",
		Family:  rule.Hygiene,
		Summary: "a long script is a heredoc instead of a chain of &&",
		Why: "A chain needs && and a backslash on every line, and one that is forgotten hides an error or breaks the build. RUN <<EOF takes a script as it is, one command on a line; set -e stops it at the first error, as && does. Heredocs need BuildKit, with docker/dockerfile:1.4 or later.\n\n" +
			"The fix leaves chains alone in which set -e would stop where && does not, such as those with a loop, a subshell or a negation.",
		Bad:      "FROM debian:12\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends curl \\\n    && curl -fsSLo /tool https://example.test/tool \\\n    && echo \"0123 /tool\" > /sums \\\n    && sha256sum -c /sums\n",
		Good:     "FROM debian:12\nRUN <<EOF\nset -e\napt-get update\napt-get install -y --no-install-recommends curl\ncurl -fsSLo /tool https://example.test/tool\necho \"0123 /tool\" > /sums\nsha256sum -c /sums\nEOF\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{},
	},
	Check: checkChainForHeredoc,
}

// longChain is how many lines a chain has that is long, and how many commands
// beside those that tidy up.
const longChain = 5

func checkChainForHeredoc(p *rule.Pass) {
	if oldSyntax(p.File) {
		return
	}
	for _, in := range p.File.Instructions {
		s, ok := p.File.Script(in)
		if !ok || in.Trigger || in.Keyword != "run" || s.Heredoc || s.File == nil || len(s.File.Stmts) != 1 || in.Node.EndLine-in.Node.StartLine+1 < longChain {
			continue
		}
		commands := chained(s.File.Stmts[0])
		if len(commands)-tidying(commands) < longChain {
			continue
		}
		finding := rule.Finding{Span: in.KeywordSpan(), Message: fmt.Sprintf("%d commands stand in one chain; in a heredoc they need no && and no backslash", len(commands))}
		if edit, ok := heredoc(p.File, s, commands); ok {
			finding.Fix = &rule.Fix{Title: "Write a heredoc", Safety: rule.Unsafe, Edits: []source.Edit{edit}}
		}
		p.Report(finding)
	}
}

// oldSyntax reports whether the syntax line names a frontend from before
// heredocs.
func oldSyntax(f *dockerfile.File) bool {
	return slices.ContainsFunc(f.ImageRefs(), func(r dockerfile.ImageRef) bool {
		if r.Kind != dockerfile.SyntaxRef {
			return false
		}
		_, tag, _ := strings.Cut(r.Text, ":")
		return slices.ContainsFunc([]string{"1.0", "1.1", "1.2", "1.3", "experimental", "labs"}, func(old string) bool { return strings.HasPrefix(tag, old) })
	})
}

// chained lists the commands of a chain of &&, nil for anything else.
func chained(st *syntax.Stmt) []*syntax.Stmt {
	and, ok := st.Cmd.(*syntax.BinaryCmd)
	if !ok || and.Op != syntax.AndStmt || st.Negated || st.Background || len(st.Redirs) > 0 {
		return nil
	}
	before := chained(and.X)
	if before == nil {
		if x, ok := and.X.Cmd.(*syntax.BinaryCmd); ok && x.Op == syntax.OrStmt {
			return nil
		}
		before = []*syntax.Stmt{and.X}
	}
	return append(before, and.Y)
}

// tidying counts the commands that only make room or order for others. Fixes add
// some of them, which must not make a chain long.
func tidying(commands []*syntax.Stmt) (n int) {
	for _, c := range commands {
		call, ok := c.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			continue
		}
		clean := slices.ContainsFunc(call.Args, func(w *syntax.Word) bool { return slices.Contains([]string{"clean", "cache", "dist-clean"}, w.Lit()) })
		if clean || slices.Contains([]string{"rm", "mkdir", "chown", "set"}, call.Args[0].Lit()) {
			n++
		}
	}
	return n
}

// heredoc writes the commands of a chain on lines of their own.
func heredoc(f *dockerfile.File, s dockerfile.Script, commands []*syntax.Stmt) (e source.Edit, ok bool) {
	end := int(commands[len(commands)-1].End().Offset())
	whole := s.Span(int(commands[0].Pos().Offset()), end)
	if f.Escape != '\\' || strings.TrimSpace(s.Text[end:]) != "" || strings.Contains(string(f.Bytes[whole.Start:whole.End]), "\r") {
		return e, false
	}
	var out strings.Builder
	out.WriteString("<<EOF\n")
	if !stops(commands[0]) {
		out.WriteString("set -e\n")
	}
	last := whole.Start
	for _, c := range commands {
		span := s.Span(int(c.Pos().Offset()), int(c.End().Offset()))
		text, ok := onItsOwn(f, s, c, span)
		if !ok {
			return e, false
		}
		for line := range strings.Lines(string(f.Bytes[last:span.Start])) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
				out.WriteString(line + "\n")
			}
		}
		out.WriteString(text + "\n")
		last = span.End
	}
	body := out.String()
	if strings.Contains(body, "\nEOF\n") {
		return e, false
	}
	// With the end of the line, so that no other fix puts something behind EOF.
	line := f.Pos(whole.End).Line
	if line >= f.Lines() {
		return e, false
	}
	whole.End = f.LineStart(line + 1)
	return source.Edit{Span: whole, New: body + "EOF\n"}, true
}

// stops reports whether a command is set with -e.
func stops(c *syntax.Stmt) bool {
	call, ok := c.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) < 2 || call.Args[0].Lit() != "set" {
		return false
	}
	flags := call.Args[1].Lit()
	return strings.HasPrefix(flags, "-") && strings.Contains(flags, "e")
}

// onItsOwn is the text of a command on lines of its own. ok is false where it
// would not mean the same there: set -e reaches into what is compound, and a
// continuation in quotes or before a comment is another thing to a shell than to
// a Dockerfile.
func onItsOwn(f *dockerfile.File, s dockerfile.Script, c *syntax.Stmt, span source.Span) (text string, ok bool) {
	ok = true
	syntax.Walk(c, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.Stmt:
			ok = ok && !x.Negated && !x.Background && !x.Coprocess
		case *syntax.BinaryCmd:
			ok = ok && (x.Op == syntax.Pipe || x.Op == syntax.PipeAll)
		case *syntax.Subshell, *syntax.Block, *syntax.IfClause, *syntax.WhileClause, *syntax.ForClause, *syntax.CaseClause, *syntax.FuncDecl, *syntax.ArithmCmd, *syntax.LetClause, *syntax.TimeClause, *syntax.CoprocClause:
			ok = false
		case *syntax.CmdSubst:
			ok = ok && len(x.Stmts) == 1
		case *syntax.Redirect:
			ok = ok && x.Hdoc == nil
		case *syntax.SglQuoted, *syntax.DblQuoted:
			quoted := s.Span(int(n.Pos().Offset()), int(n.End().Offset()))
			ok = ok && !strings.Contains(string(f.Bytes[quoted.Start:quoted.End]), "\n")
		}
		return ok
	})
	if !ok {
		return "", false
	}
	lines := strings.Split(string(f.Bytes[span.Start:span.End]), "\n")
	for i := 1; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' || !strings.HasSuffix(lines[i-1], `\`) {
			return "", false
		}
	}
	return strings.Join(dedented(lines), "\n"), true
}

// dedented has the lines after the first begin with four blanks, and those that
// are further in than others with more.
func dedented(lines []string) []string {
	least := -1
	for _, l := range lines[1:] {
		if n := len(l) - len(strings.TrimLeft(l, " \t")); least < 0 || n < least {
			least = n
		}
	}
	for i := 1; i < len(lines); i++ {
		lines[i] = "    " + lines[i][least:]
	}
	return lines
}
