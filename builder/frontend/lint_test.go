package frontend

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/lint"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestCheckCall answers docker build --check: what is said, and whether the
// client should fail.
func TestCheckCall(t *testing.T) {
	const clean = "FROM scratch\n# check=skip=JSONArgsRecommended\nCMD a b\n"
	remark := Finding{Rule: "a-remark", Severity: "info", Message: "m", Line: 1, End: 1, URL: "https://example.com/a-remark"}
	warning := Finding{Rule: "a-warning", Severity: "warning", Message: "m", Line: 1, End: 1, Fails: true, Aliases: []string{"StageNameCasing"}}
	fatal := warning
	fatal.Fatal = true
	for name, tc := range map[string]struct {
		text, arg string
		found     Finding
		status    string
		want      []string // in the text that is printed
		not       string
	}{
		"a remark is no failure":     {clean, "", remark, "0", []string{"WARNING: a-remark - https://example.com/a-remark\n", "Dockerfile:1"}, "WARNING: JSONArgs"},
		"a warning is one":           {clean, "", warning, "1", []string{"WARNING: a-warning"}, "check=error"},
		"BuildKit's warnings are":    {"FROM scratch\nCMD a b\n", "", remark, "1", []string{"a-remark", "JSONArgsRecommended"}, "check=error"},
		"nothing is said twice":      {"FROM scratch AS A\n", "", warning, "1", []string{"StageNameCasing"}, "a-warning"},
		"an error where it is asked": {clean, "", fatal, "1", []string{"a-warning", "check=error=true is asked for, and there are findings of a-warning"}, "WARNING: JSONArgs"},
		"by the command line":        {clean, "error=true", warning, "1", []string{"check=error=true is asked for"}, "WARNING: JSONArgs"},
		"which has the last word":    {clean, "skip=all", fatal, "1", []string{"a-warning"}, "check=error"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := &tree.Memory{}
			dir.File("/Dockerfile", 0o644, []byte(tc.text))
			var saw Checked
			opts := map[string]string{"requestid": lint.RequestLint}
			if tc.arg != "" {
				opts["build-arg:BUILDKIT_DOCKERFILE_CHECK"] = tc.arg
			}
			b := &builder{t: t, opts: opts, solve: func(context.Context, gateway.SolveRequest, *graph.Graph) (tree.Tree, error) {
				return &tree.Memory{}, nil
			}}
			res, err := New(Options{
				ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
				Check: func(_ context.Context, c Checked) ([]Finding, error) {
					saw = c
					return []Finding{tc.found}, nil
				},
			})(t.Context(), registry{b})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(res.Metadata["result.statuscode"]); got != tc.status {
				t.Errorf("the status is %s, want %s", got, tc.status)
			}
			var said lint.LintResults
			if err := json.Unmarshal(res.Metadata["result.json"], &said); err != nil || len(said.Sources) != 1 {
				t.Errorf("%+v, %v", said, err)
			}
			printed := string(res.Metadata["result.txt"])
			if said.Error != nil {
				printed += said.Error.Message
			}
			for _, w := range tc.want {
				if !strings.Contains(printed, w) {
					t.Errorf("no %q in\n%s", w, printed)
				}
			}
			if strings.Contains(printed, tc.not) {
				t.Errorf("%q is in\n%s", tc.not, printed)
			}
			if tc.arg == "skip=all" && strings.Join(saw.Skip, " ") != "all" {
				t.Errorf("the check is told to skip %q", saw.Skip)
			}
		})
	}
}

// TestCheckIgnoreFile puts what is said of the ignore file in its place: that of
// the Dockerfile's name comes first, and a repository has none that counts.
func TestCheckIgnoreFile(t *testing.T) {
	for name, tc := range map[string]struct {
		files   []string
		context string
		want    string
	}{
		"at the root":         {files: []string{".dockerignore"}, want: ".dockerignore"},
		"of the Dockerfile":   {files: []string{".dockerignore", "Dockerfile.dockerignore"}, want: "Dockerfile.dockerignore"},
		"none":                {},
		"one of a repository": {files: []string{".dockerignore"}, context: "https://example.com/a.git"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := &tree.Memory{}
			dir.File("/Dockerfile", 0o644, []byte("FROM scratch\n"))
			for _, f := range tc.files {
				dir.File("/"+f, 0o644, []byte("*.log\n../"+f+"\n"))
			}
			opts := map[string]string{"requestid": lint.RequestLint}
			if tc.context != "" {
				opts["context"] = tc.context
			}
			b := &builder{t: t, opts: opts, solve: func(context.Context, gateway.SolveRequest, *graph.Graph) (tree.Tree, error) {
				return dir, nil
			}}
			res, err := New(Options{
				ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
				Check: func(_ context.Context, c Checked) ([]Finding, error) {
					if c.IgnoreFile != tc.want && c.Ignore != nil || string(c.Ignore) != map[bool]string{true: "*.log\n../" + tc.want + "\n"}[tc.want != ""] {
						t.Errorf("the check is told %s: %q", c.IgnoreFile, c.Ignore)
					}
					if c.Ignore == nil {
						return nil, nil
					}
					return []Finding{{Rule: "ignore-file", Severity: "warning", Message: "m", Line: 2, End: 2, InIgnore: true, Fails: true}}, nil
				},
			})(t.Context(), registry{b})
			if err != nil {
				t.Fatal(err)
			}
			printed := string(res.Metadata["result.txt"])
			if tc.want != "" && (!strings.Contains(printed, tc.want+": m\n"+tc.want+":2\n") || !strings.Contains(printed, ">>> ../"+tc.want)) || strings.Contains(printed, "ignore-file") != (tc.want != "") {
				t.Errorf("printed\n%s", printed)
			}
			if got := string(res.Metadata["result.statuscode"]); (got == "1") != (tc.want != "") {
				t.Errorf("the status is %s", got)
			}
		})
	}
}
