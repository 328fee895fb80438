//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck lints through the frontend image with the real buildx: docker build
// --check, and as warnings of an ordinary build.
func TestCheck(t *testing.T) {
	address, frontend := daemon(t), frontendImage(t)
	home := t.TempDir()
	env := []string{"HOME=" + home, "BUILDX_CONFIG=" + filepath.Join(home, "buildx"), "DOCKER_CONFIG=" + filepath.Join(home, "docker")}
	buildx := tool(t, "buildx")
	if res := run(t, env, buildx, "create", "--name", "check", "--driver", "remote", address, "--use"); res.code != 0 {
		t.Fatalf("buildx create: %s", res.stderr)
	}
	const warning = "FROM scratch\nCOPY app /\nENTRYPOINT [\"/app\"]\n"
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, text string
		files      map[string]string
		args       []string
		code       int
		want       []string
		not        string
	}{
		{"a remark", warning, map[string]string{".whittle.yaml": "lint: {severity: {missing-user: info}}\n"}, []string{"--check"}, 0, []string{"WARNING: missing-user - https://"}, "asked for"},
		{"a warning", warning, nil, []string{"--check"}, 1, []string{"WARNING: missing-user - https://", "lint/docs/missing-user.md", ">>> FROM scratch"}, "asked for"},
		{"check=error=true", "# check=error=true\n" + warning, nil, []string{"--check"}, 1, []string{"check=error=true is asked for, and there are findings of missing-user"}, ""},
		{"check=skip", "# check=skip=missing-user;error=true\n" + warning, nil, []string{"--check"}, 0, []string{"Check complete, no warnings found."}, "missing-user"},
		{"above an instruction", "# whittle ignore=missing-user\nFROM scratch\n# check=skip=JSONArgsRecommended\nCMD a b\n", nil, []string{"--check"}, 0, nil, "JSONArgsRecommended -"},
		{"on the command line", warning, nil, []string{"--check", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=missing-user"}, 0, nil, "missing-user"},
		{"as configured", warning, map[string]string{".whittle.yaml": "lint: {fail-on: none}\n"}, []string{"--check"}, 0, []string{"missing-user"}, ""},
		{"as another file configures", warning, map[string]string{
			".whittle.yaml": "lint: {extends: [team/whittle.yaml]}\n", "team/whittle.yaml": "lint: {ignore: [missing-user]}\n", ".dockerignore": "team\n",
		}, []string{"--check"}, 0, nil, "missing-user"},
		{"a line of the ignore file", "FROM scratch\nUSER 1001\n", map[string]string{".dockerignore": "*.log\n../secrets\n"}, []string{"--check"}, 1, []string{"WARNING: ignore-file - https://", ".dockerignore: ../secrets lies outside", ">>> ../secrets"}, ""},
		{"that of the Dockerfile's name", "FROM scratch\nUSER 1001\n", map[string]string{".dockerignore": "../secrets\n", "Dockerfile.dockerignore": "*.log\n"}, []string{"--check"}, 0, nil, "ignore-file"},
		{"a build warns", warning, nil, nil, 0, []string{"missing-user: ", "(line 2)"}, ""},
		{"a build fails", "# check=error=true\n" + warning, nil, nil, 1, []string{"missing-user: ", "check=error=true is asked for, and there are findings of missing-user", ">>> FROM scratch"}, ""},
		{"a build fails by its arguments", warning, nil, []string{"--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true"}, 1, []string{"check=error=true is asked for"}, ""},
		{"a build with a comment above an instruction", "FROM scratch\nUSER 1001\n# check=skip=JSONArgsRecommended\nHEALTHCHECK NONE\nCOPY app /\nENTRYPOINT [\"/app\"]\n", nil, nil, 0, nil, "failed inside"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			tc.text = "# syntax=" + frontend + "\n" + tc.text
			for name, text := range tc.files {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "app"), program, 0o700); err != nil {
				t.Fatal(err)
			}
			res := run(t, env, buildx, append([]string{"build", dir, "--progress", "plain"}, tc.args...)...)
			out := res.stdout + res.stderr
			if res.code != tc.code {
				t.Errorf("exit %d, want %d", res.code, tc.code)
			}
			for _, w := range tc.want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q", w)
				}
			}
			if tc.not != "" && strings.Contains(strings.ReplaceAll(out, tc.text, ""), tc.not) {
				t.Errorf("%q is said", tc.not)
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}
