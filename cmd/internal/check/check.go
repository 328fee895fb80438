// Package check lints a Dockerfile for the build frontend, which knows nothing
// of rules.
package check

import (
	"context"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// Dockerfile is a frontend.Check with every rule of the recommended preset.
func Dockerfile(ctx context.Context, name string, dockerfile, _ []byte) ([]frontend.Finding, error) {
	src := source.NewFile(name, dockerfile)
	diags, err := lint.Run(ctx, src, lint.Options{Rules: rules.All()})
	if err != nil {
		return nil, err
	}
	var out []frontend.Finding
	for _, d := range diags {
		out = append(out, frontend.Finding{
			Rule: d.Rule.Name, Description: d.Rule.Summary, Message: d.Message, Severity: d.Rule.Severity.String(),
			Line: src.Pos(d.Span.Start).Line, End: src.Pos(d.Span.End).Line,
		})
	}
	return out, nil
}
