package main

import (
	"os"
	"syscall"
)

// peak is the most memory that a process held at a time, in bytes
// (getrusage(2) counts in KiB).
func peak(p *os.ProcessState) int64 {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss * 1024
	}
	return 0
}
