package rules

import (
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
		Summary:  "pip install leaves no cache in the layer",
		Why:      "pip keeps every wheel it downloads below /root/.cache, where nobody will look for it again. Where builds should keep them, mount a cache there: RUN --mount=type=cache,target=/root/.cache/pip.",
		Bad:      "FROM python:3.12-slim\nRUN pip install flask==3.0.0\n",
		Good:     "FROM python:3.12-slim\nRUN pip install --no-cache-dir flask==3.0.0\n",
		Severity: rule.Info,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkPipCache,
}

var pipCacheFiles = walk.Cache{
	Managers: []string{"pip"},
	Fills:    []walk.Action{walk.Installs},
	Tails:    []string{".cache", ".cache/pip", ".cache/pip/http", ".cache/pip/http-v2"},
	Flags:    []string{"--cache-dir"},
	Variable: "PIP_CACHE_DIR",
	Cleaned: func(v walk.Invocation) bool {
		return v.Verb == "cache" && len(v.Packages) > 0 && v.Packages[0].Text == "purge"
	},
}

func checkPipCache(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range pipCacheFiles.Each(p.File) {
		// pip takes the beginning of a flag for the flag.
		if !v.Is(walk.Installs) || v.Has("--no-cache-dir", "--no-cache") || !p.File.Shipped(in.Stage) || noPipCache(words, in, v) {
			continue
		}
		p.Report(rule.Finding{Span: v.Span, Message: "pip keeps its downloads in the layer; add --no-cache-dir", Fix: v.Add(p.File, "--no-cache-dir")})
	}
}

// noPipCache reports whether the environment turns the cache off. It does so
// with any value that pip reads as yes or no: pip has kept to that since it once
// read them the wrong way round.
func noPipCache(words *walk.Expander, in dockerfile.Instruction, v walk.Invocation) bool {
	switch strings.ToLower(words.Environment(in, v.Command, "PIP_NO_CACHE_DIR")) {
	case "1", "on", "yes", "y", "true", "t", "0", "off", "no", "n", "false", "f":
		return true
	}
	return false
}
