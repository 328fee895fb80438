package rules

import (
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

var relativeCopyTarget = rule.Rule{
	Meta: rule.Meta{
		Name:     "relative-copy-target",
		Aliases:  []string{"DL3045"},
		Family:   rule.Hygiene,
		Summary:  "COPY and ADD to a relative path follow a WORKDIR",
		Why:      "Where a relative path leads is up to WORKDIR. When neither the stage nor one that it is made from sets it, it is the base image's, and moves when that does.",
		Bad:      "FROM debian:12\nCOPY app.conf conf/\n",
		Good:     "FROM debian:12\nWORKDIR /app\nCOPY app.conf conf/\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"hadolint"},
	},
	Check: checkRelativeCopyTarget,
}

func checkRelativeCopyTarget(p *rule.Pass) {
	set := make([]bool, len(p.File.Stages))
	for i := range p.File.Stages {
		s := &p.File.Stages[i]
		set[i] = s.Parent >= 0 && set[s.Parent]
		for _, c := range p.File.Choices(i) {
			set[i] = set[i] || set[c]
		}
		triggered := set[i]
		for _, in := range p.File.In(i) {
			switch in.Command.(type) {
			case *instructions.WorkdirCommand:
				triggered = true
				set[i] = set[i] || !in.Trigger
			case *instructions.CopyCommand, *instructions.AddCommand:
				if !set[i] && (!in.Trigger || !triggered) {
					reportRelative(p, in)
				}
			}
		}
	}
}

func reportRelative(p *rule.Pass, in dockerfile.Instruction) {
	_, dest := in.Copied()
	to, known := p.File.Expand(in, dest.Text)
	if to = strings.Trim(to, `"'`); path.IsAbs(to) || windowsPath(to) || !known && strings.HasPrefix(strings.Trim(dest.Text, `"'`), "$") {
		return
	}
	p.Reportf(dest.Span, "the target "+to+" is relative, and no WORKDIR says to what")
}

// windowsPath reports whether a path begins with a drive.
func windowsPath(name string) bool {
	return len(name) > 1 && name[1] == ':' && name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z'
}
