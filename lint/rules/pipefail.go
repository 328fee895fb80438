package rules

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var pipefail = rule.Rule{
	Meta: rule.Meta{
		Name:     "pipefail",
		Aliases:  []string{"DL4006", "set-pipefail", "efbf148a-67e9-42d2-ac47-02fa1c0d0b22"},
		Family:   rule.Hygiene,
		Summary:  "a pipeline fails when any of its commands fails",
		Why:      "The shell looks only at the last command of a pipe. In `curl … | tar x`, a download that breaks off is a RUN that succeeded. Bash, zsh and busybox's ash have `-o pipefail`; dash, which is /bin/sh on Debian, does not.\n\nWhere a pipe ends in head, grep -q or another program that leaves before it has read everything, the fix is only shown: what writes to it is killed then, which counts as a failure. So it is where the echo of dash writes `\\n`, of which bash would make no line.",
		Bad:      "FROM debian:12\nRUN curl -fsSL https://example.test/a.tar | tar x\n",
		Good:     "FROM debian:12\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN curl -fsSL https://example.test/a.tar | tar x\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkPipefail,
}

func checkPipefail(p *rule.Pass) {
	origins := walk.Origins(p.File)
	var early []int
	offered := -1 // the last stage with a fix: its SHELL is for the RUNs after it, too
	for _, in := range p.File.Instructions {
		s, ok := p.File.Script(in)
		if !ok || in.Stage < 0 || s.File == nil || !strings.Contains(s.Text, "|") || origins[in.Stage].Pipefail(s.Shell) {
			continue
		}
		pipe := loosePipe(s.File)
		if pipe == nil {
			continue
		}
		finding := rule.Finding{
			Span:    s.Span(int(pipe.X.Pos().Offset()), int(pipe.Y.End().Offset())),
			Message: "the pipe succeeds when its first command fails; set pipefail",
			Minor:   says(pipe.X),
		}
		if shell := pipefailShell(origins[in.Stage], in, s); shell != "" && offered != in.Stage {
			offered = in.Stage
			at := walk.Above(p.File, in)
			safety := rule.Unsafe
			if early == nil {
				early = lastWhere(p.File, func(in dockerfile.Instruction) bool {
					return endsEarly(p.File, in) || dashEcho(p.File, in, origins[in.Stage])
				})
			}
			if early[in.Stage] >= in.Index {
				safety = rule.Suggestion
			}
			finding.Fix = &rule.Fix{Title: "Set pipefail with SHELL", Safety: safety, Edits: []source.Edit{{
				Span: source.Span{Start: at, End: at}, New: shell + walk.EOL(p.File, at),
			}}}
		}
		p.Report(finding)
	}
}

// loosePipe finds the first pipe of a script that does not set pipefail.
func loosePipe(file *syntax.File) (pipe *syntax.BinaryCmd) {
	set := false
	syntax.Walk(file, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.CallExpr:
			set = set || len(x.Args) > 1 && x.Args[0].Lit() == "set" && setsPipefail(x.Args[1:])
		case *syntax.BinaryCmd:
			if pipe == nil && !set && (x.Op == syntax.Pipe || x.Op == syntax.PipeAll) {
				pipe = x
			}
		}
		return pipe == nil
	})
	return pipe
}

// lastWhere gives for each stage the last RUN of it, and of those made from it,
// that SHELL with pipefail might break: its index, -1 for none.
func lastWhere(f *dockerfile.File, breaks func(dockerfile.Instruction) bool) []int {
	last := slices.Repeat([]int{-1}, len(f.Stages))
	for _, in := range f.Instructions {
		if in.Stage >= 0 && in.Keyword == "run" && breaks(in) {
			last[in.Stage] = in.Index
		}
	}
	for i := len(last) - 1; i >= 0; i-- {
		if parent := f.Stages[i].Parent; parent >= 0 {
			last[parent] = max(last[parent], last[i])
		}
	}
	return last
}

// endsEarly reports whether a RUN has a pipe into a program that may leave before
// it has read everything. What writes to such a pipe is killed then, which
// pipefail takes for an error.
func endsEarly(f *dockerfile.File, in dockerfile.Instruction) (found bool) {
	s, ok := f.Script(in)
	if !ok || s.File == nil || !strings.Contains(s.Text, "|") {
		return false
	}
	syntax.Walk(s.File, func(n syntax.Node) bool {
		if pipe, ok := n.(*syntax.BinaryCmd); ok && (pipe.Op == syntax.Pipe || pipe.Op == syntax.PipeAll) {
			call, _ := pipe.Y.Cmd.(*syntax.CallExpr)
			found = found || call != nil && leavesEarly(call.Args)
		}
		return !found
	})
	return found
}

// dashEcho reports whether a RUN writes \n and the like with the echo of dash,
// which bash would write as they are.
func dashEcho(f *dockerfile.File, in dockerfile.Instruction, base walk.Origin) bool {
	s, ok := f.Script(in)
	return ok && len(s.Shell) > 0 && path.Base(s.Shell[0]) == "sh" && base.Dash() &&
		slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool {
			return c.Name == "echo" && slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return escaped(f.Bytes[a.Span.Start:a.Span.End]) })
		})
}

// escaped reports whether text has an escape that the echo of dash knows.
func escaped(text []byte) bool {
	for i := range text[:max(len(text)-1, 0)] {
		if text[i] == '\\' && strings.IndexByte("abcfnrtv0", text[i+1]) >= 0 {
			return true
		}
	}
	return false
}

// leavesEarly reports whether a command stops reading when it has seen enough.
func leavesEarly(words []*syntax.Word) bool {
	if len(words) == 0 {
		return false
	}
	switch path.Base(words[0].Lit()) {
	case "head":
		return true
	case "grep", "egrep", "fgrep":
		return slices.ContainsFunc(words[1:], func(w *syntax.Word) bool {
			flag := w.Lit()
			return flag == "--quiet" || flag == "--silent" || strings.HasPrefix(flag, "--max-count") || len(flag) > 1 && flag[0] == '-' && flag[1] != '-' && strings.ContainsAny(flag, "qm")
		})
	case "sed", "awk":
		return slices.ContainsFunc(words[1:], func(w *syntax.Word) bool {
			var b strings.Builder
			_ = syntax.NewPrinter().Print(&b, w) // to memory
			text := strings.Trim(b.String(), `'"`)
			return strings.HasSuffix(text, "q") && path.Base(words[0].Lit()) == "sed" || strings.Contains(text, "exit")
		})
	}
	return false
}

// says reports whether a statement only prints what it is given, which hardly
// fails.
func says(st *syntax.Stmt) bool {
	call, ok := st.Cmd.(*syntax.CallExpr)
	return ok && len(call.Args) > 0 && slices.Contains([]string{"echo", "printf"}, call.Args[0].Lit())
}

// setsPipefail reports whether the arguments of set turn pipefail on.
func setsPipefail(args []*syntax.Word) bool {
	words := make([]string, len(args))
	for i, w := range args {
		words[i] = w.Lit()
	}
	i := slices.Index(words, "pipefail")
	return i > 0 && strings.HasPrefix(words[i-1], "-") && strings.HasSuffix(words[i-1], "o")
}

// pipefailShell is a SHELL that keeps the flags of the one in force, "" when no
// shell with pipefail is known to be in the image.
func pipefailShell(base walk.Origin, in dockerfile.Instruction, s dockerfile.Script) string {
	if in.Trigger || s.Heredoc && strings.HasPrefix(s.Text, "#!") || len(s.Shell) < 2 {
		return ""
	}
	name := ""
	switch path.Base(s.Shell[0]) {
	case "bash", "zsh", "ash":
		name = s.Shell[0]
	case "sh":
		name = base.Shell()
	}
	if name == "" {
		return ""
	}
	words := append([]string{name, "-o", "pipefail"}, s.Shell[1:]...)
	return `SHELL ["` + strings.Join(words, `", "`) + `"]`
}
