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

// What the start of the command may cost. Everything is one program, so every
// verb pays for the initialization of every package.
const (
	maxInit  = 10 * time.Millisecond // package initialization, all packages together
	maxStart = 30 * time.Millisecond // whittle lint of one small file, from start to end
	starts   = 100                   // a busy machine gets this many tries
	settled  = 25                    // and every one this many, so that the best of each is known

	// yardstick is a package that only its own version changes. It took yardTook
	// in the run in which maxInit was met: a machine that is slower by then, or
	// busier, gets as much more.
	yardstick = "github.com/asaskevich/govalidator"
	yardTook  = 1200 * time.Microsecond
)

// TestStartup builds the command as make does and starts it until it has been
// as fast as it must. The best time of each package, and of the whole, is what
// counts: the others tell how busy the machine was.
func TestStartup(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "whittle")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(file, []byte("FROM alpine:3.20\nRUN apk add curl\nCMD [\"curl\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	best := map[string]time.Duration{}
	sum, whole := time.Hour, time.Hour
	fastest := time.Hour
	for i := 0; i < starts && (i < settled || sum > maxInit || whole > maxStart); i++ {
		trace, _ := start(t, bin, "GODEBUG=inittrace=1", "version")
		for pkg, took := range initTimes(t, trace) {
			if old, ok := best[pkg]; !ok || took < old {
				best[pkg] = took
			}
		}
		sum = 0
		for _, took := range best {
			sum += took
		}
		slower := max(1, float64(best[yardstick])/float64(yardTook))
		sum = time.Duration(float64(sum) / slower)
		_, took := start(t, bin, "GODEBUG=", "lint", file)
		fastest = min(fastest, took)
		whole = time.Duration(float64(fastest) / slower)
	}
	t.Logf("%d packages are initialized in %v; lint of a small file takes %v", len(best), sum, whole)
	if sum > maxInit {
		t.Errorf("package initialization takes %v, more than %v; the slowest are\n%s", sum, maxInit, slowest(best))
	}
	if whole > maxStart {
		t.Errorf("lint of a small file takes %v, more than %v", whole, maxStart)
	}
}

// start runs the command once. Findings are no failure.
func start(t *testing.T, bin, env string, args ...string) (stderr []byte, took time.Duration) {
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

// initTimes reads what GODEBUG=inittrace=1 prints, one line a package (package
// runtime, Environment Variables):
//
//	init regexp @0.60 ms, 0.021 ms clock, 1504 bytes, 21 allocs
func initTimes(t *testing.T, trace []byte) map[string]time.Duration {
	t.Helper()
	out := map[string]time.Duration{}
	for line := range strings.Lines(string(trace)) {
		var pkg string
		var at, clock float64
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock", &pkg, &at, &clock); n == 3 {
			out[pkg] = time.Duration(clock * float64(time.Millisecond))
		}
	}
	if len(out) < 100 {
		t.Fatalf("the trace names %d packages only:\n%s", len(out), trace)
	}
	return out
}

func slowest(best map[string]time.Duration) string {
	pkgs := slices.SortedFunc(maps.Keys(best), func(a, b string) int { return cmp.Compare(best[b], best[a]) })
	var out strings.Builder
	for _, pkg := range pkgs[:min(10, len(pkgs))] {
		fmt.Fprintf(&out, "%10v %s\n", best[pkg], pkg)
	}
	return out.String()
}
