package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// A buildkitCase is one Dockerfile of BuildKit's tests and what its checks say.
type buildkitCase struct {
	ID           string            `json:"id"`
	Dockerfile   string            `json:"dockerfile"`
	Dockerignore *string           `json:"dockerignore"`
	BuildArgs    map[string]string `json:"build_args"`
	Warnings     []warning         `json:"warnings"`
	// BuildError is what a build says in place of warnings.
	BuildError string `json:"build_error"`
	// LinesUnverified marks a case whose lines BuildKit's test does not check.
	LinesUnverified bool `json:"lines_unverified"`
}

type warning struct {
	Rule    string `json:"rule"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

func buildkitCases(ctx context.Context, r *report, corpus string) error {
	var cases []buildkitCase
	if err := readJSON(filepath.Join(corpus, "buildkit-cases.json"), &cases); err != nil {
		return err
	}
	t := table{}
	agree := 0
	for _, c := range cases {
		ours, err := c.run(ctx)
		if err != nil {
			ours = []warning{{Rule: "error", Message: err.Error()}}
		}
		same := true
		for _, name := range append([]string{"error"}, buildkit.Checks()...) {
			a, b := lines(ours, name), lines(c.Warnings, name)
			if len(a) == 0 && len(b) == 0 {
				continue
			}
			d := disagreement{rule: name, where: c.ID, text: fmt.Sprintf("%sours: %v\ntheirs: %v", c.Dockerfile, ours, c.Warnings), extra: len(a) > len(b)}
			equal := slices.Equal(a, b) || c.LinesUnverified && len(a) == len(b)
			same = same && equal
			count(r, t.at(name), d, equal || len(a) > len(b), equal || len(a) <= len(b))
		}
		if same {
			agree++
		}
	}
	t.print(r.out, "BuildKit's cases")
	fmt.Fprintf(r.out, "%d of %d cases agree\n", agree, len(cases))
	if agree < len(cases) {
		r.failf("BuildKit's cases: %d differ", len(cases)-agree)
	}
	return nil
}

// run gives what all rules say, as BuildKit would name it.
func (c buildkitCase) run(ctx context.Context) ([]warning, error) {
	opts := lint.Options{Rules: rules.All(), Directive: c.BuildArgs["BUILDKIT_DOCKERFILE_CHECK"]}
	if c.Dockerignore != nil {
		opts.Context = buildcontext.Open("", []byte(*c.Dockerignore))
	}
	src := source.NewFile("Dockerfile", []byte(c.Dockerfile))
	diags, err := lint.Run(ctx, src, opts)
	if err != nil {
		return nil, err
	}
	f, err := dockerfile.Parse(src)
	if err != nil {
		f = nil
	}
	var out []warning
	for _, d := range diags {
		line := src.Pos(d.Span.Start).Line
		// BuildKit names the end of the instruction, we the empty line in it.
		if d.Rule.Is("NoEmptyContinuation") && f != nil {
			if in, ok := f.At(line); ok {
				line = in.Node.EndLine
			}
		}
		for _, name := range buildkit.Checks() {
			if d.Rule.Is(name) {
				out = append(out, warning{name, line, d.Message})
			}
		}
	}
	return out, nil
}

// lines are where a check is reported, in order.
func lines(list []warning, name string) []int {
	var out []int
	for _, w := range list {
		if w.Rule == name {
			out = append(out, w.Line)
		}
	}
	slices.Sort(out)
	return out
}
