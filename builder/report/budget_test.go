package report_test

import (
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/report"
)

func TestBudget(t *testing.T) {
	side := report.Side{Bytes: 100, Files: 10, Packages: 2, Shell: "/bin/sh"}
	for name, tc := range map[string]struct {
		budget report.Budget
		want   string
	}{
		"none":     {report.Budget{}, ""},
		"enough":   {report.Budget{Bytes: 100, Files: 10, Packages: 2}, ""},
		"bytes":    {report.Budget{Bytes: 99}, "the image holds 100 bytes of files, more than max-size allows (99)"},
		"files":    {report.Budget{Files: 9}, "the image holds 10 files, more than max-files allows (9)"},
		"packages": {report.Budget{Packages: 1}, "the image holds files of 2 packages, more than max-packages allows (1)"},
		"shell":    {report.Budget{NoShell: true}, "the image has the shell /bin/sh, and no-shell allows none"},
	} {
		if got := strings.Join(tc.budget.Exceeded(side), "; "); got != tc.want || tc.budget.IsZero() != (name == "none") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
