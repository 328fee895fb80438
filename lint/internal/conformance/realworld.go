package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/internal/archive"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// A place is a rule and the line on which the instruction begins that breaks
// it.
type place struct {
	rule string
	line int
}

func realWorld(ctx context.Context, r *report, corpus string) error {
	var theirs map[string][][2]any
	if err := readJSON(filepath.Join(corpus, "realworld-hadolint-dev.json"), &theirs); err != nil {
		return err
	}
	files := map[string][]byte{}
	for f, err := range archive.Files(corpus) {
		if err != nil {
			return err
		}
		files[path.Base(f.Name)] = f.Data
	}
	t := table{}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		text, found := files[name]
		if theirs[name] == nil || !found {
			continue // hadolint could not parse it
		}
		if err := compare(ctx, r, t, source.NewFile(name, text), theirs[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	t.print(r.out, "real Dockerfiles (rule, file, instruction)")
	sum := t.sum()
	precision, recall := percent(sum.agree, sum.agree+sum.extra), percent(sum.agree, sum.agree+sum.missed)
	fmt.Fprintf(r.out, "precision %.2f %%, recall %.2f %%\n", precision, recall)
	if min(precision, recall) < barReal {
		r.failf("real Dockerfiles: precision or recall is below %.0f %%", barReal)
	}
	return nil
}

// compare adds one file to the table. What BuildKit does not take has no
// instructions to compare.
func compare(ctx context.Context, r *report, t table, src *source.File, theirs [][2]any) error {
	f, err := dockerfile.Parse(src)
	if _, bad := errors.AsType[*dockerfile.SyntaxError](err); bad {
		return nil
	}
	if err != nil {
		return err
	}
	diags, err := lint.Run(ctx, src, lint.Options{Rules: rules.All()})
	if err != nil {
		return err
	}
	have, want := map[place]bool{}, map[place]bool{}
	for _, d := range diags {
		for _, name := range append([]string{d.Rule.Name}, d.Rule.Aliases...) {
			if strings.HasPrefix(name, "DL") && isNumber(name[2:]) && !slices.Contains(retired, name) {
				have[place{name, start(f, src.Pos(d.Span.Start).Line)}] = true
			}
		}
	}
	for _, x := range theirs {
		want[place{x[0].(string), start(f, int(x[1].(float64)))}] = true
	}
	all := maps.Clone(have)
	maps.Copy(all, want)
	for p := range all {
		d := disagreement{rule: p.rule, file: f, extra: have[p], where: src.Name + ":" + strconv.Itoa(p.line), text: string(src.Line(min(p.line, src.Lines())))}
		if in, ok := f.At(p.line); ok {
			span := in.Span()
			d.in, d.text = []dockerfile.Instruction{in}, string(src.Bytes[span.Start:span.End])
		}
		count(r, t.at(p.rule), d, have[p], want[p])
	}
	return nil
}

// start is the first line of the instruction that a line belongs to.
func start(f *dockerfile.File, line int) int {
	if in, ok := f.At(line); ok {
		return in.Node.StartLine
	}
	return line
}

// retired are names that hadolint has taken out of use.
var retired = []string{"DL3005", "DL3017", "DL3031", "DL3039"}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
