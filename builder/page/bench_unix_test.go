//go:build unix

package page

import (
	"syscall"
	"testing"
	"time"
)

// spent is the processor time of this process, which other programs on the
// machine have no part in.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPage writes the page of 60,000 files: the bar is a second of
// processor time.
func BenchmarkPage(b *testing.B) {
	files := many(60_000, false)
	for kind, of := range pages {
		b.Run(kind, func(b *testing.B) {
			var n int
			before := spent(b)
			for b.Loop() {
				n = len(written(b, of(files)))
			}
			each := (spent(b) - before) / time.Duration(b.N)
			b.ReportMetric(float64(n), "bytes/page")
			b.ReportMetric(each.Seconds(), "cpu-s/page")
			if each > time.Second {
				b.Errorf("%s of processor time, want at most a second", each)
			}
		})
	}
}
