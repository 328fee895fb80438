package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tc := range []struct {
		name string
		args []string
		want int
	}{
		{"clean", []string{"lint", write("clean", "FROM scratch\nUSER 10001\n")}, cli.OK},
		{"finding", []string{"lint", write("finding", "FROM debian AS A\n")}, cli.Findings},
		{"not a Dockerfile", []string{"lint", write("syntax", "FROM a\nRUN <<EOF\n")}, cli.Findings},
		{"flag", []string{"lint", "--nope"}, cli.Usage},
		{"verb", []string{"lnt"}, cli.Usage},
		{"version", []string{"--version"}, cli.OK},
		{"completion", []string{"__complete", "li"}, cli.OK},
		{"no Dockerfile", []string{"lint", t.TempDir()}, cli.Failed},
		{"missing file", []string{"lint", filepath.Join(dir, "nowhere")}, cli.Failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs strings.Builder
			got := cli.Main(t.Context(), tc.args, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs})
			if got != tc.want {
				t.Errorf("exit code %d, want %d\nstdout %q\nstderr %q", got, tc.want, &out, &errs)
			}
		})
	}
}
