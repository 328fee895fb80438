package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A disagreement is one place where we and the other tool do not say the same
// of a rule.
type disagreement struct {
	rule string
	file *dockerfile.File // nil when BuildKit does not take the text
	// in are the instructions that it may be about: one where a finding
	// stands, all of them where the other tool's case does not say.
	in []dockerfile.Instruction
	// extra is what we report and they do not; otherwise they do and we do
	// not.
	extra bool
	where string // for people
	text  string // for people
}

// A report counts agreement and prints it.
type report struct {
	out     io.Writer
	verbose string
	known   []*difference
	failed  bool
}

func (r *report) failf(format string, args ...any) {
	r.failed = true
	fmt.Fprintf(r.out, "FAIL "+format+"\n", args...)
}

// explain reports whether a listed difference covers a disagreement, and
// prints it when that is asked for.
func (r *report) explain(d disagreement) bool {
	why := ""
	for _, k := range r.known {
		if k.covers(d) {
			k.used[d.rule], why = true, k.kind
			break
		}
	}
	if r.verbose == d.rule || r.verbose == "all" && why == "" {
		side := "theirs alone"
		if d.extra {
			side = "ours alone"
		}
		if why != "" {
			side += ", listed as " + why
		}
		fmt.Fprintf(r.out, "%s %s: %s\n    %s\n", d.rule, d.where, side, strings.ReplaceAll(strings.TrimRight(d.text, "\n"), "\n", "\n    "))
	}
	return why != ""
}

// A tally is the agreement about one rule.
type tally struct{ agree, listed, extra, missed int }

func (t tally) total() int { return t.agree + t.listed + t.extra + t.missed }

// A table is the agreement by rule.
type table map[string]*tally

func (t table) at(rule string) *tally {
	if t[rule] == nil {
		t[rule] = &tally{}
	}
	return t[rule]
}

func (t table) sum() tally {
	var s tally
	for _, x := range t {
		s.agree, s.listed, s.extra, s.missed = s.agree+x.agree, s.listed+x.listed, s.extra+x.extra, s.missed+x.missed
	}
	return s
}

// print writes the table, the rules that disagree most first.
func (t table) print(w io.Writer, title string) {
	fmt.Fprintf(w, "\n%s\n", title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "rule\tjudged\tagree\tlisted\tours alone\ttheirs alone\t")
	rules := slices.Sorted(maps.Keys(t))
	slices.SortStableFunc(rules, func(a, b string) int { return (t[b].extra + t[b].missed) - (t[a].extra + t[a].missed) })
	for _, r := range append(rules, "total") {
		x := t.sum()
		if r != "total" {
			x = *t[r]
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t\n", r, x.total(), x.agree, x.listed, x.extra, x.missed)
	}
	_ = tw.Flush() // w is a terminal or a file; a failed write shows there
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}
