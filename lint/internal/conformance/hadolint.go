package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// A hadolintCase is one assertion of hadolint's tests: the rule fires on the
// Dockerfile or stays silent. Cases without an answer are left out.
type hadolintCase struct {
	ID         int    `json:"id"`
	Rule       string `json:"rule"`
	Dockerfile string `json:"dockerfile"`
	Expect     string `json:"expect"`
	Config     struct {
		Registries   []string          `json:"trustedRegistries"`
		Labels       map[string]string `json:"label-schema"`
		StrictLabels bool              `json:"strict-labels"`
		Ignored      []string          `json:"ignored"`
	} `json:"config"`
}

func hadolintCases(ctx context.Context, r *report, corpus string) error {
	var cases []hadolintCase
	if err := readJSON(filepath.Join(corpus, "hadolint-cases.json"), &cases); err != nil {
		return err
	}
	t := table{}
	for _, c := range cases {
		// SC* is ShellCheck itself, * all rules at once.
		if c.Expect == "" || strings.HasSuffix(c.Rule, "*") {
			continue
		}
		d, fires, err := c.judge(ctx)
		if err != nil {
			return fmt.Errorf("case %d of %s: %w", c.ID, c.Rule, err)
		}
		count(r, t.at(c.Rule), d, fires, c.Expect == "fires")
	}
	t.print(r.out, "hadolint's cases")
	sum := t.sum()
	agreed := percent(sum.agree+sum.listed, sum.total())
	fmt.Fprintf(r.out, "agreement with listed differences %.2f %%, without %.2f %%\n", agreed, percent(sum.agree, sum.total()))
	if agreed < barCases {
		r.failf("hadolint's cases: %.2f %% is below %.0f %%", agreed, barCases)
	}
	return nil
}

var hasFrom = regexp.MustCompile(`(?im)^\s*from\s`)

// judge runs the case's rule. The disagreement it returns is one to be
// reported should the answers differ.
func (c hadolintCase) judge(ctx context.Context) (d disagreement, fires bool, err error) {
	text := c.Dockerfile + "\n"
	first := 1 // line of the case's own text
	if !hasFrom.MatchString(text) && c.Rule != "DL3061" {
		text, first = "FROM debian:12\n"+text, 2
	}
	src := source.NewFile("Dockerfile", []byte(text))
	d = disagreement{rule: c.Rule, where: fmt.Sprintf("case %d", c.ID), text: text}
	all := slices.DeleteFunc(called(c.Rule), func(r rule.Rule) bool { return slices.ContainsFunc(c.Config.Ignored, r.Is) })
	diags, err := lint.Run(ctx, src, lint.Options{Rules: all, Settings: rule.Settings{
		TrustedRegistries: c.Config.Registries, Labels: c.Config.Labels, StrictLabels: c.Config.StrictLabels,
	}})
	if err != nil {
		return d, false, err
	}
	if d.file, err = dockerfile.Parse(src); err == nil {
		d.in = d.file.Instructions
	}
	for _, x := range diags {
		if x.Rule.Is(c.Rule) && src.Pos(x.Span.Start).Line >= first {
			fires, d.extra = true, true
		}
	}
	return d, fires, nil
}

// called finds the rules that answer to another tool's name.
func called(name string) []rule.Rule {
	return slices.DeleteFunc(rules.All(), func(r rule.Rule) bool { return !r.Is(name) })
}

// count adds one answer to a tally.
func count(r *report, t *tally, d disagreement, ours, theirs bool) {
	switch {
	case ours == theirs:
		t.agree++
	case r.explain(d):
		t.listed++
	case ours:
		t.extra++
		r.failed = true
	default:
		t.missed++
		r.failed = true
	}
}

func readJSON(name string, into any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
