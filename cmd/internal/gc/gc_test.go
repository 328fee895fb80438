package gc_test

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/cmd/internal/gc"
)

// TestDefer runs in a process of its own: what it changes is the process's.
func TestDefer(t *testing.T) {
	if os.Getenv("GC_TEST") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestDefer$", "-test.v")
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool {
			return strings.HasPrefix(kv, "GOGC=") || strings.HasPrefix(kv, "GOMEMLIMIT=")
		}), "GC_TEST=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	limit := debug.SetMemoryLimit(-1)
	gc.Defer()
	before := collections()
	keep := fill(8)
	if n := collections() - before; n != 0 {
		t.Errorf("%d collections in the first 8 MiB", n)
	}
	keep = append(keep, fill(64)...)
	if collections() == before {
		t.Error("no collection in 72 MiB")
	}
	deadline := time.Now().Add(10 * time.Second)
	for debug.SetMemoryLimit(-1) != limit {
		if time.Now().After(deadline) {
			t.Fatalf("the limit is %d and stays", debug.SetMemoryLimit(-1))
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond) // the percentage follows the limit
	if percent := debug.SetGCPercent(100); percent != 100 {
		t.Errorf("collection stays at %d percent", percent)
	}
	runtime.KeepAlive(keep)
}

func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}

// fill takes that many MiB in small pieces.
func fill(mib int) [][]byte {
	var out [][]byte
	for range mib * 64 {
		out = append(out, make([]byte, 16<<10))
	}
	return out
}

// TestDeferEnvironment finds that a choice of the user's is left alone.
func TestDeferEnvironment(t *testing.T) {
	t.Setenv("GOGC", "50")
	limit := debug.SetMemoryLimit(-1)
	gc.Defer()
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("the limit became %d", got)
	}
}
