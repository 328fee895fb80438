package signing_test

import (
	"os"
	"syscall"
)

// peakOf is the peak memory of a process that ended, in bytes.
func peakOf(p *os.ProcessState) int64 {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}
