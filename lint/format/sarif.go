package format

import (
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/baseline"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// SARIF 2.1.0, as far as it is used here (docs.oasis-open.org/sarif).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID         string          `json:"id"`
		Short      sarifText       `json:"shortDescription"`
		Full       sarifText       `json:"fullDescription"`
		HelpURI    string          `json:"helpUri,omitempty"`
		Help       sarifHelp       `json:"help"`
		Default    sarifConfig     `json:"defaultConfiguration"`
		Properties sarifProperties `json:"properties"`
	}
	sarifHelp struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown"`
	}
	sarifProperties struct {
		Tags      []string `json:"tags"`
		Problem   string   `json:"problem.severity"`
		Precision string   `json:"precision"`
		Security  string   `json:"security-severity,omitempty"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string            `json:"ruleId"`
		RuleIndex int               `json:"ruleIndex"`
		Level     string            `json:"level"`
		Message   sarifText         `json:"message"`
		Locations []sarifLocation   `json:"locations"`
		Prints    map[string]string `json:"partialFingerprints"`
		Fixes     []sarifFix        `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted sarifText   `json:"insertedContent"`
	}
)

var levels = map[rule.Severity]string{rule.Error: "error", rule.Warning: "warning", rule.Info: "note", rule.Style: "note"}

// SARIF writes one run with the rules that have something to say.
func SARIF(w io.Writer, diags []lint.Diagnostic, o Options) error {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "whittle", Version: o.Version, InformationURI: "https://github.com/whittle-oci/whittle", Rules: []sarifRule{}}
	rules, index := rulesOf(diags)
	for _, m := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(m))
	}
	prints := baseline.Fingerprints(diags, o.path)
	hashes := map[*source.File][]string{}
	for i, d := range diags {
		if hashes[d.File] == nil {
			hashes[d.File] = lineHashes(d.File.Bytes)
		}
		res := sarifResult{
			RuleID: d.Rule.Name, RuleIndex: index[d.Rule.Name], Level: levels[d.Severity], Message: sarifText{d.Message},
			Locations: []sarifLocation{{sarifPhysical{artifact(o.path(d.File.Name)), region(d, d.Span.Start, d.Span.End)}}},
			Prints:    map[string]string{"whittle/v1": prints[i]},
		}
		if line := d.File.Pos(d.Span.Start).Line; line <= len(hashes[d.File]) {
			res.Prints["primaryLocationLineHash"] = hashes[d.File][line-1]
		}
		if d.Fix != nil {
			c := sarifChange{Artifact: artifact(o.path(d.File.Name))}
			for _, e := range d.Fix.Edits {
				c.Replacements = append(c.Replacements, sarifReplacement{region(d, e.Span.Start, e.Span.End), sarifText{e.New}})
			}
			res.Fixes = []sarifFix{{sarifText{d.Fix.Title}, []sarifChange{c}}}
		}
		run.Results = append(run.Results, res)
	}
	return indented(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// sarifRuleOf describes a rule. Tags and the properties beside them are those
// that code scanning services sort by.
func sarifRuleOf(m *rule.Meta) sarifRule {
	r := sarifRule{
		ID: m.Name, Short: sarifText{m.Summary}, Full: sarifText{m.Why}, HelpURI: URL(m), Default: sarifConfig{levels[m.Severity]},
		Help:       sarifHelp{Text: m.Why, Markdown: m.Why},
		Properties: sarifProperties{Tags: []string{string(m.Family)}, Problem: levels[m.Severity], Precision: "high"},
	}
	if r.Properties.Problem == "note" {
		r.Properties.Problem = "recommendation"
	}
	if m.Bad != "" {
		r.Help.Markdown += "\n\nReported:\n\n```dockerfile\n" + m.Bad + "```\n\nNot reported:\n\n```dockerfile\n" + m.Good + "```\n"
	}
	if category(m) == "Security" {
		r.Properties.Tags = append(r.Properties.Tags, "security")
		r.Properties.Security = map[rule.Severity]string{rule.Error: "8.0", rule.Warning: "5.0", rule.Info: "2.0", rule.Style: "1.0"}[m.Severity]
	}
	r.Properties.Tags = append(r.Properties.Tags, m.Aliases...) // services show the first ten
	return r
}

// artifact names a file: a relative one from the root of the sources, any other
// as a URL.
func artifact(name string) sarifArtifact {
	if path.IsAbs(name) || filepath.IsAbs(name) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(name, "/")}).String()}
	}
	// What stands before a colon would be a scheme.
	escaped := strings.ReplaceAll((&url.URL{Path: name}).EscapedPath(), ":", "%3A")
	return sarifArtifact{URI: escaped, Base: "%SRCROOT%"}
}

// region counts columns in UTF-16 code units, as SARIF wants them.
func region(d lint.Diagnostic, start, end int) sarifRegion {
	column := func(off int) (int, int) {
		p := d.File.Pos(off)
		n := 1
		for _, r := range string(d.File.Bytes[off-p.Col+1 : off]) {
			if n++; r > 0xffff {
				n++
			}
		}
		return p.Line, n
	}
	var r sarifRegion
	r.StartLine, r.StartColumn = column(start)
	r.EndLine, r.EndColumn = column(end)
	return r
}
