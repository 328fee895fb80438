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
func (b *bench) measure(ctx context.Context, args ...string) (measurement, error) {
	m, err := b.measureEach(ctx, []string{b.program}, args...)
	if err != nil {
		return measurement{}, err
	}
	return m[0], nil
}

// measureEach measures several programs in turn, so that what else the machine
// does falls on all of them.
func (b *bench) measureEach(ctx context.Context, programs []string, args ...string) ([]measurement, error) {
	best := make([]measurement, len(programs))
	for i := range b.runs {
		for k, program := range programs {
			m, err := once(ctx, program, args)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				best[k] = m
			}
			best[k].wall, best[k].cpu, best[k].memory = min(best[k].wall, m.wall), min(best[k].cpu, m.cpu), max(best[k].memory, m.memory)
		}
	}
	return best, nil
}

// once runs a program.
func once(ctx context.Context, program string, args []string) (measurement, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		return measurement{}, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return measurement{
		wall:   wall,
		cpu:    cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		memory: peak(cmd.ProcessState),
	}, nil
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
