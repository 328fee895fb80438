// Package check lints a Dockerfile for the build frontend, which knows nothing
// of rules.
package check

import (
	"context"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/format"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/setup"
	"github.com/whittle-oci/whittle/lint/source"
)

// Dockerfile is a frontend.Check: the rules that the lint section of yaml
// chooses, the recommended ones when there is none. BuildKit adds its own.
func Dockerfile(ctx context.Context, name string, dockerfile, yaml []byte) ([]frontend.Finding, error) {
	file, err := config.Parse(".whittle.yaml", yaml)
	if err != nil {
		return nil, err
	}
	run, err := setup.For(rules.All(), config.For(name, []config.File{file}), config.Layer{})
	if err != nil {
		return nil, err
	}
	src := source.NewFile(name, dockerfile)
	diags, err := lint.Run(ctx, src, run.Options)
	if err != nil {
		return nil, err
	}
	var out []frontend.Finding
	for _, d := range diags {
		if d.Rule == &lint.Syntax {
			continue // BuildKit says so itself
		}
		out = append(out, frontend.Finding{
			Rule: d.Rule.Name, Description: d.Rule.Summary, URL: format.URL(d.Rule), Message: d.Message, Severity: d.Severity.String(),
			Line: src.Pos(d.Span.Start).Line, End: src.Pos(d.Span.End).Line, Aliases: d.Rule.Aliases,
		})
	}
	return out, nil
}
