package rules

import (
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var wgetProgress = rule.Rule{
	Meta: rule.Meta{
		Name:     "wget-progress",
		Aliases:  []string{"DL3047"},
		Family:   rule.Hygiene,
		Summary:  "wget prints no progress bar",
		Why:      "Without a terminal, wget prints a line for every 50 kB, which buries the rest of the build's log.",
		Bad:      "FROM debian:12\nRUN wget https://example.test/file.tar\n",
		Good:     "FROM debian:12\nRUN wget -q https://example.test/file.tar\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"hadolint"},
	},
	Check: checkWgetProgress,
}

func checkWgetProgress(p *rule.Pass) {
	origins := walk.Origins(p.File)
	for in, c := range walk.Named(p.File, "wget") {
		if len(c.Args) == 0 || quietWget(c) {
			continue
		}
		quiet := "-q"
		if base := origins[in.Stage]; base.Shell() != "" && !base.Alpine() {
			quiet = "-nv" // that of GNU, whose -q says nothing of errors either
		}
		p.Report(rule.Finding{Span: c.Span, Message: "wget prints its progress to the log; add -q or --progress=dot:giga", Fix: walk.AddFlag(p.File, c, c.NameSpan, quiet)})
	}
}

func quietWget(c dockerfile.Command) bool {
	if c.HasFlag("--quiet", "--no-verbose", "--progress", "--output-file", "--append-output", "-q", "-o", "-a", "--version", "--help", "-h", "-V", "-b") {
		return true
	}
	return c.Has("-nv")
}
