package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var pipCache = rule.Rule{
	Meta: rule.Meta{
		Name:     "pip-cache",
		Aliases:  []string{"DL3042"},
		Family:   rule.Fat,
		Summary:  "pip install leaves no cache behind",
		Why:      "pip keeps every wheel it downloads below /root/.cache, where nobody will look for it again.",
		Bad:      "FROM python:3.12-slim\nRUN pip install flask==3.0.0\n",
		Good:     "FROM python:3.12-slim\nRUN pip install --no-cache-dir flask==3.0.0\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkPipCache,
}

func checkPipCache(p *rule.Pass) {
	for in, c := range walk.Commands(p.File) {
		if _, ok := walk.Install(c, "pip", "pip3"); !ok || c.HasFlag("--no-cache-dir") || !p.File.Shipped(in.Stage) || strings.Contains(in.Text.Text, "type=cache") || noPipCache(p, in) {
			continue
		}
		verb, _ := walk.Verb(c)
		p.Report(rule.Finding{Span: c.Span, Message: "pip keeps its downloads in the layer; add --no-cache-dir", Fix: &rule.Fix{
			Title: "Add --no-cache-dir", Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(verb), New: " --no-cache-dir"}},
		}})
	}
}

// noPipCache reports whether the environment turns the cache off.
func noPipCache(p *rule.Pass, in dockerfile.Instruction) bool {
	v, known := p.File.Expand(in, "$PIP_NO_CACHE_DIR")
	return known && v != "" && v != "0" && v != "off"
}
