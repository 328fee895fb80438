package format

import (
	"encoding/json"
	"io"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/baseline"
	"github.com/whittle-oci/whittle/lint/rule"
)

// issue is one finding as Code Climate and GitLab have it
// (github.com/codeclimate/platform, spec/analyzers/SPEC.md).
type issue struct {
	Type        string        `json:"type"`
	Check       string        `json:"check_name"`
	Description string        `json:"description"`
	Content     *content      `json:"content,omitempty"`
	Categories  []string      `json:"categories"`
	Severity    string        `json:"severity"`
	Fingerprint string        `json:"fingerprint"`
	Location    issueLocation `json:"location"`
}

type content struct {
	Body string `json:"body"`
}

type issueLocation struct {
	Path  string `json:"path"`
	Lines lines  `json:"lines"`
}

type lines struct {
	Begin int `json:"begin"`
	End   int `json:"end"`
}

func issues(diags []lint.Diagnostic, o Options, explain bool) []issue {
	severities := map[rule.Severity]string{rule.Error: "critical", rule.Warning: "major", rule.Info: "minor", rule.Style: "info"}
	prints := baseline.Fingerprints(diags, o.path)
	out := make([]issue, len(diags))
	for i, d := range diags {
		at := placeOf(d)
		out[i] = issue{
			Type: "issue", Check: d.Rule.Name, Description: d.Message, Severity: severities[d.Severity], Fingerprint: prints[i],
			Categories: []string{category(d.Rule)}, Location: issueLocation{o.path(d.File.Name), lines{at.line, at.endLine}},
		}
		if explain {
			out[i].Content = &content{explanation(d.Rule)}
		}
	}
	return out
}

func category(m *rule.Meta) string {
	switch m.Family {
	case rule.Root, rule.Secrets, rule.Pins:
		return "Security"
	case rule.Fat:
		return "Performance"
	}
	return "Style"
}

// GitLab writes a Code Quality report: a list of issues.
func GitLab(w io.Writer, diags []lint.Diagnostic, o Options) error {
	return indented(w, issues(diags, o, false))
}

// CodeClimate writes issues with a NUL behind each, as an engine does.
func CodeClimate(w io.Writer, diags []lint.Diagnostic, o Options) error {
	for _, i := range issues(diags, o, true) {
		b, err := json.Marshal(i)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(b, 0)); err != nil {
			return err
		}
	}
	return nil
}
