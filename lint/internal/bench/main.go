// Bench measures the linter as a program: every Dockerfile of an archive in one
// process, files that grow, and a small one from a cold start. It prints what
// each took beside its bar and fails when one is missed. The archive is not part
// of the project; any .tar.gz of Dockerfiles will do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The bars. Those of the archive are for realworld.tar.gz of the conformance
// corpus on two processors; growth is how much longer twice as much may take.
const (
	barWall   = 2.5 // seconds
	barMemory = 150 // MB
	barGrowth = 2.6
	barStart  = 0.030 // seconds
	barBefore = 1.1   // times the program before
)

var errFailed = errors.New("a bar is missed")

func main() {
	corpus := flag.String("corpus", "", "directory with realworld.tar.gz, or the archive itself")
	program := flag.String("program", "bin/whittle", "the command to measure")
	before := flag.String("before", "", "an older build of the command; the archive is linted by both in turn")
	runs := flag.Int("runs", 5, "how often each is measured; the best counts")
	flag.Parse()
	if *corpus == "" {
		fmt.Fprintln(os.Stderr, "bench-lint needs the archive: make bench-lint CORPUS=DIR")
		os.Exit(2)
	}
	err := run(context.Background(), os.Stdout, *corpus, *program, *before, *runs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	switch {
	case errors.Is(err, errFailed):
		os.Exit(1)
	case err != nil:
		os.Exit(3)
	}
}

func run(ctx context.Context, w io.Writer, corpus, program, before string, runs int) (err error) {
	dir, err := os.MkdirTemp("", "bench-lint")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files := filepath.Join(dir, "archive")
	n, err := unpack(corpus, files)
	if err != nil {
		return err
	}
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	if before != "" {
		if before, err = filepath.Abs(before); err != nil {
			return err
		}
	}
	b := &bench{w: w, program: program, before: before, dir: dir, runs: runs}
	if err := b.archive(ctx, files, n); err != nil {
		return err
	}
	if err := b.growth(ctx); err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	if b.failed {
		return errFailed
	}
	return nil
}

// bench is one run of the measurements.
type bench struct {
	w            io.Writer
	program, dir string
	before       string // an older build, or ""
	runs         int
	failed       bool
}

// bar prints a value beside its bar.
func (b *bench) bar(what string, value, limit float64, unit string) {
	verdict := "ok"
	if value > limit {
		verdict, b.failed = "MISSED", true
	}
	fmt.Fprintf(b.w, "  %-34s %9.3f %-3s bar %7.3f  %s\n", what, value, unit, limit, verdict)
}

func (b *bench) archive(ctx context.Context, files string, n int) error {
	programs := []string{b.program}
	if b.before != "" {
		programs = append(programs, b.before)
	}
	measured, err := b.measureEach(ctx, programs, "lint", "--shellcheck", "off", files)
	if err != nil {
		return err
	}
	m := measured[0]
	fmt.Fprintf(b.w, "%d Dockerfiles in one process, two processors, without ShellCheck\n", n)
	b.bar("wall", m.wall.Seconds(), barWall, "s")
	b.bar("memory", float64(m.memory)/1e6, barMemory, "MB")
	fmt.Fprintf(b.w, "  %-34s %9.3f s\n", "processor time", m.cpu.Seconds())
	if b.before == "" {
		return nil
	}
	old := measured[1]
	fmt.Fprintf(b.w, "times %s, which took %.3f s, %.3f s of processor time and %d MB\n", b.before, old.wall.Seconds(), old.cpu.Seconds(), old.memory/1e6)
	b.bar("wall", m.wall.Seconds()/old.wall.Seconds(), barBefore, "")
	b.bar("processor time", m.cpu.Seconds()/old.cpu.Seconds(), barBefore, "")
	b.bar("memory", float64(m.memory)/float64(old.memory), barBefore, "")
	return nil
}

// growth measures files of one shape at several sizes. Processor time is
// compared, since the machine may have other work.
func (b *bench) growth(ctx context.Context) error {
	for _, shape := range shapes {
		fmt.Fprintf(b.w, "%s\n", shape.name)
		last := 0.0
		for _, size := range shape.sizes {
			name := filepath.Join(b.dir, fmt.Sprintf("%d.Dockerfile", size))
			if err := os.WriteFile(name, shape.text(size), 0o600); err != nil {
				return err
			}
			m, err := b.measure(ctx, "lint", "--shellcheck", "off", "--format", "gnu="+filepath.Join(b.dir, "out"), name)
			if err != nil {
				return err
			}
			label := fmt.Sprintf("%d %s", size, shape.unit)
			fmt.Fprintf(b.w, "  %-34s %9.3f s   wall %7.3f s, memory %d MB\n", label, m.cpu.Seconds(), m.wall.Seconds(), m.memory/1e6)
			if last > 0 {
				b.bar("times the half", m.cpu.Seconds()/last, barGrowth, "")
			}
			last = m.cpu.Seconds()
		}
	}
	return nil
}

func (b *bench) start(ctx context.Context) error {
	name := filepath.Join(b.dir, "small.Dockerfile")
	if err := os.WriteFile(name, []byte("FROM debian:12\nRUN apt-get update && apt-get install curl\n"), 0o600); err != nil {
		return err
	}
	m, err := b.measure(ctx, "lint", name)
	if err != nil {
		return err
	}
	fmt.Fprintln(b.w, "a small file from a cold start")
	b.bar("wall", m.wall.Seconds(), barStart, "s")
	return nil
}
