package rules

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var relativeWorkdir = rule.Rule{
	Meta: rule.Meta{
		Name:     "relative-workdir",
		Aliases:  []string{"DL3000", "WorkdirRelativePath", "DS-0009", "CKV_DOCKER_10", "6b376af8-cfe8-49ab-a08d-f32de23661a4"},
		Family:   rule.Hygiene,
		Summary:  "the first WORKDIR is absolute",
		Why:      "A relative WORKDIR depends on the one before it. When neither the stage nor one that it is made from sets one, that is the base image's, and moves when that does.",
		Bad:      "FROM debian:12\nWORKDIR app\n",
		Good:     "FROM debian:12\nWORKDIR /app\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkRelativeWorkdir,
}

func checkRelativeWorkdir(p *rule.Pass) {
	for in, dir := range workdirs(p.File) {
		if !dir.relative || dir.set {
			continue
		}
		word := in.Words()[0]
		finding := rule.Finding{Span: word.Span, Message: "WORKDIR " + dir.name + " is relative to whatever the base image has; write it from /"}
		if !strings.ContainsAny(word.Text, `"'`) {
			finding.Fix = &rule.Fix{Title: "Write it from /", Safety: rule.Suggestion, Edits: []source.Edit{{Span: source.Span{Start: word.Span.Start, End: word.Span.Start}, New: "/"}}}
		}
		p.Report(finding)
	}
}

// A workdir is what a WORKDIR says and what was said before it.
type workdir struct {
	name     string
	relative bool
	set      bool   // a WORKDIR stands before it
	before   string // the directory so far, "" when it is not known
}

// workdirs goes over the WORKDIRs of all stages, those of ONBUILD left out.
func workdirs(f *dockerfile.File) func(yield func(dockerfile.Instruction, workdir) bool) {
	return func(yield func(dockerfile.Instruction, workdir) bool) {
		last := make([]workdir, len(f.Stages))
		for i := range f.Stages {
			cur := workdir{}
			if parent := f.Stages[i].Parent; parent >= 0 {
				cur = last[parent]
			}
			for _, c := range f.Choices(i) {
				cur.set = cur.set || last[c].set
			}
			for _, in := range f.In(i) {
				c, ok := in.Command.(*instructions.WorkdirCommand)
				if !ok || in.Trigger {
					continue
				}
				name, known := f.Expand(in, c.Path)
				bare := strings.Trim(name, `"'`)
				dir := workdir{name: name, set: cur.set, before: cur.before}
				absolute := path.IsAbs(bare) || windowsPath(bare)
				dir.relative = !absolute && (known || !strings.HasPrefix(strings.Trim(c.Path, `"'`), "$"))
				if !yield(in, dir) {
					return
				}
				cur.set = true
				switch {
				case !known || windowsPath(bare):
					cur.before = ""
				case absolute:
					cur.before = path.Clean(name)
				case cur.before != "":
					cur.before = path.Join(cur.before, name)
				}
			}
			last[i] = cur
		}
	}
}
