package frontend

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// TestSyntax holds the frontends that a Dockerfile or a caller may ask for to
// those that are served here.
func TestSyntax(t *testing.T) {
	aliases := []string{"registry.example/df:1", "registry.example/other"}
	for _, tc := range []struct {
		name, dockerfile string
		opts             map[string]string
		refused, warned  string
	}{
		{name: "none", dockerfile: "FROM x\n"},
		{name: "docker's", dockerfile: "# syntax=docker/dockerfile:1\nFROM x\n"},
		{name: "docker's by its whole name", dockerfile: "# syntax=docker.io/docker/dockerfile:1.7@sha256:" + strings.Repeat("0", 64) + "\n"},
		{name: "on a mirror", dockerfile: "#syntax = mirror.example:5000/hub/docker/dockerfile:1-labs\n"},
		{name: "docker's upstream", dockerfile: "# syntax=docker/dockerfile-upstream:master\n"},
		{name: "whittle's", dockerfile: "# syntax=registry.example/tools/whittle:2.0\n"},
		{name: "an alias", dockerfile: "# syntax=registry.example/df:1\n"},
		{name: "another tag of an alias", dockerfile: "# syntax=registry.example/df:2\n", refused: "registry.example/df:2"},
		{name: "an alias of any tag", dockerfile: "# syntax=registry.example/other:7\n"},
		{name: "in a JSON comment", dockerfile: "{\"syntax\": \"docker/dockerfile:1\"}\n"},
		{name: "another frontend's", dockerfile: "# syntax=r.example/nix:1\nFROM x\n", refused: "Dockerfile:1: the Dockerfile is written for the frontend r.example/nix:1, which whittle does not replace"},
		{name: "a name that only ends alike", dockerfile: "# syntax=evil/mydocker/dockerfile:1\n", refused: "evil/mydocker/dockerfile:1"},
		{name: "and another", dockerfile: "# syntax=evil/notwhittle\n", refused: "evil/notwhittle"},
		{name: "no name at all", dockerfile: "# syntax=UPPER//x\n", refused: "UPPER//x"},
		{name: "the caller's", dockerfile: "FROM x\n", opts: map[string]string{"build-arg:BUILDKIT_SYNTAX": "r.example/nix"}, refused: "r.example/nix"},
		{name: "the caller's wins", dockerfile: "# syntax=r.example/nix\n", opts: map[string]string{"build-arg:BUILDKIT_SYNTAX": "docker/dockerfile:1"}},
		{name: "BuildKit chose this one", dockerfile: "# syntax=r.example/nix\n", opts: map[string]string{"cmdline": "r.example/nix"}},
		{name: "newer than what is linked", dockerfile: "# syntax=docker/dockerfile:1.99\n", warned: "docker/dockerfile:1.99 is newer than the syntax this whittle knows"},
		{name: "a major version later", dockerfile: "# syntax=docker/dockerfile:2\n", warned: "docker/dockerfile:2 is newer"},
		{name: "a label is no version", dockerfile: "# syntax=docker/dockerfile:labs\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := (&builder{t: t, opts: tc.opts}).start(tc.dockerfile)
			b.config.SyntaxAliases = aliases
			b.src.Filename, b.src.Definition = "Dockerfile", &llb.Definition{}
			var warned []string
			b.src.Warn = func(_ context.Context, msg string, _ gateway.WarnOpts) { warned = append(warned, msg) }
			err := b.syntax(t.Context())
			if (err != nil) != (tc.refused != "") || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("error %v, want %q", err, tc.refused)
			}
			if got := strings.Join(warned, "|"); (got != "") != (tc.warned != "") || !strings.Contains(got, tc.warned) {
				t.Errorf("warned %q, want %q", got, tc.warned)
			}
		})
	}
}
