package format_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// oneOfEach is a finding of every rule.
func oneOfEach() []lint.Diagnostic {
	var out []lint.Diagnostic
	f := source.NewFile("images/api/Dockerfile", []byte("FROM a\nRUN b\n"))
	metas := lint.Engine()
	for _, r := range rules.All() {
		metas = append(metas, &r.Meta)
	}
	for _, m := range metas {
		out = append(out, lint.Diagnostic{Rule: m, Severity: m.Severity, File: f, Finding: rule.Finding{Message: m.Summary, Span: source.Span{Start: 7, End: 10}}})
	}
	return out
}

// Reports of findings of every rule keep to what GitHub's code scanning takes
// (docs.github.com, "SARIF support for code scanning" and "SARIF results exceed
// one or more limits", 2026-08).
func TestCodeScanning(t *testing.T) {
	var report struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                                string
						ShortDescription, FullDescription struct{ Text string }
						Help                              struct{ Text string }
						Properties                        struct {
							Tags      []string
							Problem   string `json:"problem.severity"`
							Precision string
							Security  string `json:"security-severity"`
						}
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
					}
				}
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(write(t, "sarif", oneOfEach()), &report); err != nil {
		t.Fatal(err)
	}
	if report.Version != "2.1.0" || len(report.Runs) != 1 {
		t.Fatalf("version %s with %d runs", report.Version, len(report.Runs))
	}
	run := report.Runs[0]
	if len(run.Tool.Driver.Rules) < 150 || len(run.Results) != len(run.Tool.Driver.Rules) {
		t.Fatalf("%d results of %d rules", len(run.Results), len(run.Tool.Driver.Rules))
	}
	for _, r := range run.Tool.Driver.Rules {
		p := r.Properties
		switch {
		case r.ID == "" || len(r.ID) > 255:
			t.Errorf("the id %q has no or more than 255 characters", r.ID)
		case r.ShortDescription.Text == "" || len(r.ShortDescription.Text) > 1024, r.FullDescription.Text == "" || len(r.FullDescription.Text) > 1024:
			t.Errorf("%s: a description has none or more than 1024 characters", r.ID)
		case r.Help.Text == "":
			t.Errorf("%s: no help", r.ID)
		case len(p.Tags) > 20:
			t.Errorf("%s: %d tags, more than 20 are refused", r.ID, len(p.Tags))
		case !slices.Contains([]string{"error", "warning", "recommendation"}, p.Problem), !slices.Contains([]string{"very-high", "high", "medium", "low"}, p.Precision):
			t.Errorf("%s: problem.severity %q, precision %q", r.ID, p.Problem, p.Precision)
		case slices.Contains(p.Tags[:min(len(p.Tags), 10)], "security") != (p.Security != ""):
			t.Errorf("%s: security-severity %q with the tags %q", r.ID, p.Security, p.Tags)
		}
	}
	for _, r := range run.Results {
		if len(r.Locations) != 1 || r.RuleID != run.Tool.Driver.Rules[r.RuleIndex].ID || r.Message.Text == "" || !slices.Contains([]string{"error", "warning", "note"}, r.Level) {
			t.Errorf("%+v", r)
			continue
		}
		at := r.Locations[0].PhysicalLocation
		if uri := at.ArtifactLocation.URI; path.IsAbs(uri) || strings.Contains(uri, "://") || path.Clean(uri) != uri {
			t.Errorf("%s: the file %q is not named from the repository's root", r.RuleID, uri)
		}
		if reg := at.Region; reg.StartLine < 1 || reg.StartColumn < 1 || reg.EndLine < reg.StartLine || reg.EndLine == reg.StartLine && reg.EndColumn < reg.StartColumn {
			t.Errorf("%s: the region %+v", r.RuleID, reg)
		}
		if r.PartialFingerprints["primaryLocationLineHash"] == "" {
			t.Errorf("%s: no fingerprint that alerts are matched by", r.RuleID)
		}
	}
}

// Reports keep to what GitLab's parser of Code Quality reports wants of each entry
// (gitlab.com/gitlab-org/gitlab, app/validators/json_schemas/codeclimate.json, and
// docs.gitlab.com, "Code Quality report format", 2026-08): the required properties,
// one of its severities, a path from the repository's root, and a fingerprint that
// no other entry has, for of those with the same one only the first is shown.
func TestGitLab(t *testing.T) {
	var report []struct {
		Description string
		Check       string `json:"check_name"`
		Fingerprint string
		Severity    string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal(write(t, "gitlab", append(oneOfEach(), diagnostics()...)), &report); err != nil {
		t.Fatal(err)
	}
	if len(report) < 150 {
		t.Fatalf("%d entries", len(report))
	}
	seen := map[string]string{}
	for _, e := range report {
		switch {
		case e.Description == "" || e.Check == "" || e.Fingerprint == "" || e.Location.Lines.Begin < 1:
			t.Errorf("a required property is missing: %+v", e)
		case !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, e.Severity):
			t.Errorf("%s: severity %q", e.Check, e.Severity)
		case path.IsAbs(e.Location.Path) || path.Clean(e.Location.Path) != e.Location.Path:
			t.Errorf("%s: the file %q is not named from the repository's root", e.Check, e.Location.Path)
		case seen[e.Fingerprint] != "":
			t.Errorf("%s and %s have one fingerprint", e.Check, seen[e.Fingerprint])
		}
		seen[e.Fingerprint] = e.Check
	}
}
