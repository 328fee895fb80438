//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The bars. Ratios compare the two sides of one run.
const (
	maxCold       = 1.05 // whittle / buildctl, one daemon, nothing cached but base images
	maxWarm       = 1.5  // the same, everything cached
	maxWarmKo     = 0.25 // whittle / ko, everything built
	maxImageBytes = 1.01 // image / FROM scratch + COPY, without certificates
	maxLint       = 60 * time.Millisecond
	maxLintMemory = 80 << 20
	maxMemory     = 400 << 20
)

// How often each side runs. What else a machine does only ever adds to a time,
// so the best one of each side counts; the sides run in turn, and up to patience
// times as often while the bar is missed.
const (
	coldRounds   = 3
	warmRounds   = 20
	memoryRounds = 3
	patience     = 3
)

// timed runs a command and gives its wall time and peak memory, its own.
func timed(b *testing.B, env []string, bin string, args ...string) (time.Duration, int64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), bin, args...)
	cmd.Dir = world.root
	cmd.Env = append(os.Environ(), env...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		b.Fatalf("%s: %v\n%s", bin, err, out)
	}
	return took, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

func ratio(b *testing.B, what string, got, bar float64, how string) {
	b.Helper()
	mark := "within"
	if got > bar {
		mark = "OVER"
		b.Errorf("%s is %.2f, over the bar of %.2f", what, got, bar)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(got, "ratio")
	fmt.Printf("%-46s %5.2f  (bar %.2f, %s; %s)\n", what, got, bar, mark, how)
}

// compare runs ours and theirs in turn and holds the ratio of their best times
// to the bar.
func compare(b *testing.B, what string, bar float64, rounds int, ours, theirs func() time.Duration) {
	b.Helper()
	var mine, other time.Duration
	n := 0
	for ; n < rounds || n < patience*rounds && float64(mine) > bar*float64(other); n++ {
		o, m := theirs(), ours()
		if n == 0 {
			mine, other = m, o
		}
		mine, other = min(mine, m), min(other, o)
	}
	ratio(b, what, float64(mine)/float64(other), bar, fmt.Sprintf("%d ms / %d ms, best of %d, in turn", mine.Milliseconds(), other.Milliseconds(), n))
}

// plain builds with buildctl and BuildKit's own frontend on the same daemon.
func plain(b *testing.B, address, app, ref string, extra ...string) time.Duration {
	dir := "testdata/apps/" + app
	d, _ := timed(b, nil, tool(b, "buildctl"), append([]string{
		"--addr", address, "build", "--frontend", "dockerfile.v0", "--local", "context=" + dir, "--local", "dockerfile=" + dir,
		"--output", "type=image,push=true,name=" + ref, "--progress", "plain",
	}, extra...)...)
	return d
}

func BenchmarkBuild(b *testing.B) {
	address := daemon(b)
	env := []string{"BUILDKIT_HOST=" + address}
	ref := reference("bench")
	whittleBuild := func(extra ...string) time.Duration {
		d, _ := timed(b, env, world.bin, append([]string{"build", "testdata/apps/gohello", "-t", ref, "--push", "--progress", "quiet"}, extra...)...)
		return d
	}
	whittleBuild() // base images are unpacked, sizes remembered
	plain(b, address, "gohello", ref+"-plain")
	b.Run("cold", func(b *testing.B) {
		compare(b, "build, cold: whittle / buildctl", maxCold, coldRounds,
			func() time.Duration { return whittleBuild("--no-cache") },
			func() time.Duration { return plain(b, address, "gohello", ref+"-plain", "--no-cache") })
	})
	b.Run("warm", func(b *testing.B) {
		compare(b, "build, warm: whittle / buildctl", maxWarm, warmRounds,
			func() time.Duration { return whittleBuild() },
			func() time.Duration { return plain(b, address, "gohello", ref+"-plain") })
	})
	b.Run("ko", func(b *testing.B) {
		ko := tool(b, "ko")
		koEnv := []string{"KO_DOCKER_REPO=" + world.registry.Addr + "/ko", "KO_DEFAULTBASEIMAGE=" + world.registry.Addr + "/library/muslbox:1", "CGO_ENABLED=0"}
		koBuild := func() time.Duration {
			cmd := exec.CommandContext(b.Context(), ko, "build", ".", "--insecure-registry", "--sbom=none")
			cmd.Dir = filepath.Join(world.root, "testdata", "apps", "gohello")
			cmd.Env = append(os.Environ(), koEnv...)
			began := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("ko: %v\n%s", err, out)
			}
			return time.Since(began)
		}
		koBuild()
		compare(b, "build, warm: whittle / ko", maxWarmKo, warmRounds, func() time.Duration { return whittleBuild() }, koBuild)
	})
	b.Run("image", func(b *testing.B) {
		dir := b.TempDir()
		for name, text := range map[string]string{
			"Dockerfile": "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /hello .\nFROM scratch\nCOPY --from=build /hello /hello\nUSER 65532:65532\nENTRYPOINT [\"/hello\"]\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
		}
		hand := reference("hand")
		cmd := exec.CommandContext(b.Context(), tool(b, "buildctl"), "--addr", address, "build", "--frontend", "dockerfile.v0",
			"--local", "context="+filepath.Join(world.root, "testdata/apps/gohello"), "--local", "dockerfile="+dir,
			"--output", "type=image,push=true,name="+hand+",compression=gzip,compression-level=9,force-compression=true")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		ours, theirs := weight(b, ref), weight(b, hand)
		ratio(b, "image bytes: whittle / FROM scratch + COPY", float64(ours)/float64(theirs), maxImageBytes, fmt.Sprintf("%d / %d", ours, theirs))
	})
}

func weight(b *testing.B, ref string) int64 {
	b.Helper()
	img := pull(b, ref)
	layers, err := img.Layers()
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	for _, l := range layers {
		s, err := l.Size()
		if err != nil {
			b.Fatal(err)
		}
		n += s
	}
	return n
}

func BenchmarkLint(b *testing.B) {
	best, peak := time.Hour, int64(0)
	for n := 0; n < warmRounds || n < patience*warmRounds && best > maxLint; n++ {
		d, m := timed(b, nil, world.bin, "lint", "testdata/apps/web/Dockerfile")
		best, peak = min(best, d), max(peak, m)
	}
	ratio(b, "lint of one file: time / 60 ms", float64(best)/float64(maxLint), 1, fmt.Sprintf("%d ms", best.Milliseconds()))
	ratio(b, "lint of one file: memory / 80 MiB", float64(peak)/maxLintMemory, 1, fmt.Sprintf("%d MiB", peak>>20))
}

func BenchmarkMemory(b *testing.B) {
	state := b.TempDir()
	env := []string{"XDG_DATA_HOME=" + state, "BUILDKITD_CONFIG=" + world.config}
	var peak int64
	for range memoryRounds {
		_, m := timed(b, env, world.bin, "build", "testdata/apps/web", "-o", "type=oci,dest="+filepath.Join(b.TempDir(), "x.tar"), "--progress", "quiet", "--no-cache")
		peak = max(peak, m)
	}
	ratio(b, "embedded engine on the demo: memory / 400 MiB", float64(peak)/maxMemory, 1, fmt.Sprintf("%d MiB", peak>>20))
}
