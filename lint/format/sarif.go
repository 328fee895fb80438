package format

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
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
		ID         string      `json:"id"`
		Short      sarifText   `json:"shortDescription"`
		Full       sarifText   `json:"fullDescription"`
		HelpURI    string      `json:"helpUri"`
		Default    sarifConfig `json:"defaultConfiguration"`
		Properties sarifTags   `json:"properties"`
	}
	sarifTags struct {
		Tags []string `json:"tags"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
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
	index := map[string]int{}
	for _, d := range diags {
		if _, ok := index[d.Rule.Name]; !ok {
			index[d.Rule.Name] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
				ID: d.Rule.Name, Short: sarifText{d.Rule.Summary}, Full: sarifText{d.Rule.Why + " "}, HelpURI: URL(d.Rule),
				Default: sarifConfig{levels[d.Rule.Severity]}, Properties: sarifTags{append([]string{string(d.Rule.Family)}, d.Rule.Aliases...)},
			})
		}
		res := sarifResult{
			RuleID: d.Rule.Name, RuleIndex: index[d.Rule.Name], Level: levels[d.Severity], Message: sarifText{d.Message},
			Locations: []sarifLocation{{sarifPhysical{sarifArtifact{uri(d.File.Name)}, region(d, d.Span.Start, d.Span.End)}}},
		}
		if d.Fix != nil {
			c := sarifChange{Artifact: sarifArtifact{uri(d.File.Name)}}
			for _, e := range d.Fix.Edits {
				c.Replacements = append(c.Replacements, sarifReplacement{region(d, e.Span.Start, e.Span.End), sarifText{e.New}})
			}
			res.Fixes = []sarifFix{{sarifText{d.Fix.Title}, []sarifChange{c}}}
		}
		run.Results = append(run.Results, res)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
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

func uri(name string) string {
	return strings.NewReplacer(" ", "%20", "\\", "/", "#", "%23").Replace(strings.TrimPrefix(name, "./"))
}
