package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/lint/internal/archive"
)

// A measurement is the best of some runs of the program.
type measurement struct {
	wall, cpu time.Duration
	memory    int64 // most at a time, bytes
}

// measure runs the program with two processors. Findings are no failure.
func (b *bench) measure(ctx context.Context, args ...string) (best measurement, err error) {
	for i := range b.runs {
		cmd := exec.CommandContext(ctx, b.program, args...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
		start := time.Now()
		err := cmd.Run()
		wall := time.Since(start)
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
			return best, fmt.Errorf("%s %s: %w", b.program, strings.Join(args, " "), err)
		}
		m := measurement{wall: wall, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
		m.memory = peak(cmd.ProcessState)
		if i == 0 {
			best = m
		}
		best.wall, best.cpu, best.memory = min(best.wall, m.wall), min(best.cpu, m.cpu), max(best.memory, m.memory)
	}
	return best, nil
}

// unpack writes the files of an archive into a directory, and counts them.
func unpack(name, dir string) (n int, err error) {
	for f, err := range archive.Files(name) {
		if err != nil {
			return n, err
		}
		to := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return n, err
		}
		if err := os.WriteFile(to, f.Data, 0o600); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
