package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the initialization of packages may allocate. Everything is one program, so
// every verb pays for the initialization of every package, and what it
// allocates tells on every machine what it does: 31,160 objects took 10 ms on
// the one that these bars were set on. The time itself is [BenchmarkStartup]'s.
const (
	maxObjects    = 32_000 // of all packages
	maxOwnObjects = 650    // of ours
)

// TestStartup holds the initialization of all packages to its bars.
func TestStartup(t *testing.T) {
	bin, _ := command(t)
	trace, _ := start(t, bin, "GODEBUG=inittrace=1", "version")
	all, own := 0, 0
	inits := initTraces(t, trace)
	for pkg, i := range inits {
		all += i.objects
		if strings.HasPrefix(pkg, "github.com/whittle-oci/") {
			own += i.objects
		}
	}
	t.Logf("%d packages allocate %d objects when they are initialized, ours %d", len(inits), all, own)
	if all > maxObjects || own > maxOwnObjects {
		t.Errorf("package initialization allocates %d objects, ours %d; want at most %d and %d. The most are of\n%s", all, own, maxObjects, maxOwnObjects, largest(inits))
	}
}

// BenchmarkStartup starts the command: the best sum of the times of all packages'
// initialization, want at most 10 ms, and the best time of whittle lint of one
// small file from start to end, want at most 30 ms.
func BenchmarkStartup(b *testing.B) {
	bin, file := command(b)
	best := map[string]time.Duration{}
	whole := time.Hour
	for b.Loop() {
		for range 50 {
			trace, _ := start(b, bin, "GODEBUG=inittrace=1", "version")
			for pkg, i := range initTraces(b, trace) {
				if old, ok := best[pkg]; !ok || i.took < old {
					best[pkg] = i.took
				}
			}
			_, took := start(b, bin, "GODEBUG=", "lint", file)
			whole = min(whole, took)
		}
	}
	var sum time.Duration
	for _, took := range best {
		sum += took
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(sum.Microseconds())/1e3, "ms-init")
	b.ReportMetric(float64(whole.Microseconds())/1e3, "ms-lint")
}

// command builds the command as make does, and a small file to lint.
func command(t testing.TB) (bin, file string) {
	t.Helper()
	dir := t.TempDir()
	bin, file = filepath.Join(dir, "whittle"), filepath.Join(dir, "Dockerfile")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	if err := os.WriteFile(file, []byte("FROM alpine:3.20\nRUN apk add curl\nCMD [\"curl\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return bin, file
}

// start runs the command once. Findings are no failure.
func start(t testing.TB, bin, env string, args ...string) (stderr []byte, took time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Env = append(os.Environ(), env)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	began := time.Now()
	err := cmd.Run()
	took = time.Since(began)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("whittle %s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return errs.Bytes(), took
}

// initialized is what the initialization of one package took.
type initialized struct {
	took    time.Duration
	objects int // that it allocated
}

// initTraces reads what GODEBUG=inittrace=1 prints, one line a package (package
// runtime, Environment Variables):
//
//	init regexp @0.60 ms, 0.021 ms clock, 1504 bytes, 21 allocs
func initTraces(t testing.TB, trace []byte) map[string]initialized {
	t.Helper()
	out := map[string]initialized{}
	for line := range strings.Lines(string(trace)) {
		var pkg string
		var at, clock float64
		var size, objects int
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &pkg, &at, &clock, &size, &objects); n == 5 {
			out[pkg] = initialized{time.Duration(clock * float64(time.Millisecond)), objects}
		}
	}
	if len(out) < 100 {
		t.Fatalf("the trace names %d packages only:\n%s", len(out), trace)
	}
	return out
}

// largest lists the packages that allocate most.
func largest(inits map[string]initialized) string {
	pkgs := slices.SortedFunc(maps.Keys(inits), func(a, b string) int { return cmp.Compare(inits[b].objects, inits[a].objects) })
	var out strings.Builder
	for _, pkg := range pkgs[:min(10, len(pkgs))] {
		fmt.Fprintf(&out, "%8d %s\n", inits[pkg].objects, pkg)
	}
	return out.String()
}
