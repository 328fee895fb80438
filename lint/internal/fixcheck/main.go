// Command fixcheck fixes every Dockerfile of an archive and holds the fixes to
// what they promise: the fixed file parses, fixing it again changes nothing, no
// finding is there that was not there before, and where all fixes are called
// safe the build is the same.
//
//	fixcheck [-v] realworld.tar.gz
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/internal/archive"
	"github.com/whittle-oci/whittle/lint/internal/samebuild"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// leastConverted is the share of files that must have been compared as builds.
const leastConverted = 0.95

func main() {
	verbose := flag.Bool("v", false, "print what a file that fails was made into")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: fixcheck [-v] ARCHIVE.tar.gz")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	files, err := read(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "fixcheck:", err)
		os.Exit(3)
	}
	if !run(ctx, files, *verbose) {
		os.Exit(1)
	}
}

// read lists the files of an archive.
func read(name string) (out []*source.File, err error) {
	for f, err := range archive.Files(name) {
		if err != nil {
			return nil, err
		}
		out = append(out, source.NewFile(f.Name, f.Data))
	}
	return out, nil
}

// result is what fixing one file gave.
type result struct {
	broken         bool // not a Dockerfile before
	fixed, fixedUn bool // changed by safe fixes, by all fixes
	converted      bool
	refused        string // why BuildKit did not take it
	faults         []string
}

func run(ctx context.Context, files []*source.File, verbose bool) bool {
	results := make([]result, len(files))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i] = check(ctx, files[i], verbose)
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	wg.Wait()

	var broken, fixed, fixedUn, converted, bad int
	for i, r := range results {
		switch {
		case r.broken:
			broken++
			continue
		case r.converted:
			converted++
		}
		if r.fixed {
			fixed++
		}
		if r.fixedUn {
			fixedUn++
		}
		if verbose && r.refused != "" {
			fmt.Printf("%s: not compared: %s\n", files[i].Name, r.refused)
		}
		for _, fault := range r.faults {
			fmt.Printf("%s: %s\n", files[i].Name, fault)
		}
		if len(r.faults) > 0 {
			bad++
		}
	}
	whole := len(files) - broken
	share := float64(converted) / float64(max(whole, 1))
	fmt.Printf("%d files, %d of them no Dockerfiles; %d changed by safe fixes, %d by all; %d compared as builds (%.1f %%, at least %.0f %%); %d with faults\n",
		len(files), broken, fixed, fixedUn, converted, 100*share, 100*leastConverted, bad)
	return bad == 0 && share >= leastConverted && ctx.Err() == nil
}

func check(ctx context.Context, src *source.File, verbose bool) (r result) {
	before, err := dockerfile.Parse(src)
	if err != nil {
		r.broken = true
		return r
	}
	for _, unsafe := range []bool{false, true} {
		opts := lint.Options{Rules: rules.All(), Unsafe: unsafe}
		out, faults := settle(ctx, src, opts)
		if verbose && len(faults) > 0 {
			faults = append(faults, "fixed:\n"+string(out.Bytes))
		}
		r.faults = append(r.faults, faults...)
		if unsafe {
			r.fixedUn = out != src
			continue
		}
		r.fixed = out != src
		was, err := samebuild.Convert(ctx, before)
		if err != nil {
			r.refused = err.Error()
			continue
		}
		r.converted = true
		if out == src {
			continue
		}
		after, err := dockerfile.Parse(out)
		if err != nil {
			continue // said by settle
		}
		is, err := samebuild.Convert(ctx, after)
		if err != nil {
			r.faults = append(r.faults, fmt.Sprintf("after safe fixes BuildKit does not take it: %v", err))
		} else if d := samebuild.Difference(was, is); d != "" {
			r.faults = append(r.faults, "safe fixes changed the build: "+d)
		}
	}
	return r
}

// settle fixes a file and looks at what came out.
func settle(ctx context.Context, src *source.File, opts lint.Options) (*source.File, []string) {
	how := map[bool]string{false: "safe fixes", true: "all fixes"}[opts.Unsafe]
	before, err := lint.Run(ctx, src, opts)
	if err != nil {
		return src, []string{err.Error()}
	}
	out, left, err := lint.Fix(ctx, src, opts)
	if err != nil {
		return src, []string{fmt.Sprintf("%s: %v", how, err)}
	}
	if out == src {
		return src, nil
	}
	var faults []string
	if again, _, err := lint.Fix(ctx, out, opts); err != nil || again != out {
		faults = append(faults, fmt.Sprintf("%s: a second run changes it again (%v)", how, err))
	}
	had := map[string]int{}
	for _, d := range before {
		had[kind(d)]++
	}
	var more []string
	for _, d := range left {
		if had[kind(d)]--; had[kind(d)] < 0 {
			more = append(more, fmt.Sprintf("%s (line %d: %s)", d.Rule.Name, d.File.Pos(d.Span.Start).Line, d.Message))
		}
	}
	if slices.Sort(more); len(more) > 0 {
		faults = append(faults, fmt.Sprintf("%s: new findings: %s", how, strings.Join(more, "; ")))
	}
	return out, faults
}

// kind is what a finding is counted as. Rules with a common alias judge one
// thing: the shell form stays the shell form where a fix puts SHELL before it.
func kind(d lint.Diagnostic) string {
	if len(d.Rule.Aliases) > 0 {
		return d.Rule.Aliases[0]
	}
	return d.Rule.Name
}
