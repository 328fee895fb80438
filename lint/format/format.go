// Package format writes diagnostics for people and for other programs.
package format

import (
	"fmt"
	"io"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Writer writes all diagnostics of a run.
type Writer func(w io.Writer, diags []lint.Diagnostic, o Options) error

// Options are what a format may use.
type Options struct {
	Color   bool
	Version string      // of the program
	Rules   []rule.Rule // that ran, for formats that list them
}

// Named finds a format by its name.
func Named(name string) (Writer, error) {
	switch name {
	case "text":
		return Text, nil
	case "json":
		return JSON, nil
	case "sarif":
		return SARIF, nil
	case "github":
		return GitHub, nil
	}
	return nil, fmt.Errorf("the format %q is none of text, json, sarif, github", name)
}

// URL is the page of a rule.
func URL(m *rule.Meta) string {
	if m.URL != "" {
		return m.URL
	}
	return "https://github.com/whittle-oci/whittle/blob/main/lint/docs/" + m.Name + ".md"
}
