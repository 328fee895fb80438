// Package lint runs rules over Dockerfiles and applies their fixes.
//
// It takes the rules as a value and so does not import package rules; a
// caller that wants all of them passes rules.All().
package lint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// Options configures a run. The zero value runs no rules.
type Options struct {
	Rules       []rule.Rule
	UnsafeFixes bool // also apply fixes that may build a different image
}

// A Diagnostic is a finding with the rule and the file it belongs to.
type Diagnostic struct {
	Rule *rule.Meta
	File *source.File
	rule.Finding
}

// syntax is the rule that text which is not a Dockerfile breaks. It has no
// Check, because without a tree no rule can run.
var syntax = rule.Meta{
	ID:       "DF0001",
	Name:     "syntax",
	Summary:  "the file is a Dockerfile",
	Severity: rule.Error,
}

// Run checks one file. Diagnostics come in the order of the file, and in the
// order of rule IDs where two begin at the same byte. Text that is not a
// Dockerfile is one diagnostic, not an error.
func Run(ctx context.Context, src *source.File, opts Options) ([]Diagnostic, error) {
	diags, err := check(ctx, src, opts)
	if bad, ok := errors.AsType[*dockerfile.SyntaxError](err); ok {
		at := src.LineStart(min(max(bad.Line, 1), src.Lines()))
		found := rule.Finding{Span: source.Span{Start: at, End: at}, Message: bad.Err.Error()}
		return []Diagnostic{{Rule: &syntax, File: src, Finding: found}}, nil
	}
	return diags, err
}

// check is Run, except that it returns a *dockerfile.SyntaxError as it is.
func check(ctx context.Context, src *source.File, opts Options) ([]Diagnostic, error) {
	f, err := dockerfile.Parse(src)
	if err != nil {
		return nil, err
	}
	var out []Diagnostic
	for i := range opts.Rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &opts.Rules[i]
		p := &rule.Pass{File: f}
		r.Check(p)
		for _, found := range p.Findings() {
			out = append(out, Diagnostic{Rule: &r.Meta, File: src, Finding: found})
		}
	}
	slices.SortFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Rule.ID, b.Rule.ID))
	})
	return out, nil
}

// maxRounds bounds the rounds of fixing. Fixes settle in two or three; a pair
// of rules that undo each other would never settle.
const maxRounds = 10

// A FixError is a fix that made things worse. The file is left as it was.
type FixError struct {
	Name  string
	Rules []string // IDs of the rules whose fixes were applied last
	Err   error
}

// Error names the rules, since the bug is in one of them.
func (e *FixError) Error() string { return fmt.Sprintf("%s: fixing %v: %v", e.Name, e.Rules, e.Err) }

// Unwrap returns the cause.
func (e *FixError) Unwrap() error { return e.Err }

// Fix applies fixes, looking again after each round, until none is left to
// apply. It returns the new text and the diagnostics that remain. When nothing
// was changed the text is src itself.
func Fix(ctx context.Context, src *source.File, opts Options) (*source.File, []Diagnostic, error) {
	cur, last := src, []string(nil)
	for range maxRounds {
		diags, err := check(ctx, cur, opts)
		if _, broke := errors.AsType[*dockerfile.SyntaxError](err); broke {
			if cur != src {
				return src, nil, &FixError{src.Name, last, err}
			}
			diags, err = Run(ctx, src, opts)
		}
		if err != nil {
			return src, nil, err
		}
		var sets []fix.Set
		var ids []string
		for _, d := range diags {
			if d.Fix != nil && (d.Fix.Safety == rule.Safe || opts.UnsafeFixes) {
				sets = append(sets, d.Fix.Edits)
				ids = append(ids, d.Rule.ID)
			}
		}
		out, taken := fix.Apply(cur.Bytes, sets)
		if len(taken) == 0 {
			return cur, diags, nil
		}
		last = nil
		for _, i := range taken {
			last = append(last, ids[i])
		}
		cur = source.NewFile(src.Name, out)
	}
	return src, nil, &FixError{src.Name, last, fmt.Errorf("not settled after %d rounds", maxRounds)}
}
