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

// The bars, as ratios of the two sides of one run.
const (
	maxCold       = 1.05 // whittle / plain BuildKit, one daemon, nothing cached
	maxWarm       = 1.5  // the same, everything cached
	maxWarmKo     = 0.25 // whittle / ko, everything built
	maxImageBytes = 1.01 // image / FROM scratch + COPY, without certificates
	maxLint       = 60 * time.Millisecond
	maxLintMemory = 80 << 20
	maxMemory     = 400 << 20
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

func ratio(b *testing.B, what string, got, bar float64) {
	b.Helper()
	mark := "within"
	if got > bar {
		mark = "OVER"
	}
	b.ReportMetric(got, "ratio")
	fmt.Printf("%-50s %6.2f  (bar %.2f, %s)\n", what, got, bar, mark)
}

// plain builds with buildx and BuildKit's own frontend on the same daemon.
func plain(b *testing.B, address, app, ref string, extra ...string) time.Duration {
	b.Helper()
	home := filepath.Join(world.work, "plain")
	env := []string{"BUILDX_CONFIG=" + filepath.Join(home, "buildx"), "DOCKER_CONFIG=" + filepath.Join(home, "docker"), "BUILDX_NO_DEFAULT_ATTESTATIONS=1"}
	if _, err := os.Stat(filepath.Join(home, "buildx", "instances", "plain")); err != nil {
		create := exec.Command(tool(b, "buildx"), "create", "--name", "plain", "--driver", "remote", address, "--use")
		create.Env = append(os.Environ(), env...)
		if out, err := create.CombinedOutput(); err != nil {
			b.Fatalf("buildx create: %v\n%s", err, out)
		}
	}
	d, _ := timed(b, env, tool(b, "buildx"), append([]string{"build", "testdata/apps/" + app, "-t", ref, "--push", "--progress", "quiet", "--builder", "plain"}, extra...)...)
	return d
}

func BenchmarkBuild(b *testing.B) {
	address := daemon(b)
	os.RemoveAll(filepath.Join(world.work, "plain"))
	env := []string{"BUILDKIT_HOST=" + address}
	ref := reference("bench")
	whittleBuild := func(extra ...string) time.Duration {
		d, _ := timed(b, env, world.bin, append([]string{"build", "testdata/apps/gohello", "-t", ref, "--push", "--progress", "quiet"}, extra...)...)
		return d
	}
	whittleBuild() // base images are unpacked, sizes remembered
	plain(b, address, "gohello", ref+"-plain")
	b.Run("cold", func(b *testing.B) {
		var ours, theirs time.Duration
		for range b.N {
			theirs += plain(b, address, "gohello", ref+"-plain", "--no-cache")
			ours += whittleBuild("--no-cache")
		}
		ratio(b, "build, cold: whittle / plain BuildKit", float64(ours)/float64(theirs), maxCold)
	})
	b.Run("warm", func(b *testing.B) {
		var ours, theirs time.Duration
		for range b.N {
			theirs += plain(b, address, "gohello", ref+"-plain")
			ours += whittleBuild()
		}
		ratio(b, "build, warm: whittle / plain BuildKit (buildx)", float64(ours)/float64(theirs), maxWarm)
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
		var ours, theirs time.Duration
		for range b.N {
			theirs += koBuild()
			ours += whittleBuild()
		}
		ratio(b, "build, warm: whittle / ko", float64(ours)/float64(theirs), maxWarmKo)
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
		cmd := exec.CommandContext(b.Context(), tool(b, "buildx"), "build", filepath.Join(world.root, "testdata/apps/gohello"), "-f", filepath.Join(dir, "Dockerfile"), "-t", hand, "--output", "type=image,push=true,compression=gzip,compression-level=9,force-compression=true", "--provenance=false", "--builder", "plain")
		cmd.Env = append(os.Environ(), "BUILDX_CONFIG="+filepath.Join(world.work, "plain", "buildx"))
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		ratio(b, "image bytes: whittle / FROM scratch + COPY", float64(weight(b, ref))/float64(weight(b, hand)), maxImageBytes)
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
	var total time.Duration
	var peak int64
	for range b.N {
		d, m := timed(b, nil, world.bin, "lint", "testdata/apps/web/Dockerfile")
		total, peak = total+d, max(peak, m)
	}
	ratio(b, "lint of one file: time / 60 ms", float64(total)/float64(b.N)/float64(maxLint), 1)
	ratio(b, "lint of one file: memory / 80 MiB", float64(peak)/maxLintMemory, 1)
}

func BenchmarkMemory(b *testing.B) {
	state := b.TempDir()
	env := []string{"XDG_DATA_HOME=" + state, "BUILDKITD_CONFIG=" + world.config}
	var peak int64
	for range b.N {
		_, m := timed(b, env, world.bin, "build", "testdata/apps/web", "-o", "type=oci,dest="+filepath.Join(b.TempDir(), "x.tar"), "--progress", "quiet", "--no-cache")
		peak = max(peak, m)
	}
	ratio(b, "embedded engine on the demo: memory / 400 MiB", float64(peak)/maxMemory, 1)
}
