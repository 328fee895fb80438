// Package gc puts the first garbage collections off: a command that runs for a
// moment has ended before they would pay.
package gc

import (
	"os"
	"runtime"
	"runtime/debug"
)

// quiet is how much memory the program takes before it collects any, in bytes,
// what Go itself needs included.
const quiet = 32 << 20

// Defer turns collection off until the program has taken 32 MiB. From then on
// it collects as Go does by itself. A choice made in the environment stands.
func Defer() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(quiet)
	// The first collection finds that nothing points here.
	runtime.AddCleanup(new(*byte), func(int) {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}, 0)
}
