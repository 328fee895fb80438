//go:build linux

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestChoice builds with every way of naming a builder, each before the next,
// and reads which one was taken and why.
func TestChoice(t *testing.T) {
	address := daemon(t)
	home := t.TempDir()
	buildxConfig := func(name string) string { return "BUILDX_CONFIG=" + filepath.Join(home, name) }
	base := []string{
		"DOCKER_HOST=unix:///nowhere/docker.sock", "DOCKER_CONFIG=" + filepath.Join(home, "docker"),
		"XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config,
	}
	for dir, create := range map[string][][]string{
		"none":    nil,
		"current": {{"--name", "kept", address}, {"--name", "used", "--use", address}},
		"dead":    {{"--name", "used", "--use", "unix:///nowhere/bk.sock"}},
	} {
		for _, args := range create {
			if res := run(t, append(base, buildxConfig(dir)), tool(t, "buildx"), append([]string{"create", "--driver", "remote"}, args...)...); res.code != 0 {
				t.Fatalf("buildx create: %s", res.stderr)
			}
		}
	}
	context := dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n")
	for _, tc := range []struct {
		name   string
		config string
		env    []string
		args   []string
		code   int
		want   string
	}{
		{"the flag", "current", []string{"BUILDKIT_HOST=unix:///nowhere/bk.sock", "BUILDX_BUILDER=used"}, []string{"--builder", "kept"}, 0, "building with kept (remote), as --builder names it"},
		{"buildx's variable", "current", []string{"BUILDKIT_HOST=unix:///nowhere/bk.sock", "BUILDX_BUILDER=kept"}, nil, 0, "building with kept (remote), as BUILDX_BUILDER names it"},
		{"the host", "dead", []string{"BUILDKIT_HOST=" + address}, nil, 0, "building with " + address + ", as BUILDKIT_HOST is set"},
		{"the current instance", "current", nil, nil, 0, "building with used (remote), as it is the current buildx instance"},
		{"none", "none", nil, nil, 0, "building with embedded, as no builder is configured"},
		{"a host that is not there", "current", []string{"BUILDKIT_HOST=unix:///nowhere/bk.sock"}, nil, 3, "the builder unix:///nowhere/bk.sock: "},
		{"an instance that is not there", "dead", nil, nil, 3, "the builder used at unix:///nowhere/bk.sock: "},
		{"a docker engine that is not there", "none", nil, []string{"--builder", "default"}, 3, "the builder default: "},
		{"an unknown instance", "current", nil, []string{"--builder", "nobody"}, 3, "the builder nobody: buildx knows no such instance"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := append(append([]string{buildxConfig(tc.config)}, base...), tc.env...)
			res := run(t, env, world.bin, append([]string{"build", context, "--dry-run", "--progress", "quiet"}, tc.args...)...)
			if res.code != tc.code || !strings.Contains(res.stderr, tc.want) {
				t.Errorf("exit %d, want %d and %q in\n%s", res.code, tc.code, tc.want, res.stderr)
			}
			if tc.code != 0 && strings.Contains(res.stderr, "building with") {
				t.Errorf("something builds instead:\n%s", res.stderr)
			}
		})
	}
}
