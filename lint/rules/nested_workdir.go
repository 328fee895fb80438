package rules

import (
	"path"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var nestedWorkdir = rule.Rule{
	Meta: rule.Meta{
		Name:     "nested-workdir",
		Aliases:  []string{"DL3000", "DS-0009", "CKV_DOCKER_10", "6b376af8-cfe8-49ab-a08d-f32de23661a4"},
		Family:   rule.Hygiene,
		Summary:  "no WORKDIR is relative to the previous one",
		Why:      "To know where a relative WORKDIR leads one has to find those before it. Moving a line changes all that follow.",
		Bad:      "FROM debian:12\nWORKDIR /app\nWORKDIR src\n",
		Good:     "FROM debian:12\nWORKDIR /app\nWORKDIR /app/src\n",
		Severity: rule.Style,
		Fixable:  rule.Sometimes,
		Presets:  []string{"hadolint"},
	},
	Check: checkNestedWorkdir,
}

func checkNestedWorkdir(p *rule.Pass) {
	for in, dir := range workdirs(p.File) {
		if !dir.relative || !dir.set {
			continue
		}
		word := in.Words()[0]
		finding := rule.Finding{Span: word.Span, Message: "WORKDIR " + dir.name + " is relative to the one before it; write it from /"}
		if dir.before != "" && !strings.ContainsAny(word.Text, `"'$`) {
			whole := path.Join(dir.before, dir.name)
			finding.Message = "WORKDIR " + dir.name + " is relative to the one before it; write " + whole
			if !strings.ContainsAny(whole, "\"'$ \t"+string(p.File.Escape)) {
				finding.Fix = &rule.Fix{Title: "Write " + whole, Edits: []source.Edit{{Span: word.Span, New: whole}}}
			}
		}
		p.Report(finding)
	}
}
