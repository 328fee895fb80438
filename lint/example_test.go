package lint_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// A rule of another program: EXPOSE says which protocol a port speaks.
var exposeProtocol = rule.Rule{
	Meta: rule.Meta{
		Name:     "acme-expose-protocol",
		Summary:  "EXPOSE names the protocol of a port",
		Severity: rule.Info,
		Fixable:  rule.Always,
	},
	Check: func(p *rule.Pass) {
		for _, in := range p.File.Instructions {
			if in.Keyword != "expose" || strings.Contains(in.Text.Text, "/") {
				continue
			}
			end := in.Arguments().End
			p.Report(rule.Finding{
				Span: in.Arguments(), Message: "this port has no protocol",
				Fix: &rule.Fix{Title: "Add /tcp", Edits: []source.Edit{{Span: source.Span{Start: end, End: end}, New: "/tcp"}}},
			})
		}
	},
}

// Rules are values: a program hands over its own, with those of package rules
// or without.
func Example() {
	ctx := context.Background()
	src := source.NewFile("Dockerfile", []byte("FROM scratch\nEXPOSE 8080\n"))
	opts := lint.Options{Rules: []rule.Rule{exposeProtocol}}

	diags, err := lint.Run(ctx, src, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range diags {
		fmt.Printf("%s:%d: %s: %s\n", src.Name, src.Pos(d.Span.Start).Line, d.Severity, d.Message)
	}

	fixed, _, err := lint.Fix(ctx, src, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(fixed.Bytes))
	// Output:
	// Dockerfile:2: info: this port has no protocol
	// FROM scratch
	// EXPOSE 8080/tcp
}
