package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var pipCache = rule.Rule{
	Meta: rule.Meta{
		Name:     "pip-cache",
		Aliases:  []string{"DL3042", "missing-pip-no-cache-dir", "f2f903fb-b977-461e-98d7-b3e2185c6118"},
		Family:   rule.Fat,
		Summary:  "pip install leaves no cache behind",
		Why:      "pip keeps every wheel it downloads below /root/.cache, where nobody will look for it again.",
		Bad:      "FROM python:3.12-slim\nRUN pip install flask==3.0.0\n",
		Good:     "FROM python:3.12-slim\nRUN pip install --no-cache-dir flask==3.0.0\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkPipCache,
}

func checkPipCache(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "pip") {
		if !v.Is(walk.Installs) || v.Has("--no-cache-dir") || !p.File.Shipped(in.Stage) || walk.MountedBelow(p.File, in, ".cache", ".cache/pip") || noPipCache(p, words, in, v) {
			continue
		}
		p.Report(rule.Finding{Span: v.Span, Message: "pip keeps its downloads in the layer; add --no-cache-dir", Fix: v.Add(p.File, "--no-cache-dir")})
	}
}

// noPipCache reports whether the environment turns the cache off, or puts it
// where a mount is.
func noPipCache(p *rule.Pass, words *walk.Expander, in dockerfile.Instruction, v walk.Invocation) bool {
	if dir := words.Environment(in, v.Command, "PIP_CACHE_DIR"); dir != "" && walk.Mounted(p.File, in, dir) {
		return true
	}
	on := strings.ToLower(words.Environment(in, v.Command, "PIP_NO_CACHE_DIR"))
	return slices.Contains([]string{"1", "on", "yes", "y", "true", "t"}, on)
}
