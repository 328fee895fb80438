package format

import (
	"io"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// The generic issue import format of SonarQube 10.3. Lines count from 1,
// columns from 0 in UTF-16 code units.
type (
	sonarReport struct {
		Rules  []sonarRule  `json:"rules"`
		Issues []sonarIssue `json:"issues"`
	}
	sonarRule struct {
		ID          string        `json:"id"`
		Name        string        `json:"name"`
		Description string        `json:"description"`
		Engine      string        `json:"engineId"`
		Attribute   string        `json:"cleanCodeAttribute"`
		Type        string        `json:"type"`
		Severity    string        `json:"severity"`
		Impacts     []sonarImpact `json:"impacts"`
	}
	sonarImpact struct {
		Quality  string `json:"softwareQuality"`
		Severity string `json:"severity"`
	}
	sonarIssue struct {
		Rule    string       `json:"ruleId"`
		Primary sonarPrimary `json:"primaryLocation"`
	}
	sonarPrimary struct {
		Message string     `json:"message"`
		Path    string     `json:"filePath"`
		Range   sonarRange `json:"textRange"`
	}
	sonarRange struct {
		StartLine   int  `json:"startLine"`
		EndLine     int  `json:"endLine"`
		StartColumn *int `json:"startColumn,omitempty"`
		EndColumn   *int `json:"endColumn,omitempty"`
	}
)

// SonarQube writes the rules that have something to say, and what they say.
func SonarQube(w io.Writer, diags []lint.Diagnostic, o Options) error {
	report := sonarReport{Rules: []sonarRule{}, Issues: []sonarIssue{}}
	rules, _ := rulesOf(diags)
	for _, m := range rules {
		report.Rules = append(report.Rules, sonarRuleOf(m))
	}
	for _, d := range diags {
		r := region(d, d.Span.Start, d.Span.End)
		at := sonarRange{StartLine: r.StartLine, EndLine: r.EndLine}
		if d.Span.End > d.Span.Start { // an empty range is refused
			start, end := r.StartColumn-1, r.EndColumn-1
			at.StartColumn, at.EndColumn = &start, &end
		}
		report.Issues = append(report.Issues, sonarIssue{d.Rule.Name, sonarPrimary{d.Message, o.path(d.File.Name), at}})
	}
	return indented(w, report)
}

func sonarRuleOf(m *rule.Meta) sonarRule {
	impact := map[rule.Severity]string{rule.Error: "HIGH", rule.Warning: "MEDIUM", rule.Info: "LOW", rule.Style: "LOW"}[m.Severity]
	out := sonarRule{
		ID: m.Name, Name: m.Summary, Description: explanation(m), Engine: "whittle", Attribute: "CONVENTIONAL", Type: "CODE_SMELL",
		Severity: map[rule.Severity]string{rule.Error: "CRITICAL", rule.Warning: "MAJOR", rule.Info: "MINOR", rule.Style: "INFO"}[m.Severity],
		Impacts:  []sonarImpact{{"MAINTAINABILITY", impact}},
	}
	switch category(m) {
	case "Security":
		out.Attribute, out.Type, out.Impacts = "TRUSTWORTHY", "VULNERABILITY", []sonarImpact{{"SECURITY", impact}}
	case "Performance":
		out.Attribute = "EFFICIENT"
	}
	return out
}
