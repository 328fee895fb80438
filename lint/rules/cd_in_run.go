package rules

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var cdInRun = rule.Rule{
	Meta: rule.Meta{
		Name:     "cd-in-run",
		Aliases:  []string{"DL3003", "DS-0013", "use-workdir", "f4a6bcd3-e231-4acf-993c-aa027be50d2e"},
		Family:   rule.Hygiene,
		Summary:  "WORKDIR is used instead of cd",
		Why:      "A cd ends with its RUN, so it has to be said again in the next. WORKDIR holds for what follows.",
		Bad:      "FROM debian:12\nRUN cd /app\n",
		Good:     "FROM debian:12\nWORKDIR /app\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkCdInRun,
}

func checkCdInRun(p *rule.Pass) {
	var dirs []walk.Setting
	for in, c := range walk.Named(p.File, "cd") {
		if dirs == nil {
			dirs = walk.Workdirs(p.File)
		}
		finding := rule.Finding{Span: c.Span, Message: "use WORKDIR to change directory"}
		if c.Span == p.File.Commands(in)[0].Span {
			finding.Fix = workdirForCd(p.File, in, c, dirs[in.Index])
		}
		p.Report(finding)
	}
}

// workdirForCd sets WORKDIR around a RUN that begins with cd, nil where the
// directory of what follows is not known.
func workdirForCd(f *dockerfile.File, in dockerfile.Instruction, c dockerfile.Command, now walk.Setting) *rule.Fix {
	s, ok := f.Script(in)
	if !ok || s.Heredoc || in.Trigger || len(c.Args) != 1 || !c.Args[0].Literal || len(c.Wrappers) > 0 {
		return nil
	}
	rest := afterCd(s, c.Call)
	dir, old, known := c.Args[0].Text, now.Value, now.Known
	if rest < 0 || strings.HasPrefix(dir, "-") || strings.HasPrefix(dir, "~") || strings.ContainsAny(dir, " \t$\"'\\*?[") {
		return nil
	}
	if !path.IsAbs(dir) {
		dir = path.Join(old, dir)
	}
	cut := source.Edit{Span: source.Span{Start: c.Span.Start, End: s.Span(rest, rest+1).Start}}
	next := in.Index + 1
	absolute := next < len(f.Instructions) && absoluteWorkdir(f.Instructions[next])
	end := f.LineStart(min(in.Node.EndLine+1, f.Lines()))
	switch {
	case known && path.Clean(dir) == old:
		return &rule.Fix{Title: "Drop the cd, which leads to WORKDIR", Safety: rule.Unsafe, Edits: []source.Edit{cut}}
	case !known && (!path.IsAbs(c.Args[0].Text) || !absolute), strings.ContainsAny(old, " \t$"), in.Node.EndLine >= f.Lines():
		return nil
	}
	at := walk.Above(f, in)
	edits := []source.Edit{{Span: source.Span{Start: at, End: at}, New: "WORKDIR " + dir + walk.EOL(f, at)}, cut}
	fix := &rule.Fix{Title: "Use WORKDIR " + dir, Safety: rule.Unsafe, Edits: edits}
	if !absolute { // going there and back is no shorter than the cd
		fix.Safety = rule.Suggestion
		fix.Edits = append(edits, source.Edit{Span: source.Span{Start: end, End: end}, New: "WORKDIR " + old + walk.EOL(f, end)})
	}
	return fix
}

// afterCd is the offset of what a script does after a cd that it begins with,
// -1 when it does not.
func afterCd(s dockerfile.Script, cd *syntax.CallExpr) int {
	first := s.File.Stmts[0]
	if first.Cmd == cd && len(s.File.Stmts) > 1 && len(first.Redirs) == 0 {
		return int(s.File.Stmts[1].Pos().Offset())
	}
	for {
		and, ok := first.Cmd.(*syntax.BinaryCmd)
		if !ok || and.Op != syntax.AndStmt {
			return -1
		}
		if and.X.Cmd == cd && len(and.X.Redirs) == 0 {
			return int(and.Y.Pos().Offset())
		}
		first = and.X
	}
}

func absoluteWorkdir(in dockerfile.Instruction) bool {
	c, ok := in.Command.(*instructions.WorkdirCommand)
	return ok && !in.Trigger && path.IsAbs(c.Path)
}
