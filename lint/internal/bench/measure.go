package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			m.memory = usage.Maxrss * 1024
		}
		if i == 0 {
			best = m
		}
		best.wall, best.cpu, best.memory = min(best.wall, m.wall), min(best.cpu, m.cpu), max(best.memory, m.memory)
	}
	return best, nil
}

// unpack writes the files of an archive into a directory, and counts them.
func unpack(archive, dir string) (n int, err error) {
	if info, err := os.Stat(archive); err == nil && info.IsDir() {
		archive = filepath.Join(archive, "realworld.tar.gz")
	}
	f, err := os.Open(archive)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", archive, err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("%s: %w", archive, err)
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		name := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return n, err
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return n, fmt.Errorf("%s: %s: %w", archive, h.Name, err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return n, err
		}
		n++
	}
}
